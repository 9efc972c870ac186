"""Back towards noise: the forward process from one time to a later one."""

from __future__ import annotations

import math

from suffuse.process import Gaussian
from suffuse.rng import Rng
from suffuse.state import State, combine


def renoise(process: Gaussian, x_t: State, t: float, later: float, rng: Rng, scale: float = 1.0) -> State:
    r"""Draw from :math:`q(x_{t'} | x_t)` for t' > t.

    .. math:: x_{t'} = a\, x_t + \sqrt{σ_{t'}^2 - a^2 σ_t^2}\, z, \qquad a = α_{t'}/α_t

    Arguments:
        process: lends the scales; α_t > 0, which every time with a later one has.
        x_t, t: the state and its time.
        later: where it is wanted.
        rng: for the noise z.
        scale: of the new noise; other than 1, the marginal is not that of the process.
    """
    schedule = process.schedule
    kept = schedule.alpha(later) / schedule.alpha(t)
    before, after = kept * schedule.sigma(t), schedule.sigma(later)
    fresh = math.sqrt(max((after - before) * (after + before), 0.0)) * scale
    return combine((kept, x_t), (fresh, rng.normal_like(x_t)))
