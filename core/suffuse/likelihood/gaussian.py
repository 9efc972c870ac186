r"""The bound of Gaussian fields in continuous time (Kingma et al. 2021, VDM, eq. 11-18; Kingma & Gao 2023).

.. math:: -\log p(x_0) \le \mathrm{KL}(q(x_1|x_0) \,\|\, p_1)
          + \tfrac{1}{2} \int \mathbb E\, \lVert x_0 - \hat x_0 \rVert^2 \, d\mathrm{SNR}
          - \mathbb E \log \mathcal N(x_0;\, \hat x_0(x_r),\, r^2)

The integral runs over ℓ = log(1 + SNR), in which its integrand is constant for data of unit variance, so that few
levels do; they are drawn as one number, spread evenly. It ends at the noise level r = σ/α, where the data are read off
with an error of deviation r. With an exact denoiser the expected bound is the log-density itself, but for O(r⁴) and the
prior's mismatch (:mod:`suffuse.likelihood.density`). A network errs more than r where r is small, and the bound gets
loose; so it is read off at a level that networks reach.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from suffuse.likelihood.normal import entries, normal_kl, square_sum
from suffuse.likelihood.term import Level, Parts, part
from suffuse.posterior import Posterior
from suffuse.process import Schedule, log_snr
from suffuse.rng import Rng
from suffuse.state import State, batch_size, map_fields

READ_OFF = 0.02
"""The noise level σ/α at which the data are read off, unless told otherwise: a fiftieth of their deviation."""


@dataclass(frozen=True)
class GaussianTerm:
    """Fields under Gaussian noise of one schedule.

    Arguments:
        names: of the fields.
        schedule: theirs.
        level: the noise level r at which the data are read off.
        variance: of the data, for the prior N(0, σ(1)² + α(1)² variance).
    """

    names: tuple[str, ...]
    schedule: Schedule
    level: float
    variance: float

    def prior(self, x0: State) -> Parts:
        alpha, sigma = self.schedule.alpha(1.0), self.schedule.sigma(1.0)
        spread = sigma**2 + alpha**2 * self.variance
        scaled = map_fields(lambda x: x * alpha, x0)
        return {name: -normal_kl(part(scaled, name), sigma**2, spread) for name in self.names}

    def levels(self, x0: State, rng: Rng, count: int) -> Iterator[Level]:
        low = math.log1p(math.exp(log_snr(self.schedule, 1.0)))
        high = math.log1p(self.level**-2)
        offset = rng.at("offset").uniform(shape=())
        for i in range(count):
            at = low + (i + offset) / count * (high - low)
            yield self._level(x0, at.expm1().log(), -0.5 * (high - low) / count * at.exp(), None)
        last = torch.full((batch_size(x0),), -2.0 * math.log(self.level), dtype=torch.float64)
        yield self._level(x0, last, -0.5 * last.exp(), 0.5 * math.log(2.0 * math.pi * self.level**2))

    def _level(self, x0: State, snr: Tensor, weight: Tensor, log_scale: float | None) -> Level:
        """A log-SNR of each sample, the weight of the squared error there, and a constant for each entry."""

        def nats(x_t: State, posterior: Posterior) -> Parts:
            found = {}
            for name in self.names:
                mine = part(x0, name)
                error = square_sum(map_fields(torch.sub, mine, part(posterior.mean, name)))
                found[name] = weight.to(error.device) * error
                if log_scale is not None:
                    found[name] = found[name] - log_scale * entries(mine)
            return found

        return Level(self.schedule.time(snr).clamp(0.0, 1.0), nats, {})
