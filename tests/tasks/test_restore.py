"""``restore`` on a domain that the core knows nothing of."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch

from suffuse.errors import DomainInputError, RecipeError, SuffuseError, UnsupportedError
from suffuse.inverse.method import mmps
from suffuse.model import Model
from suffuse.operators import Blur, Downsample, Identity
from suffuse.registry import make, names
from suffuse.rng import Rng
from suffuse.sampling import DDPM
from suffuse.tasks.restore import restore
from suffuse.tasks.samples import save
from tests.toy import LENGTH


def waves(count: int = 16) -> torch.Tensor:
    rows = [[math.sin(2.0 * math.pi * (k / LENGTH + 0.07 * i)) for k in range(LENGTH)] for i in range(count)]
    return torch.tensor(rows)


def noisy(noise: float) -> torch.Tensor:
    """Waves with noise in units of the state's deviation, √½."""
    return waves() + noise * math.sqrt(0.5) * Rng.of(0, 16).at("test").normal(waves())


@pytest.mark.parametrize("method", ["mmps", "diffpir", "pigdm", "dps"])
def test_noise_is_taken_away(model: Model, method: str) -> None:
    given = noisy(0.6)
    asked = {"method": method, "conditions": {"label": "f1"}}
    made = torch.tensor(restore(model, given.tolist(), "identity", noise=0.6, steps=20, **asked).items)
    before, after = ((x - waves()).square().mean() for x in (given, made))
    assert after < 0.6 * before


def test_a_low_resolution_item_is_enlarged(model: Model) -> None:
    """Four means of two points each, told at full length, as a person has them."""
    blocks = waves().reshape(16, 4, 2).mean(2).repeat_interleave(2, 1)
    made = torch.tensor(restore(model, blocks.tolist(), Downsample(2), conditions={"label": "f1"}, steps=20).items)
    assert torch.allclose(made.reshape(16, 4, 2).mean(2), blocks[:, ::2], atol=0.05)
    assert (made - waves()).square().mean() < 0.3 * (blocks - waves()).square().mean()


def test_degrading_first_shows_what_comes_back(model: Model) -> None:
    samples = restore(model, waves(2).tolist(), Blur(1.0), noise=0.1, degrade=True, count=2, seed=4)
    rows = samples.rows
    assert rows is not None and [len(row) for row in rows] == [4, 4]
    assert rows[0][0] == pytest.approx(waves(1)[0].tolist(), abs=1e-5)
    assert samples.seeds == [4, 5, 6, 7] and samples.sources == ["0", "0", "1", "1"]
    blurred = Blur(1.0)(waves(1)[:, None])[0, 0]  # type: ignore[index]
    assert rows[0][1] == pytest.approx(blurred.tolist(), abs=0.4)
    assert rows[0][1] != pytest.approx(blurred.tolist(), abs=1e-3)
    given = restore(model, waves(2).tolist(), Blur(1.0), noise=0.1)
    assert [len(row) for row in given.rows or []] == [2, 2]


def test_completions_share_one_measurement(model: Model) -> None:
    """Drawn once for each item, the same in any batch."""
    many = restore(model, waves(3).tolist(), "identity", noise=0.5, degrade=True, count=3, batch=2)
    assert many.rows is not None
    alone = restore(model, waves(3)[1:2].tolist(), "identity", noise=0.5, degrade=True, count=3, seed=3)
    assert alone.rows is not None
    assert alone.rows[0][1] == pytest.approx(many.rows[1][1], abs=1e-6)
    assert alone.items[1] == pytest.approx(many.items[4], abs=1e-4)


@pytest.mark.parametrize("name", names("method"))
def test_a_method_is_told_from_others_by_its_text(name: str) -> None:
    """Hence the same command goes on in another process."""
    one, same = make("method", name), make("method", name)
    assert str(one) == str(same) and len({str(make("method", other)) for other in names("method")}) == 5


def test_operators_and_methods_by_name(model: Model) -> None:
    items = noisy(0.3)[:2].tolist()
    named = restore(model, items, {"name": "blur", "sigma": 0.8}, noise=0.3, method="mmps").items
    assert restore(model, items, "blur:sigma=0.8", noise=0.3, method=mmps()).items == named
    assert restore(model, items, Blur(0.8), noise=0.3, sampler=DDPM()).items == named
    assert model.restore(items, Blur(0.8), noise=0.3) == named
    assert model.restore(items, Blur(0.8), noise=0.3, label="f1") != named


def test_a_nonlinear_measurement(model: Model) -> None:
    """Half of each wave lies beyond the level; the label and the rest tell it."""
    level = 0.5
    clipped = waves().clamp(-level * math.sqrt(0.5), level * math.sqrt(0.5))
    asked = {"name": "clip", "level": level}
    how: dict[str, Any] = {"method": "pigdm", "conditions": {"label": "f1"}, "steps": 30}
    made = torch.tensor(restore(model, clipped.tolist(), asked, noise=0.05, **how).items)
    assert (made - waves()).square().mean() < 0.25 * (clipped - waves()).square().mean()


def test_saved(model: Model, tmp_path: Path) -> None:
    samples = restore(model, waves(2).tolist(), Identity(), noise=0.2, names=["a.json:0", "a.json:1"])
    save(model, samples, tmp_path)
    rows = json.loads((tmp_path / "samples.json").read_text())
    assert [row["source"] for row in rows] == ["a.json:0", "a.json:1"]
    assert len({row["file"] for row in rows}) == 2


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        ({"noise": -0.1}, DomainInputError, "noise"),
        ({"noise": math.nan}, DomainInputError, "noise"),
        ({"noise": 0.0}, DomainInputError, "leaves nothing to undo"),
        ({"operator": "blurr:sigma=1"}, SuffuseError, "did you mean 'blur'"),
        ({"operator": "blur:sigmo=1"}, RecipeError, "did you mean 'sigma'"),
        ({"operator": {"name": "blur", "sigma": "wide"}}, RecipeError, "blur.sigma"),
        ({"operator": Downsample(3)}, DomainInputError, "a divisor of 8"),
        ({"method": "repaint"}, UnsupportedError, "a mask"),
        ({"method": "mps"}, SuffuseError, "did you mean"),
        ({"items": [[1.0]]}, DomainInputError, "is not a wave"),
        ({"items": []}, DomainInputError, "at least one item"),
        ({"count": 0}, DomainInputError, "count"),
    ],
)
def test_refusals(model: Model, change: dict[str, Any], error: type[Exception], said: str) -> None:
    arguments: dict[str, Any] = {"items": waves(1).tolist(), "operator": "identity", "noise": 0.1, **change}
    with pytest.raises(error, match=said):
        restore(model, arguments.pop("items"), arguments.pop("operator"), **arguments)
