"""What an item's oddness is measured by: one class a statistic, each higher the odder."""

from suffuse.tasks.statistics.base import Judging, Statistic, Telling, shares
from suffuse.tasks.statistics.catalog import STATISTICS, make_statistic, named, stored
from suffuse.tasks.statistics.density import DensityStatistic
from suffuse.tasks.statistics.figures import contributions, tells
from suffuse.tasks.statistics.likelihood import ElboStatistic, LikelihoodStatistic, TypicalityStatistic
from suffuse.tasks.statistics.panel import PanelStatistic, surprise
from suffuse.tasks.statistics.profile import ProfileStatistic, mahalanobis
from suffuse.tasks.statistics.residual import HIGHEST, LOWEST, RelativeResidualStatistic, ResidualStatistic

__all__ = [
    "HIGHEST",
    "LOWEST",
    "STATISTICS",
    "DensityStatistic",
    "ElboStatistic",
    "Judging",
    "LikelihoodStatistic",
    "PanelStatistic",
    "ProfileStatistic",
    "RelativeResidualStatistic",
    "ResidualStatistic",
    "Statistic",
    "Telling",
    "TypicalityStatistic",
    "contributions",
    "mahalanobis",
    "make_statistic",
    "named",
    "shares",
    "stored",
    "surprise",
    "tells",
]
