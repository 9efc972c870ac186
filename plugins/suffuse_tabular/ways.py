"""The ways in which a detector learns, by name."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import partial

from suffuse.model import Model
from suffuse_tabular.engines import ENGINES
from suffuse_tabular.learning import Settings, Way, fitted
from suffuse_tabular.panel import fit_panel
from suffuse_tabular.robust import TRIMMED, fit_robust
from suffuse_tabular.rows import Rows


@dataclass(frozen=True)
class Named:
    """A way to learn; see :class:`suffuse_tabular.learning.Way`."""

    make: Callable[[Rows, Settings, Collection[int]], Model]
    trims: float = 0.0

    def __call__(self, rows: Rows, settings: Settings, odd: Collection[int] = ()) -> Model:
        return self.make(rows, settings, odd)


WAYS: Mapping[str, Way] = {
    "panel": Named(fit_panel),
    "robust": Named(fit_robust, TRIMMED),
    **{name: Named(partial(fitted, engine)) for name, engine in ENGINES.items()},
}
