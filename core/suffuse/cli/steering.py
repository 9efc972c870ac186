"""The options of verbs that can be steered by a user's own scorer."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from suffuse.errors import RecipeError

ScoreBy = Annotated[
    str | None,
    typer.Option(
        "--score-by",
        metavar="FILE.py:FUNCTION",
        help="Steer by a function of yours, from a list of items to a number for each; larger is better.",
    ),
]
ScoreWeight = Annotated[
    float | None,
    typer.Option("--score-weight", help="How many times likelier, in nats, one unit of the score makes an item; 1."),
]
ScoreEvery = Annotated[
    int | None, typer.Option("--score-every", min=1, help="Steps from one scoring to the next; 2 by default.")
]
Particles = Annotated[
    int | None, typer.Option("--particles", min=1, help="Items sampled for each that is steered; 4 by default.")
]


def parse_steering(
    score_by: str | None, score_weight: float | None, score_every: int | None, particles: int | None
) -> dict[str, Any]:
    """How to steer, from the options, for tasks; nothing where there is no scorer.

    Raises:
        RecipeError: the scorer is not there, or is missing though another option is given.
    """
    given = {"reward_weight": score_weight, "reward_every": score_every, "particles": particles}
    options = {name: value for name, value in given.items() if value is not None}
    if score_by is None:
        if options:
            raise RecipeError(
                "is missing, by which to steer", field="--score-by", expected="FILE.py:FUNCTION", fix="name a scorer"
            )
        return {}
    from suffuse.tasks.rewards import scorer_of

    return {"reward": scorer_of(score_by, "--score-by"), **options}
