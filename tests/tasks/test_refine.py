"""Learning from more items: what remembers takes them in, what was trained is trained on; what was is left alone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from suffuse.domain import Splits
from suffuse.errors import RecipeError, UnsupportedError
from suffuse.recipe import validate
from suffuse.registry import isolated
from suffuse.tasks.fit import fit
from suffuse.tasks.refine import extended, refine
from suffuse.tasks.score import calibrate, score
from suffuse.tasks.statistics import stored
from tests import columns


@pytest.fixture(scope="module", autouse=True)
def domain() -> Iterator[None]:
    with isolated(columns.Plugin()):
        yield


def parts(seed: int, count: int) -> Splits:
    return Splits(columns.Table(seed, count), columns.Table(10**6, 20), columns.Table(10**6, 20), "more")


def fitted(count: int, **changes):
    return fit(validate(columns.recipe(**{"train": {"steps": 0}, **changes})), parts(0, count))


def test_a_memory_grows_as_if_it_had_been_shown_all() -> None:
    model = fitted(50)
    grown = refine(model, Splits(columns.Table(1, 30), columns.Table(1, 2), columns.Table(1, 2)))
    whole = columns.exact(50)
    codec = columns.ColumnsCodec()
    whole.denoiser.network.remember(torch.cat([codec.encode(columns.rows(seed, n)) for seed, n in ((0, 50), (1, 30))]))
    asked = columns.rows(5, 10)
    told = [score(m, asked, statistic="residual", levels=1).value for m in (grown, whole)]
    assert torch.allclose(*told) and grown.facts["examples"] == 80
    assert model.denoiser.network.count == 50 and grown.calibration is None


def test_a_network_is_trained_on_from_its_weights() -> None:
    network = {"name": "mlp", "width": 32, "depth": 2}
    model = fitted(400, network=network, predict="edm", train={"steps": 200, "batch": 64})
    before = {name: x.clone() for name, x in model.denoiser.network.state_dict().items()}
    more = parts(1, 400)
    same = refine(model, more, steps=1).denoiser.network.state_dict()
    gaps = [(same[name] - x).abs().max() for name, x in before.items() if x.is_floating_point()]
    assert max(gaps) < 0.05  # one step from where it was, and not from the start
    told: list[int] = []
    refined = refine(model, more, on_step=lambda done, total: told.append(total))
    assert told[-1] == len(told) == 100  # half of what it has learnt from is new
    assert refined.facts["steps"] == 300 and refined.facts["examples"] == 800
    assert all(torch.equal(x, before[name]) for name, x in model.denoiser.network.state_dict().items())
    assert refined.conditions == model.conditions and refined.codec is model.codec


def test_what_takes_in_no_more_says_so() -> None:
    with pytest.raises(UnsupportedError, match="takes in no more"):
        refine(fitted(50, network="patches"), parts(1, 10))


def test_a_reference_grows_and_forgets_the_first() -> None:
    model = fitted(50)
    first, second = (
        calibrate(model, columns.rows(seed, 20), statistic="residual", levels=1) for seed in (10**6, 2 * 10**6)
    )
    both = extended(first, second, 30)
    assert torch.equal(both.figures, torch.cat([first.figures[10:], second.figures]))
    whole = stored(both.statistic).combine(both.figures, both.figures).sort().values
    assert torch.equal(both.values, whole) and len(whole) == 30 and both.threshold is None
    other = calibrate(model, columns.rows(1, 20), statistic="residual", levels=2)
    with pytest.raises(RecipeError, match="statistic"):
        extended(first, other, 30)
