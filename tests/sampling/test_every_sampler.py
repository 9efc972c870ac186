"""What every sampler of the registry promises, on every process that it works with: see :func:`places`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor

from suffuse.posterior import Posterior, Time
from suffuse.process import Absorbing, Categorical, Gaussian, Marginal, Process, Product, RectifiedFlow, Uniform
from suffuse.process.kernels import widen
from suffuse.registry import make, names
from suffuse.rng import Rng
from suffuse.sampling import LogSnr, OneEvaluation, Sampler, ShiftedFlow, sample
from suffuse.state import State, over_batch
from tests.oracles import GaussianMixture, three_modes

FREQUENCIES = (0.5, 0.2, 0.3)
GAUSSIAN = Gaussian(RectifiedFlow())
PROCESSES: dict[str, Process] = {
    "gaussian": GAUSSIAN,
    "uniform": Categorical(Uniform(3)),
    "absorbing": Categorical(Absorbing(3)),
    "marginal": Categorical(Marginal(FREQUENCIES)),
    "product": Product({"x": GAUSSIAN, "y": Categorical(Absorbing(3))}),
}
"""The process of a field ``x`` with two entries a position, of ``y`` with three classes, or of both."""

LENGTH = 4


@dataclass(frozen=True)
class Exact:
    """The exact posterior where all positions are independent: of a mixture in the plane, and of frequencies."""

    process: Process
    mixture: GaussianMixture

    def __call__(self, x: State, t: Time, conditions: Mapping[str, Any]) -> Posterior:
        assert isinstance(x, dict)
        process, mean = self.process, dict(x)
        for name, member in members(process).items():
            mean[name] = self.plane(member, x[name], t) if name == "x" else self.classes(member, x[name], t)
        return Posterior(mean)

    def plane(self, process: Any, x: Tensor, t: Time) -> Tensor:
        time = torch.as_tensor(t, dtype=torch.float64).reshape(-1).expand(len(x)).repeat_interleave(x.shape[1])
        points = x.reshape(-1, 2)
        alpha, sigma = (over_batch(f(time), points) for f in (process.schedule.alpha, process.schedule.sigma))
        return self.mixture.posterior_mean(points, alpha, sigma).reshape(x.shape)

    def classes(self, process: Any, x: Tensor, t: Time) -> Tensor:
        """p(k | x_t) ∝ f_k q(x_t | k)."""
        chances = []
        for k, frequency in enumerate(FREQUENCIES):
            one = torch.eye(3, dtype=x.dtype)[k].expand_as(x)
            outcome = widen(process.kernel, x)
            chances.append(frequency * (process.marginal(one, t) * outcome).sum(-1))
        return torch.nn.functional.normalize(torch.stack(chances, -1), p=1.0, dim=-1)


def members(process: Process) -> Mapping[str, Process]:
    """The process of each field."""
    if isinstance(process, Product):
        return process.fields
    return {"x" if isinstance(process, Gaussian) else "y": process}


def like(process: Process, count: int, lengths: Sequence[int] | None = None, length: int = LENGTH) -> State:
    """Empty states, padded to ``length`` positions, of which ``lengths`` (default 4) are real."""
    widths = {"x": 2, "y": 3}
    state = {name: torch.zeros(count, length, widths[name], dtype=torch.float64) for name in members(process)}
    real = torch.tensor([LENGTH] * count if lengths is None else list(lengths))
    return {**state, "mask": torch.arange(length) < real[:, None]}


def works(sampler: Sampler, process: Process) -> bool:
    """Whether the sampler is made for this process, or for a field of it, as it declares."""
    needs: Any = sampler.needs  # type: ignore[attr-defined]
    if isinstance(process, Product) and isinstance(sampler, OneEvaluation):
        return any(needs.met(member) for member in process.fields.values())
    return bool(needs.met(process))


def places() -> list[Any]:
    """Each name in the registry with each process that it works with."""
    return [
        pytest.param(name, process, id=f"{name}-{process}")
        for name in names("sampler")
        for process in PROCESSES
        if works(make("sampler", name), PROCESSES[process])
    ]


everywhere = pytest.mark.parametrize(("name", "process"), places())


def run(sampler: Sampler, process: Process, state: State, seeds: Sequence[int], steps: int = 5) -> dict[str, Tensor]:
    """Samples, at levels between which restarts and correctors have something to do."""
    times = (LogSnr(steps) if isinstance(process, Gaussian) else ShiftedFlow(steps))(process.schedule)
    end = sample(sampler, Exact(process, three_modes()), process, times, rng=Rng.of(seeds), like=state)
    assert isinstance(end, dict)
    return end


@pytest.mark.parametrize("name", names("sampler"))
def test_every_name_has_a_place(name: str) -> None:
    """No sampler is left out below: each works with a process that is tested here."""
    assert any(place.values[0] == name for place in places())


@everywhere
def test_a_sample_is_the_same_alone_and_in_the_batch(name: str, process: str) -> None:
    """Sample 5 of 0 … 63."""
    sampler, used = make("sampler", name), PROCESSES[process]
    batch = run(sampler, used, like(used, 64), range(64))
    alone = run(sampler, used, like(used, 1), [5])
    for field, x in alone.items():
        assert torch.allclose(batch[field][5].double(), x[0].double(), rtol=1e-10, atol=1e-10), field
    assert any(not torch.equal(batch[field][5], batch[field][6]) for field in set(batch) - {"mask"})


@everywhere
def test_one_object_serves_many_threads(name: str, process: str) -> None:
    sampler, used = make("sampler", name), PROCESSES[process]
    work = [(seed, 2 + seed % 3) for seed in range(8)]

    def one(task: tuple[int, int]) -> dict[str, Tensor]:
        seed, steps = task
        return run(sampler, used, like(used, 2), range(seed, seed + 2), steps)

    in_turn = [one(task) for task in work]
    with ThreadPoolExecutor(8) as pool:
        at_once = list(pool.map(one, work))
    for a, b in zip(in_turn, at_once, strict=True):
        assert all(torch.equal(a[field], b[field]) for field in a)


@everywhere
def test_padding_changes_nothing(name: str, process: str) -> None:
    """A sample of 2 positions is the same with two more of padding, which stays empty."""
    sampler, used = make("sampler", name), PROCESSES[process]
    padded = run(sampler, used, like(used, 3, [4, 2, 3]), [7, 8, 9])
    alone = run(sampler, used, like(used, 1, [2], length=2), [8])
    for field in set(alone) - {"mask"}:
        assert torch.allclose(padded[field][1, :2], alone[field][0], rtol=1e-10, atol=1e-10)
        assert (padded[field][1, 2:] == 0.0).all()
        assert padded[field].isfinite().all()


@everywhere
def test_the_data_come_out(name: str, process: str) -> None:
    """In few steps at least near: classes are classes, and points are near the modes."""
    sampler, used = make("sampler", name), PROCESSES[process]
    end = run(sampler, used, like(used, 64), range(64), steps=12)
    if "x" in end and name != "consistency":  # which needs a consistency function
        distance = torch.cdist(end["x"].reshape(-1, 2), three_modes().means).amin(1)
        assert float((distance < 3.0 * three_modes().std).double().mean()) > 0.9
    if "y" in end:
        assert torch.equal(end["y"].sum(-1), torch.ones_like(end["y"][..., 0]))
        assert torch.equal(end["y"].amax(-1), torch.ones_like(end["y"][..., 0]))
        found = end["y"].mean((0, 1))
        if name == "confidence":  # which shows likely classes first, and too often
            assert found[0] > FREQUENCIES[0]
            return
        assert torch.allclose(found, torch.tensor(FREQUENCIES, dtype=found.dtype), atol=0.15)
