"""Noise on part of a state, and steps back towards noise in the middle of sampling, under any process."""

from __future__ import annotations

from suffuse.errors import UnsupportedError
from suffuse.process import Categorical, Gaussian, Process, Product
from suffuse.rng import Rng
from suffuse.sampling.renoise import renoise
from suffuse.state import State, merge, only


def noise_further(process: Process, x_s: State, s: float, t: float, rng: Rng) -> State:
    """Draw x_t ~ q(x_t | x_s) for t > s, in every field by itself.

    Raises:
        UnsupportedError: the process has no such step.
    """
    if isinstance(process, Product):
        parts = {
            name: noise_further(member, only(x_s, name), s, t, rng.at("field", name))
            for name, member in process.fields.items()
        }
        return merge(x_s, parts)
    if isinstance(process, Categorical):
        return process.draw(process.transition(x_s, s, t), rng.at("further"))
    if isinstance(process, Gaussian):
        return renoise(process, x_s, s, t, rng.at("further"))
    raise UnsupportedError(
        "cannot go back towards noise", field="process", expected="Gaussian, Categorical or a Product of them",
        got=type(process).__name__,
    )  # fmt: skip


def noise_known(process: Process, x0: State, t: float, rng: Rng) -> State:
    """What a clean, known state is at a time: x_t ~ q(x_t | x₀), and x₀ itself where noise would be a mask.

    An absorbing kernel's mask means "not known", which what is known need never be.
    """
    if isinstance(process, Product):
        parts = {n: noise_known(p, only(x0, n), t, rng.at("field", n)) for n, p in process.fields.items()}
        return merge(x0, parts)
    if t == 0.0 or (isinstance(process, Categorical) and process.absorbing):
        return x0
    return process.corrupt(x0, t, rng)
