"""Several models that judge together."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from suffuse.calibration import Calibration
from suffuse.errors import ModelFileError, RecipeError, UnsupportedError
from suffuse.model import Model, load
from suffuse.recipe import validate
from suffuse.registry import isolated, load_domain
from suffuse.tasks.explain import explain
from suffuse.tasks.fit import fit
from suffuse.tasks.score import calibrate, make_scorer, score
from suffuse.tasks.scoring.shipping import Shipment
from suffuse.tasks.statistics import (
    DensityStatistic,
    PanelStatistic,
    ProfileStatistic,
    RelativeResidualStatistic,
    ResidualStatistic,
    contributions,
    named,
    stored,
    surprise,
)
from tests import toy

OWN, OTHER = ResidualStatistic(levels=1), DensityStatistic()


@pytest.fixture(autouse=True)
def _toys() -> Any:
    with isolated(toy.Plugin()):
        yield


def _fitted(network: str) -> Model:
    sections: dict[str, Any] = {
        "network": {"name": network}, "predict": "x0", "process": {"schedule": "rectified-flow"},
        "train": {"steps": 0, "batch": 16}, "name": network,
    }  # fmt: skip
    return Model(**vars(fit(validate(toy.recipe() | sections), load_domain("toy").splits(toy.Data(count=96)))))


def _waves(first: int, count: int) -> list[Any]:
    return [toy.Waves(first, count, True)[i].item for i in range(count)]


def _panel(weights: tuple[float, ...] = (1.0, 0.5), unknown: int = 0) -> Model:
    """Two models calibrated on 40 waves, the last few of which the second does not know."""
    usual = _waves(500, 40)
    own, other = _fitted("neighbours"), _fitted("patches")
    other = replace(other, calibration=calibrate(other, usual, statistic=OTHER))
    figures = torch.stack([score(m, usual, statistic=s).value for m, s in ((own, OWN), (other, OTHER))], dim=1)
    figures[40 - unknown :, 1] = torch.nan
    statistic = PanelStatistic((OWN, OTHER), weights)
    figures = figures[:, list(statistic.counted)]
    values = statistic.combine(figures[: 40 - unknown], figures).sort().values
    return replace(own, panel=(other,), calibration=Calibration(named(statistic), figures, values))


def test_surprises_are_added() -> None:
    panel, items = _panel(unknown=5), _waves(700, 6)
    found = score(panel, items)
    alone = [score(replace(panel, panel=(), calibration=None), items, statistic=OWN), score(panel.panel[0], items)]
    assert panel.calibration is not None
    usual = panel.calibration.figures
    expected = surprise(alone[0].value, usual[:, 0]) + 0.5 * surprise(alone[1].value, usual[:35, 1])
    assert found.value.tolist() == pytest.approx(expected.tolist(), abs=1e-9)
    assert found.labels == ("neighbours", "patches") and found.statistic == "panel"
    assert found.figure.T.tolist() == [pytest.approx(x.values) for x in alone]
    assert found.p is not None and len(panel.calibration.values) == 35


def test_a_surprise_is_minus_the_logarithm_of_a_share() -> None:
    usual = torch.arange(1.0, 100.0).double()
    told = surprise(torch.tensor([0.0, 50.0, 99.0, 150.0, 1e6]).double(), usual)
    plain = -torch.tensor([1.0, 51 / 100, 2 / 100, 1 / 100, 1 / 100]).log().double()
    assert (told - plain)[:4].abs().max() < 0.03  # the little that orders what lies beyond
    assert told[4] > told[3] + 1.0


def test_one_that_weighs_nothing_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    panel, items = _panel((1.0, 0.0)), _waves(700, 6)

    def asked(*_: Any) -> Any:
        raise AssertionError("was asked")

    monkeypatch.setattr(DensityStatistic, "measure", asked)
    found = score(panel, items)
    assert panel.calibration is not None and found.labels == ("neighbours",)
    assert found.value.tolist() == surprise(found.figure[:, 0], panel.calibration.figures[:, 0]).tolist()


def test_odd_items_are_found_and_explained() -> None:
    panel, usual = _panel(), _waves(700, 20)
    odd = [[*wave[:3], wave[3] + 1.5, *wave[4:]] for wave in usual]
    high, low = score(panel, odd), score(panel, usual)
    assert high.value.min() > low.value.median()
    assert high.p is not None and (high.p <= 0.05).all()
    told = explain(panel, odd[:2], tries=1, steps=4)
    assert torch.as_tensor(told[0].entries)[0, 0].argmax() == 3


def test_each_judge_is_heard_about_what_is_to_blame() -> None:
    """What one calls more surprising counts more, and one that weighs nothing not at all."""
    items = [[*wave[:3], wave[3] + 1.5, *wave[4:]] for wave in _waves(700, 4)]

    def blamed(panel: Model) -> torch.Tensor:
        assert panel.calibration is not None
        statistic = stored(panel.calibration.statistic)
        return torch.as_tensor(contributions(panel, statistic, items, range(4), {}, panel.calibration.figures))

    own, other = (blamed(_panel(weights)) for weights in ((1.0, 0.0), (0.0, 1.0)))
    panel = _panel((1.0, 2.0))
    assert panel.calibration is not None
    told, usual = score(panel, items).figure, panel.calibration.figures
    weights = [w * surprise(told[:, i], usual[:, i]) for i, w in enumerate((1.0, 2.0))]
    expected = (weights[0][:, None, None] * own + weights[1][:, None, None] * other) / sum(weights)[:, None, None]
    torch.testing.assert_close(blamed(panel), expected)
    assert (blamed(panel).argmax(2) == 3).all()
    torch.testing.assert_close(own.sum((1, 2)), torch.ones(4, dtype=torch.float64))


def test_relative_residuals_weigh_all_levels_alike() -> None:
    statistic = RelativeResidualStatistic(ratios=(0.1, 1.0))
    usual = torch.tensor([[0.1, 3.0], [0.1, 5.0]]).double()
    told = statistic.combine(torch.tensor([[0.2, 17.0**0.5]]).double(), usual)
    assert told.tolist() == pytest.approx([((4.0 + 1.0) / 2.0) ** 0.5])


def test_a_file_and_a_shipment_hold_the_panel(tmp_path: Path) -> None:
    panel, items = _panel(unknown=3), _waves(700, 6)
    read = load(panel.save(tmp_path / "panel.safetensors"))
    assert [one.recipe.name for one in read.panel] == ["patches"]
    assert score(read, items) == score(panel, items)
    assert Shipment.of(make_scorer(panel)).open()(items) == score(panel, items)


def test_statistics_within_statistics_are_kept() -> None:
    panel = PanelStatistic((ResidualStatistic(ratios=(0.1, 2.0)), PanelStatistic((OTHER,), (2.0,))), (1.0, 3.0))
    assert stored(named(panel)) == panel


def test_it_refuses_what_does_not_fit() -> None:
    for weights in ((1.0,), (1.0, -1.0), (0.0, 0.0), (1.0, float("inf"))):
        with pytest.raises(RecipeError, match="weights"):
            PanelStatistic((OWN, OTHER), weights)
    panel = _panel()
    with pytest.raises(ModelFileError, match="other models"):
        score(replace(panel, panel=()), _waves(700, 2))
    assert panel.calibration is not None
    few = replace(panel.calibration, figures=panel.calibration.figures[:, :1])
    with pytest.raises(ModelFileError, match="calibrated on other models"):
        score(replace(panel, calibration=few), _waves(700, 2))
    with pytest.raises(UnsupportedError, match="is not known"):
        score(_fitted("neighbours"), _waves(700, 2), statistic="density")
    with pytest.raises(RecipeError, match="statistic"):
        score(panel, _waves(700, 2), statistic="panel")
    assert isinstance(stored(named(ProfileStatistic())), ProfileStatistic)
