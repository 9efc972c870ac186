"""Claim: of the methods, ``mmps`` restores best, and fills holes as well as ``repaint`` at the same cost.

Test pictures of the starter ``fashion`` are measured, with noise, and restored by every method with as many steps as
the recipe takes. PSNR is of one sample against the truth, averaged over pictures; a sample scatters about the mean of
all that may be, and so is up to 3 dB below the best possible. ``mean's`` is that of the mean of several samples.
``misfit`` is the root mean square of A(x) - y over the noise's deviation: 1 where noise, and nothing else, was taken
for noise.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from benchmarks.report import markdown, parser, save, show
from suffuse.inverse import Measured, Run
from suffuse.model import Model, load
from suffuse.operators import Blur, Downsample, Identity, Mask, Operator
from suffuse.registry import make
from suffuse.rng import Rng
from suffuse.sampling import DDPM, LogSnr, sample
from suffuse.tasks.evaluate import open_splits

MODEL = "fashion"
HOLE = (slice(None), slice(None), slice(8, 20), slice(8, 20))

METHODS: tuple[tuple[str, Mapping[str, Any]], ...] = (
    ("repaint", {"resamples": 1}),
    ("repaint", {"resamples": 5}),
    ("repaint", {"resamples": 10}),
    ("mmps", {"iterations": 1}),
    ("mmps", {"iterations": 3}),
    ("mmps", {"iterations": 5}),
    ("diffpir", {}),
    ("pigdm", {}),
    ("dps", {}),
)


def problems(size: int) -> dict[str, tuple[Operator, float]]:
    """The measurements, with the deviation of their noise."""
    known = torch.ones(1, 1, size, size, dtype=torch.bool)
    known[HOLE] = False
    return {
        "inpaint 12×12": (Mask(known), 0.0),
        "downsample 2": (Downsample(2), 0.02),
        "blur 1.5": (Blur(1.5), 0.05),
        "denoise 0.5": (Identity(), 0.5),
    }


def clean_states(model: Model, count: int) -> Tensor:
    """The first test pictures."""
    test = open_splits(model.recipe).test
    states = model.codec.encode([test[i].item for i in range(count)])
    assert isinstance(states, Tensor)
    return states


def solve(
    model: Model, method: str, options: Mapping[str, Any], operator: Operator, y: Tensor, noise: float, like: Tensor,
    steps: int, seed: int,
) -> Tensor:  # fmt: skip
    """One restoration of each measurement."""
    times = LogSnr(steps)(model.process.schedule)
    run: Run = Run(model.denoiser, model.process, DDPM(), times)
    run = make("method", method, **options)(run, Measured(operator, y, noise))
    x = sample(run.sampler, run.denoiser, run.process, run.times, rng=Rng.of(seed, len(y)), like=like)
    assert isinstance(x, Tensor)
    return x


def psnr(x: Tensor, truth: Tensor, std: float) -> float:
    """Peak signal-to-noise ratio in dB of values in [0, 1], averaged over samples."""
    error = ((x - truth) * std).square().flatten(1).mean(1)
    return float((-10.0 * error.log10()).mean())


def rows(
    model: Model, count: int, draws: int, steps: int, methods: Sequence[tuple[str, Mapping[str, Any]]]
) -> list[Any]:
    """A row for each method and measurement."""
    truth = clean_states(model, count)
    std: float = model.codec.std  # type: ignore[attr-defined]
    found = []
    for problem, (operator, noise) in problems(truth.shape[-1]).items():
        y = operator(truth)
        assert isinstance(y, Tensor)
        y = y + noise * Rng.of(0, count).at("measure").normal(y)
        for method, options in methods:
            if method == "repaint" and not isinstance(operator, Mask):
                continue
            begun = time.perf_counter()
            made = [solve(model, method, options, operator, y, noise, truth, steps, 1000 * d) for d in range(draws)]
            seconds = (time.perf_counter() - begun) / (draws * count)
            if isinstance(operator, Mask):
                made = [torch.where(operator.known, truth, x) for x in made]
            misfit = (operator(made[0]) - y).square().mean().sqrt()  # type: ignore[operator]
            name = ",".join([method, *(f"{k}={v}" for k, v in options.items())]).replace(",", ":", 1)
            found.append(
                {
                    "problem": problem,
                    "method": name,
                    "PSNR": psnr(made[0], truth, std),
                    "mean's": psnr(torch.stack(made).mean(0), truth, std),
                    "misfit": float(misfit) / noise if noise else None,
                    "s/picture": seconds,
                }
            )
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    """Run from the command line."""
    options = parser(__doc__)
    options.add_argument("--count", type=int, default=32, help="test pictures")
    options.add_argument("--draws", type=int, default=2, help="restorations of each")
    options.add_argument("--steps", type=int, default=20, help="steps of sampling")
    options.add_argument("--threads", type=int, default=1)
    options.add_argument("--markdown", action="store_true", help="print the table in markdown")
    told = options.parse_args(arguments)
    torch.set_num_threads(told.threads)
    table = rows(load(MODEL), told.count, told.draws, told.steps, METHODS)
    show(f"{told.count} pictures, {told.steps} steps", table)
    if told.markdown:
        print(markdown(table))
    save(told.json, inverse=table)


if __name__ == "__main__":
    main()
