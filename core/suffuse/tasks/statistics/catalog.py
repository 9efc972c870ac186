"""The statistics that there are, by name."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Any

from suffuse.errors import RecipeError, unknown_name
from suffuse.recipe import Named
from suffuse.tasks.statistics.base import Statistic
from suffuse.tasks.statistics.density import DensityStatistic
from suffuse.tasks.statistics.likelihood import ElboStatistic, LikelihoodStatistic, TypicalityStatistic
from suffuse.tasks.statistics.panel import PanelStatistic
from suffuse.tasks.statistics.profile import ProfileStatistic
from suffuse.tasks.statistics.residual import RelativeResidualStatistic, ResidualStatistic

STATISTICS: dict[str, type[Statistic]] = {
    kind.name: kind
    for kind in (
        ProfileStatistic,
        ResidualStatistic,
        RelativeResidualStatistic,
        DensityStatistic,
        ElboStatistic,
        LikelihoodStatistic,
        TypicalityStatistic,
    )
}
"""Those that a person can ask for."""

OF_FILES: dict[str, type[Statistic]] = {PanelStatistic.name: PanelStatistic}
"""Those that a model's file may name besides."""


def make_statistic(asked: str | Statistic, **options: int | None) -> Statistic:
    """The statistic of a name, with those options that are not ``None``; one that is made already is left as it is.

    Raises:
        RecipeError: there is none of this name, or an option is wrong.
    """
    given = {name: value for name, value in options.items() if value is not None}
    if not isinstance(asked, str):
        return asked
    if asked not in STATISTICS:
        raise unknown_name("statistic", asked, STATISTICS, RecipeError, field="statistic")
    kind: Any = STATISTICS[asked]
    known = [field.name for field in fields(kind)]
    for name, value in given.items():
        if name not in known:
            raise unknown_name(f"option of {asked}", name, known, RecipeError, field=name)
        if name != "seed" and value < 1:
            raise RecipeError("must be at least 1", field=name, expected=">= 1", got=value)
    made: Statistic = kind(**given)
    return made


def named(statistic: Statistic) -> Named:
    """A statistic's name and options, as a model's file tells them; statistics among these are told alike."""

    def told(value: Any) -> Any:
        if isinstance(value, Statistic):
            return named(value).model_dump(mode="json")
        return [told(x) for x in value] if isinstance(value, tuple | list) else value

    kind: Any = statistic
    names: list[str] = [field.name for field in fields(kind)] if is_dataclass(statistic) else []
    return Named(name=statistic.name, **{name: told(getattr(kind, name)) for name in names})


def stored(told: Named) -> Statistic:
    """The inverse of :func:`named`.

    Raises:
        RecipeError: there is none of this name.
    """
    known = STATISTICS | OF_FILES
    if told.name not in known:
        raise unknown_name("statistic", told.name, known, RecipeError, field="statistic")

    def meant(value: Any) -> Any:
        if isinstance(value, dict) and "name" in value:
            return stored(Named.model_validate(value))
        return [meant(x) for x in value] if isinstance(value, list) else value

    kind: Any = known[told.name]
    made: Statistic = kind(**{name: meant(value) for name, value in told.options.items()})
    return made
