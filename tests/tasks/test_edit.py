"""``encode``, ``vary`` and ``blend``: against flows that are known, and on the trained toy model."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor

from suffuse.errors import DomainInputError, RecipeError, UnsupportedError
from suffuse.model import Model
from suffuse.process import EDM, Cosine, Gaussian, RectifiedFlow, Schedule, VPLinear, noise_ratio
from suffuse.process.categorical import Categorical
from suffuse.process.kernels import Absorbing, Uniform
from suffuse.registry import isolated
from suffuse.rng import Rng
from suffuse.sampling import DDIM, DDPM, Heun, LogSnr, UniformTime
from suffuse.state import State
from suffuse.tasks.blend import blend, slerp
from suffuse.tasks.encode import decode, encode
from suffuse.tasks.generate import generate
from suffuse.tasks.variations import start_time
from suffuse.tasks.vary import vary
from tests.exact import exact_model, items_of, one_mode, two_modes
from tests.letters import kept_share, letters
from tests.toy import LENGTH, Plugin, Waves

SCHEDULES = [RectifiedFlow(), Cosine(), VPLinear(), EDM()]
schedules = pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda s: type(s).__name__)


@pytest.fixture(autouse=True)
def domain() -> Iterator[None]:
    with isolated(Plugin()):
        yield


def waves(count: int, first: int = 300) -> list[list[float]]:
    return [Waves(first, count, True)[i].item for i in range(count)]


# encode ---------------------------------------------------------------------------------------------------------------


@schedules
def test_codes_of_a_gaussian_are_known(schedule: Schedule) -> None:
    """The flow of one Gaussian is linear: it takes deviations from the mean to deviations of the noise."""
    items = items_of(one_mode(), 6)
    found = encode(exact_model(one_mode(), schedule), items, steps=40)
    alpha, sigma = schedule.alpha(1.0), schedule.sigma(1.0)
    centred = (torch.tensor(items) - 0.3) / 0.7
    expected = alpha * 0.3 + centred * math.sqrt(alpha**2 * 0.49 + sigma**2)
    assert isinstance(found.states, Tensor)
    assert torch.allclose(found.states.flatten(1), expected, rtol=2e-3, atol=2e-3)


@schedules
def test_codes_lead_back(schedule: Schedule) -> None:
    items = items_of(two_modes(), 9)
    model = exact_model(two_modes(), schedule)
    found = model.encode(items, batch=4)
    assert found.error is not None
    assert float(found.error.max()) < 2e-3
    back = torch.tensor(model.decode(found, batch=4))
    difference = (back - torch.tensor(items)).square().mean(1).sqrt()
    assert torch.allclose(difference.double(), found.error, atol=1e-6)


def test_codes_of_data_are_noise() -> None:
    """Data that are drawn from what the model believes become standard normal numbers."""
    found = encode(exact_model(two_modes()), items_of(two_modes(), 600), check=False)
    assert found.error is None
    assert isinstance(found.states, Tensor)
    x = found.states.flatten(1)
    assert x.mean(0).abs().max() < 0.2
    assert torch.cov(x.T).sub(torch.eye(LENGTH)).abs().max() < 0.25


def test_codes_do_not_depend_on_the_batch_nor_on_chance(model: Model) -> None:
    items, seen = waves(5), []
    together = encode(model, items, conditions={"label": ["f1", "f2"]}, on_step=lambda d, n: seen.append((d, n)))
    apart = encode(model, items, conditions={"label": ["f1", "f2"]}, batch=2)
    assert torch.allclose(together.states, apart.states, atol=1e-4)  # type: ignore[arg-type]
    assert together.conditions == {"label": ["f1", "f2", "f1", "f2", "f1"]}
    assert seen == [(1, 1)]


def test_round_trip_of_the_trained_model_gets_better_with_steps(model: Model) -> None:
    errors = [encode(model, waves(6), steps=steps).error for steps in (4, 16, 64)]
    coarse, middle, fine = (float(e.max()) for e in errors if e is not None)
    assert fine < middle < coarse
    assert fine < 0.01


# blend ----------------------------------------------------------------------------------------------------------------


def test_ends_are_the_items_and_the_middle_is_known() -> None:
    """Between two samples of one Gaussian lies the great circle of their deviations."""
    a, b = items_of(one_mode(), 2)
    found = blend(exact_model(one_mode()), a, b, 5, steps=40)
    assert found.weights == [0.0, 0.25, 0.5, 0.75, 1.0]
    assert found.items[0] == pytest.approx(a, abs=5e-3) and found.items[-1] == pytest.approx(b, abs=5e-3)
    assert float(found.error.max()) < 5e-3
    za, zb = ((torch.tensor([x]) - 0.3) / 0.7 for x in (a, b))
    middle = slerp(za, zb, 0.5)
    assert isinstance(middle, Tensor)
    assert found.items[2] == pytest.approx((0.3 + 0.7 * middle)[0].tolist(), abs=5e-3)


def test_great_circles() -> None:
    a, b = torch.tensor([[2.0, 0.0], [1.0, 0.0], [3.0, 4.0]]), torch.tensor([[0.0, 4.0], [-1.0, 1e-3], [3.0, 4.0]])
    for weight in (0.0, 0.3, 0.5, 1.0):
        x = slerp(a, b, weight)
        assert isinstance(x, Tensor)
        length = (1.0 - weight) * a.norm(dim=1) + weight * b.norm(dim=1)
        assert torch.allclose(x.norm(dim=1), length, atol=1e-4)
    half = slerp(a, b, 0.5)
    assert torch.allclose(half[0], torch.tensor([1.0, 1.0]) * 3.0 / math.sqrt(2.0))  # type: ignore[index]
    assert torch.allclose(slerp(a, b, 0.0), a) and torch.allclose(slerp(a, b, 1.0), b)  # type: ignore[arg-type]


def test_great_circles_of_named_fields_leave_padding_alone() -> None:
    mask = torch.tensor([[True, False]])
    a: State = {"x": torch.tensor([[[1.0, 0.0], [9.0, 9.0]]]), "mask": mask}
    b: State = {"x": torch.tensor([[[0.0, 1.0], [7.0, 7.0]]]), "mask": mask}
    found = slerp(a, b, 0.5)
    assert isinstance(found, dict)
    assert torch.allclose(found["x"], torch.tensor([[[0.5**0.5, 0.5**0.5], [0.0, 0.0]]]))


def test_blend_of_the_trained_model_goes_over_gradually(model: Model) -> None:
    a, b = waves(2)
    found = model.blend(a, b, 9)
    ends = torch.tensor([a, b])
    distance = torch.cdist(torch.tensor(found), ends)
    assert distance[0, 0] < 0.1 and distance[-1, 1] < 0.1
    assert distance[:, 0].argmax() > 4 and distance[:, 1].argmax() < 4
    chosen = blend(model, a, b, weights=[0.5, 0.125], steps=20)
    assert chosen.items[0] == pytest.approx(found[4], abs=1e-3)
    assert chosen.items[1] == pytest.approx(found[1], abs=1e-3)


# vary -----------------------------------------------------------------------------------------------------------------


@schedules
def test_variations_of_a_gaussian_are_known(schedule: Schedule) -> None:
    """Noised by the keyed noise, then led back by the linear flow."""
    items, strength = items_of(one_mode(), 3), 0.4
    model = exact_model(one_mode(), schedule)
    found = vary(model, items, strength, count=2, seed=7, sampler=Heun(), grid=LogSnr(200))
    assert found.seeds == [7, 8, 9, 10, 11, 12]
    assert found.sources == ["0", "0", "1", "1", "2", "2"]
    t = start_time(model.process, strength)
    alpha, sigma = schedule.alpha(t), schedule.sigma(t)
    assert sigma / (alpha + sigma) == pytest.approx(strength)
    x = torch.tensor([item for item in items for _ in range(2)])[:, None]
    noised = model.process.corrupt(x, t, Rng.of(found.seeds).at("vary"))
    assert isinstance(noised, Tensor)
    back = 0.3 + 0.7 * (noised - alpha * 0.3) / math.sqrt(alpha**2 * 0.49 + sigma**2)
    assert torch.allclose(torch.tensor(found.items), back[:, 0], atol=3e-3)


@schedules
def test_strength_is_the_share_of_noise(schedule: Schedule) -> None:
    process = Gaussian(schedule)
    assert start_time(process, 0.0) == 0.0 and start_time(process, 1.0) == 1.0
    assert noise_ratio(schedule, start_time(process, 0.5)) == pytest.approx(1.0)
    assert start_time(process, 0.999) <= 1.0


@pytest.mark.parametrize("sampler", [DDIM(), DDPM(), Heun()], ids=lambda s: type(s).__name__)
def test_from_the_item_itself_to_a_new_one(model: Model, sampler: Any) -> None:
    items = waves(24)
    assert model.vary(items, 0.0) == [pytest.approx(item, abs=1e-5) for item in items]
    distance = []
    for strength in (0.05, 0.4, 0.7, 1.0):
        made = torch.tensor(model.vary(items, strength, sampler=sampler, steps=20, label=None))
        distance.append(float((made - torch.tensor(items)).square().mean().sqrt()))
    assert distance[0] < distance[1] < distance[2]
    assert distance[0] < 0.15 and distance[-1] > 0.6
    fresh = generate(model, 4, seed=3, sampler=sampler, steps=20).items
    forgotten = vary(model, items[:4], 1.0, seed=3, sampler=sampler, steps=20).items
    assert forgotten == [pytest.approx(item, abs=1e-4) for item in fresh]


def test_variations_do_not_depend_on_the_batch_and_follow_conditions(model: Model) -> None:
    items, seen = waves(3), []
    options: dict[str, Any] = {"count": 3, "seed": 5, "conditions": {"label": ["f1", "f2", "f3"]}, "sampler": DDPM()}
    many = vary(model, items, 0.6, steps=6, batch=4, on_step=lambda d, n: seen.append((d, n)), **options)
    assert many.conditions["label"] == ["f1"] * 3 + ["f2"] * 3 + ["f3"] * 3
    assert seen[-1][0] == seen[-1][1] == len(seen)
    alone = vary(model, items[1:2], 0.6, steps=6, seed=5 + 3, conditions={"label": "f2"}, sampler=DDPM())
    assert alone.items[0] == pytest.approx(many.items[3], abs=1e-4)
    assert many.rows is not None and [len(row) for row in many.rows] == [4, 4, 4]
    spectrum = torch.fft.rfft(
        torch.tensor(vary(model, items, 0.9, count=8, steps=20, conditions={"label": "f2"}).items)
    )
    assert (spectrum.abs()[:, 1:4].argmax(1) == 1).float().mean() > 0.8


# other processes ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kernel", [Absorbing(3), Uniform(3)], ids=lambda k: type(k).__name__)
def test_variations_of_discrete_items(kernel: Any) -> None:
    """Of independent letters, those that noise has touched are drawn anew, all others stay."""
    model, items = letters(Categorical(kernel)), [list("ccbacb")] * 400
    assert model.vary(items[:2], 0.0) == items[:2]
    for strength in (0.3, 0.8):
        made = vary(model, items, strength, sampler=DDPM(), grid=UniformTime(30)).items
        kept = sum(a == b for new, old in zip(made, items, strict=True) for a, b in zip(new, old, strict=True))
        again = [0.1, 0.1, 0.2, 0.7, 0.1, 0.2]
        expected = sum(kept_share(kernel, strength, chance) for chance in again) / 6
        assert kept / 2400 == pytest.approx(expected, abs=0.04)


def test_discrete_items_have_no_flow() -> None:
    model = letters(Categorical(Uniform(3)))
    for call in (lambda: encode(model, [list("abcabc")]), lambda: blend(model, list("abcabc"), list("aaaaaa"))):
        with pytest.raises(UnsupportedError, match="probability flow"):
            call()


def test_bad_requests_are_told(model: Model) -> None:
    a, b = waves(2)
    cases: list[tuple[Any, type[Exception], str]] = [
        (lambda: vary(model, [a], 1.5), DomainInputError, "strength"),
        (lambda: vary(model, [a], -0.1), DomainInputError, "strength"),
        (lambda: vary(model, [a], float("nan")), DomainInputError, "strength"),
        (lambda: vary(model, []), DomainInputError, "items"),
        (lambda: vary(model, [a], count=0), DomainInputError, "count"),
        (lambda: vary(model, [[1.0]]), DomainInputError, "is not a wave"),
        (lambda: model.vary([a], labl="f1"), DomainInputError, "did you mean 'label'"),
        (lambda: blend(model, a, b, 1), DomainInputError, "count"),
        (lambda: blend(model, a, b, weights=[0.5, 2.0]), DomainInputError, "weights"),
        (lambda: blend(model, a, b, weights=[]), DomainInputError, "weights"),
        (lambda: blend(model, a, b, conditions={"label": ["f1", "f2"]}), DomainInputError, "label: has several"),
        (lambda: encode(model, []), DomainInputError, "items"),
        (lambda: encode(model, [a], steps=0), RecipeError, "steps"),
        (lambda: encode(model, [a], batch=0), DomainInputError, "batch"),
        (lambda: decode(model, encode(model, [a]), batch=0), DomainInputError, "batch"),
    ]
    for call, error, said in cases:
        with pytest.raises(error, match=said):
            call()
