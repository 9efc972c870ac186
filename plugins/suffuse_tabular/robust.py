"""Learning from rows some of which are odd, nobody knows which."""

from __future__ import annotations

from collections.abc import Collection

from suffuse.model import Model
from suffuse_tabular.engines import FAR, NEAR
from suffuse_tabular.fit import has_empty
from suffuse_tabular.learning import Settings, fitted
from suffuse_tabular.panel import together
from suffuse_tabular.rows import Rows

TRIMMED = 1.0 / 3.0
"""The share of rows, the oddest to the filter, of which nothing is learnt: more than are odd in most tables. It is not
the share that a person expects, which only says how many are called odd: usual rows that are left out cost little, odd
ones that are learnt make others like them look usual."""


def fit_robust(rows: Rows, settings: Settings, odd: Collection[int] = ()) -> Model:
    """Two judges: what is near, asked of the rows that are not odd, and what is far, by one Gaussian that odd rows do
    not shape; where cells are empty, the first alone.

    A row that is left out is scored as any stranger, a row that was learnt as if it had not been. So rows are scored as
    new ones would be, and a clump of odd rows does not vouch for itself.

    Arguments:
        rows: two at least.
        settings: what is told to every engine.
        odd: the numbers of the rows of which nothing is learnt.
    """
    engines, models = [NEAR], [fitted(NEAR, rows, settings, odd)]
    if not any(map(has_empty, rows.columns().values())):
        engines.append(FAR)
        models.append(fitted(FAR, rows, settings))
    return together(engines, models, [1.0] * len(models))
