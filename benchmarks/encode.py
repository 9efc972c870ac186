"""What a round trip from data to noise and back loses, by the rule that follows the probability flow.

Test pictures are carried to noise and back by each rule, the same points there and back, at about the same number of
network evaluations. The figures are root mean square and largest difference, where data have deviation 1. The verbs use
the last one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import torch

from benchmarks.report import parser, save, show
from suffuse.conditions import Conditions, encode_conditions
from suffuse.likelihood.flow import Flow
from suffuse.model import load
from suffuse.posterior import Posterior
from suffuse.registry import load_domain
from suffuse.rng import permutation
from suffuse.sampling.integrate import runge_kutta4
from suffuse.state import State, combine
from suffuse.tasks.encode import round_trip_error

Rule = Callable[[Flow, State, list[float]], State]


def main(arguments: Sequence[str] | None = None) -> None:
    about = parser(__doc__)
    about.add_argument("--model", default="fashion", help="a starter, a run or a file")
    about.add_argument("--data", default="fashion-mnist", help="data set of pictures")
    about.add_argument("--count", type=int, default=16, help="test pictures")
    about.add_argument("--evaluations", type=int, nargs="*", default=[40, 80], help="of the network, one way")
    about.add_argument("--threads", type=int, default=1)
    given = about.parse_args(arguments)
    torch.set_num_threads(given.threads)
    model, domain = load(given.model), load_domain("images")
    part = domain.splits(domain.data_section.model_validate({"name": given.data})).test
    items = [part[i].item for i in permutation(len(part), "benchmarks", "encode")[: given.count].tolist()]
    x = model.codec.encode(items)
    conditions = encode_conditions(model.conditions, {}, len(items))
    rows = [
        trip(model, conditions, x, name, rule, spacing, evaluations // cost)
        for evaluations in given.evaluations
        for name, rule, cost in (("DDIM's inversion", euler, 1), ("Heun", heun, 2), ("Runge-Kutta 4", runge_kutta, 4))
        for spacing in ("graded", "chebyshev")
    ]
    show(f"{len(items)} pictures of {given.data}, there and back", rows)
    save(given.json, encode=rows)


@torch.no_grad()
def trip(
    model: Any, conditions: Conditions, x: State, name: str, rule: Rule, spacing: str, steps: int
) -> dict[str, object]:
    """Data to noise and back."""
    asked = [0]

    def counted(x_t: State, t: Any, given: Conditions) -> Posterior:
        asked[0] += 1
        found: Posterior = model.denoiser(x_t, t, given)
        return found

    flow = Flow(counted, model.process.schedule, conditions)
    points = getattr(flow, spacing)(steps)
    there = rule(flow, flow.depart(x), points)
    back = flow.arrive(rule(flow, there, points[::-1]))
    difference = combine((1.0, back), (-1.0, x))
    assert isinstance(difference, torch.Tensor)
    return {
        "rule": name,
        "points": spacing,
        "evaluations": asked[0],
        "rms": float(round_trip_error(x, back).square().mean().sqrt()),
        "largest": float(difference.abs().max()),
    }


def euler(flow: Flow, y: State, points: list[float]) -> State:
    """DDIM's step in either direction: Euler's in these coordinates."""
    for u, v in pairwise(points):
        y = combine((1.0, y), (v - u, flow.velocity(y, u)))
    return y


def heun(flow: Flow, y: State, points: list[float]) -> State:
    for u, v in pairwise(points):
        first = flow.velocity(y, u)
        second = flow.velocity(combine((1.0, y), (v - u, first)), v)
        y = combine((1.0, y), (0.5 * (v - u), first), (0.5 * (v - u), second))
    return y


def runge_kutta(flow: Flow, y: State, points: list[float]) -> State:
    return runge_kutta4(lambda u, y: flow.velocity(y, u), y, points)


if __name__ == "__main__":
    main()
