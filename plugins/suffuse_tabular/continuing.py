"""Learning from more rows: memories take them in, networks are trained on, and the reference grows."""

from __future__ import annotations

from dataclasses import replace

from suffuse.domain import Splits
from suffuse.errors import UnsupportedError
from suffuse.model import Model
from suffuse.nn.memory import Growing, Memory
from suffuse.portrait import Portrait
from suffuse.portrait import count as counted
from suffuse.tasks.refine import extended, refine
from suffuse.tasks.score import calibrate
from suffuse.tasks.statistics import stored
from suffuse.trained import Trained
from suffuse_tabular.data import TableDataset
from suffuse_tabular.learning import REFERENCES, Parts, Settings
from suffuse_tabular.rows import Rows


def continued(model: Model, rows: Rows, settings: Settings) -> Model:
    """A calibrated model that has learnt from more rows, its threshold not set; what columns are like stays as it was.

    Of a panel those judges learn that can; what patches and Gaussians are, they stay.

    Arguments:
        model: calibrated.
        rows: usual ones.
        settings: as the model was made with.

    Raises:
        UnsupportedError: no judge can take in more.
    """
    assert model.calibration is not None
    parts, judges = Parts.of(rows, settings), (model, *model.panel)
    if not any(map(_learns, judges)):
        raise UnsupportedError(
            "takes in no more rows", field="method", expected="neighbours, denoiser, mixed, panel or robust",
            got=model.recipe.name, fix="fit it anew with all rows",
        )  # fmt: skip
    own, *others = [_taught(judge, rows, parts) for judge in judges]
    all_remember = all(isinstance(judge.denoiser.network, Memory) for judge in judges)
    unknown = rows if all_remember else rows.take(sorted(parts.held))
    more = replace(own, panel=tuple(others))
    usual = replace(model.calibration, threshold=None)
    if len(unknown) > 1:
        told = calibrate(more, unknown[-REFERENCES:], statistic=stored(usual.statistic))
        usual = replace(extended(usual, told, REFERENCES), usual=_portrait(model, usual.usual, unknown))
    return Model(**vars(replace(more, calibration=usual)))


def _learns(judge: Trained) -> bool:
    return isinstance(judge.denoiser.network, Growing) or not isinstance(judge.denoiser.network, Memory)


def _taught(judge: Trained, rows: Rows, parts: Parts) -> Trained:
    """A judge that knows the rows too, calibrated as it was."""
    if not _learns(judge):
        return judge
    remembers = isinstance(judge.denoiser.network, Memory)
    learnt = rows if remembers else rows.take(sorted(parts.rest))
    held = TableDataset(rows.take(sorted(parts.held or parts.rest)))
    return replace(refine(judge, Splits(TableDataset(learnt), held, held, "rows")), calibration=judge.calibration)


def _portrait(model: Trained, usual: Portrait | None, rows: Rows) -> Portrait | None:
    """What usual rows are like, and these too."""
    if usual is None:
        return None
    return Portrait(usual.knots, usual.tally + counted(model.codec, model.codec.encode(rows), usual.knots))
