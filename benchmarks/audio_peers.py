"""Time and memory of the recipe ``fsdd`` beside other toolkits for sounds, at nearly as many parameters.

All learn from the same clips, spoken digits of 8,192 samples, in batches of one size, in float32, on as many threads,
in turn within one run; ours once more in the precision that the recipe chooses here. A training step is what each
toolkit has for one: ``suffuse``'s trainer with all that it does, ``diffwave``'s learner, and, as
``audio-diffusion-pytorch`` has none, its loss, backward and the optimizer that ours has. Sampling is from noise to a
waveform, phases included. Figures are medians of processor seconds; ``busy`` is how many seconds of the clock went by
for each of them.

Neither toolkit's own sizes fit: of DiffWave the width is chosen, of the U-Net in the other's manual the first five
levels are kept as they are, or seven at a quarter of the width. Nothing is said of quality: see ``benchmarks.audio``.

    pip install --target PEERS --no-deps audio-diffusion-pytorch a-unet audio-encoders-pytorch einops
    git clone https://github.com/lmnt-com/diffwave
    PYTHONPATH=$PYTHONPATH:PEERS:diffwave/src python -m benchmarks.audio_peers
"""

from __future__ import annotations

import multiprocessing
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from itertools import cycle
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.peers import AbsentPeer, peer
from benchmarks.report import Row, markdown, parser, save, show, tell
from benchmarks.timing import Job, Times, interleaved
from suffuse.domain import examples_at
from suffuse.precision import resolve_precision
from suffuse.recipe import load_recipe
from suffuse.tasks.data import open_splits
from suffuse.tasks.generate import generate
from suffuse.tasks.job import make_accelerator, prepare
from suffuse.training.run import Run
from suffuse_audio.codec import SoundCodec

OURS = "suffuse"
CLIPS = 256
"""Of the training part that the others learn from in turn."""


@dataclass(frozen=True)
class Setting:
    """What is the same for all.

    Arguments:
        batch: clips of a training step.
        clips: made at a time.
    """

    batch: int
    clips: int


@dataclass(frozen=True)
class Side:
    """One toolkit, ready to be timed.

    Arguments:
        parameters: of its network.
        usual: the evaluations that it makes a clip in, unless told otherwise.
        step: makes a training step.
        sample: makes clips in as many evaluations.
    """

    parameters: int
    usual: int
    step: Callable[[], object]
    sample: Callable[[int], object]


# ours -----------------------------------------------------------------------------------------------------------------


def ours(setting: Setting, precision: str) -> Side:
    """The recipe, in its own or another precision of training."""
    job = _job(setting, precision)
    steps = job.trainer.steps(job.source)
    model = job.model({})
    sample = partial(generate, model, setting.clips, batch=setting.clips)
    network = job.trainer.network
    return Side(_size(network), job.recipe.sample.steps, lambda: next(steps), lambda count: sample(steps=count))


def _job(setting: Setting, precision: str) -> Any:
    told = [f"train.batch={setting.batch}", f"train.precision={precision}", "train.steps=1000000"]
    recipe = load_recipe("audio/fsdd", told)
    return prepare(recipe, open_splits(recipe), Run(Path()), None, make_accelerator(precision))


@cache
def _parameters() -> int:
    return _size(_job(Setting(1, 1), "no").trainer.network)


def batches(setting: Setting) -> Iterator[Tensor]:
    """The waveforms that our codec gets, ``[batch, samples]``, in turn."""
    return cycle(part.clone() for part in _waves().split(setting.batch))


@cache
def _waves() -> Tensor:
    job = _job(Setting(1, 1), "no")
    assert isinstance(job.codec, SoundCodec)
    return torch.from_numpy(job.codec.waves(examples_at(job.splits.train, range(CLIPS)).items)[:, 0])


# others ---------------------------------------------------------------------------------------------------------------


def diffwave(setting: Setting) -> Side:
    """DiffWave without spectrograms, of the width that has as many parameters as ours, by its learner and predictor."""
    params = peer("diffwave.params")
    if "unconditional" not in params.params:
        raise AbsentPeer("diffwave of PyPI makes no sound without a spectrogram; get its repository instead")
    module, learner, inference = (peer(f"diffwave.{name}") for name in ("model", "learner", "inference"))
    given = batches(setting)
    samples = next(given).shape[1]

    def options(**others: Any) -> Any:
        return params.AttrDict(params.params) | {"unconditional": True, "audio_len": samples, **others}

    def network(width: int) -> Any:
        return module.DiffWave(params.AttrDict(options(residual_channels=width)))

    model = network(_nearest(network, range(64, 257, 2)))
    optimizer = torch.optim.Adam(model.parameters(), lr=params.params.learning_rate)
    folder = tempfile.mkdtemp()
    trainer = learner.DiffWaveLearner(folder, model, None, optimizer, model.params)
    Path(folder).rmdir()
    inference.models[OURS] = model
    usual = len(model.params.noise_schedule)

    def sample(count: int) -> None:
        fast = count != usual
        told = params.AttrDict(
            {"audio_len": samples, "inference_noise_schedule": _fewer(model.params.noise_schedule, count)}
        )
        for _ in range(setting.clips):  # it makes one at a time
            inference.predict(None, OURS, told, torch.device("cpu"), fast_sampling=fast)

    return Side(
        _size(model), usual, lambda: trainer.train_step({"audio": next(given), "spectrogram": None}), sample
    )  # fmt: skip


def _fewer(schedule: Sequence[float], count: int) -> list[float]:
    """A schedule's variances at so many of its times, the first and the last left out, where rounding would tell."""
    kept = np.cumprod(1.0 - np.asarray(schedule))[np.linspace(1, len(schedule) - 2, count).round().astype(int)]
    found: list[float] = (1.0 - kept / np.concatenate([[1.0], kept[:-1]])).tolist()
    return found


def archinet(setting: Setting, levels: int, share: float) -> Side:
    """The U-Net of audio-diffusion-pytorch's manual, of so many levels and such a share of its width."""
    kit = peer("audio_diffusion_pytorch")
    channels = (8, 32, 64, 128, 256, 512, 512, 1024, 1024)
    model = kit.DiffusionModel(
        net_t=kit.UNetV0,
        in_channels=1,
        channels=[max(8, round(share * width)) for width in channels[:levels]],
        factors=(1, 4, 4, 4, 2, 2, 2, 2, 2)[:levels],
        items=(1, 2, 2, 2, 2, 2, 2, 4, 4)[:levels],
        attentions=(0, 0, 0, 0, 0, 1, 1, 1, 1)[:levels],
        attention_heads=8,
        attention_features=64,
        diffusion_t=kit.VDiffusion,
        sampler_t=kit.VSampler,
    )
    given = batches(setting)
    samples = next(given).shape[1]
    optimizer = torch.optim.AdamW(model.parameters(), fused=True)

    def step() -> None:
        model(next(given)[:, None]).backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    return Side(
        _size(model), 10, step, lambda count: model.sample(torch.randn(setting.clips, 1, samples), num_steps=count)
    )  # fmt: skip


def _nearest(network: Callable[[int], nn.Module], widths: Sequence[int]) -> int:
    """The width at which a network has about as many parameters as ours."""
    wanted = _parameters()
    with torch.device("meta"):
        return min(widths, key=lambda width: abs(_size(network(width)) - wanted))


def _size(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters() if parameter.requires_grad)


SIDES: Mapping[str, Callable[[Setting], Side]] = {
    OURS: partial(ours, precision="no"),
    "suffuse, its own precision": partial(ours, precision="auto"),
    "diffwave": diffwave,
    "audio-diffusion-pytorch, 5 levels": partial(archinet, levels=5, share=1.0),
    "audio-diffusion-pytorch, 7 levels": partial(archinet, levels=7, share=0.25),
}


# figures --------------------------------------------------------------------------------------------------------------


def main(arguments: Sequence[str] | None = None) -> None:
    """A row for each side."""
    about = parser(__doc__)
    about.add_argument("--batch", type=int, default=4, help="clips of a training step")
    about.add_argument("--clips", type=int, default=1, help="made at a time")
    about.add_argument("--evaluations", type=int, default=16, help="that all are compared at besides their own")
    about.add_argument("--rounds", type=int, default=3)
    about.add_argument("--threads", type=int, default=1)
    about.add_argument("--without", nargs="*", choices=list(SIDES), default=[], help="sides that are left out")
    about.add_argument("--memory", action="store_true", help="measure that of a training step too")
    given = about.parse_args(arguments)
    torch.set_num_threads(given.threads)
    setting = Setting(given.batch, given.clips)
    sides = _ready(setting, [name for name in SIDES if name not in given.without])
    jobs = {}
    for name, side in sides.items():
        jobs[name, "step"] = Job(side.step)
        for count in dict.fromkeys((side.usual, given.evaluations)):
            jobs[name, count] = Job(partial(side.sample, count))
    times = interleaved(jobs, given.rounds)  # type: ignore[arg-type, type-var]
    rows = [_row(setting, given, name, side, times) for name, side in sides.items()]
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    precision = resolve_precision("auto", "precision")
    tell(f"batch {given.batch}, {given.threads} threads; own precision: {precision}; load of the machine: {load}")
    show("beside other toolkits", rows)
    print(markdown(rows))
    save(given.json, audio_peers=rows)


def _ready(setting: Setting, names: Sequence[str]) -> dict[str, Side]:
    sides = {}
    for name in names:
        try:
            sides[name] = SIDES[name](setting)
        except AbsentPeer as reason:
            tell(str(reason))
    return sides


def _row(setting: Setting, given: Any, name: str, side: Side, times: Mapping[Any, Times]) -> Row:
    """Of a side, by clip, and as multiples of ours."""

    def seconds(side: str, what: object, clips: int) -> float:
        return median(times[side, what].cpu) / clips

    step, usual, equal = (
        seconds(name, "step", setting.batch),
        seconds(name, side.usual, setting.clips),
        seconds(name, given.evaluations, setting.clips),
    )
    of = times[name, "step"]
    ours_usual = next(what for who, what in times if who == OURS and what != "step")
    return {
        "toolkit": name,
        "parameters, M": side.parameters / 1e6,
        "training, s a clip": step,
        "× ours": step / seconds(OURS, "step", setting.batch),
        "evaluations": side.usual,
        "sampling, s a clip": usual,
        " × ours": usual / seconds(OURS, ours_usual, setting.clips),
        f"at {given.evaluations}, s a clip": equal,
        "  × ours": equal / seconds(OURS, given.evaluations, setting.clips),
        "busy": median(wall / cpu for wall, cpu in zip(of.wall, of.cpu, strict=True)),
    } | ({"a step's memory, MiB": _memory(name, setting)} if given.memory else {})


def _memory(name: str, setting: Setting) -> float:
    """The most that a process of its own holds during a training step, above what libraries and data alone take."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_peak, (name, setting))


def _peak(name: str, setting: Setting) -> float:
    torch.set_num_threads(1)
    next(batches(setting))
    before = _status("VmRSS")
    side = SIDES[name](setting)
    side.step()
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    side.step()
    return (_status("VmHWM") - before) / 1024


def _status(name: str) -> int:
    """A figure of this process in KiB, of Linux."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name))


if __name__ == "__main__":
    main()
