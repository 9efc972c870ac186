r"""The bounds of categorical fields.

**Masks.** Under an absorbing kernel every entry is masked at a time of its own, and only the order of those times
matters. With k of n entries masked, those of a random set S, the bound is

.. math:: \log p(x_0) \ge \sum_{k=1}^n \mathbb E_{|S| = k} \tfrac{1}{k} \sum_{i \in S} \log p(x_0^i | x_0^{\setminus S})

(Hoogeboom et al. 2022, autoregressive diffusion, eq. 9). It is the continuous-time bound of masked diffusion (Sahoo et
al. 2024, MDLM, eq. 10), :math:`\int \frac{dm}{m} \mathbb E \sum_{i \in S_m} \log p`, summed by the number of masked
entries rather than by the masked share m = 1 - α, which spares the large weights 1/m: given k, m is the k-th smallest
of n uniform numbers, and S are the k entries that those numbers belong to. There is no prior: all is masked at last.

**Chains.** Under any other kernel the bound is that of a chain of finitely many steps, evenly spaced in α,

.. math:: \log p(x_0) \ge -\mathrm{KL}(q(x_1|x_0) \,\|\, π)
          - \sum_{s < t} \mathbb E_{q(x_t|x_0)} \mathrm{KL}(q(x_s | x_t, x_0) \,\|\, p(x_s | x_t))

(Austin et al. 2021, D3PM, eq. 1), where p is the process's own ancestral step: exactly the bound on what ancestral
sampling with those steps makes. The last step, to s = 0, is the cross entropy. More steps give a tighter bound.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from suffuse.likelihood.term import Level, Parts, field_of, part
from suffuse.posterior import Posterior
from suffuse.process import Schedule
from suffuse.process.categorical import TINY, Categorical, mirrored
from suffuse.process.kernels import stationary_like
from suffuse.rng import Rng, numbered
from suffuse.state import State, batch_size, device_of, to


def counted(x0: State, name: str, process: Categorical) -> Tensor:
    """Which entries are real and, in a symmetric field, not told twice: bool ``[batch, *positions]``."""
    return field_of(process.distinct(part(x0, name)), name)


def time_of_alpha(schedule: Schedule, alpha: Tensor) -> Tensor:
    """The time at which a falling α has this value, by bisection: float64, as ``alpha``."""
    early, late = torch.zeros_like(alpha), torch.ones_like(alpha)
    for _ in range(60):
        middle = 0.5 * (early + late)
        above = schedule.alpha(middle) > alpha
        early, late = torch.where(above, middle, early), torch.where(above, late, middle)
    return late


@dataclass(frozen=True)
class MaskedTerm:
    """Fields under absorbing noise of one schedule.

    Arguments:
        processes: by the fields' names.
    """

    processes: Mapping[str, Categorical]

    def prior(self, x0: State) -> Parts:
        nothing = torch.zeros(batch_size(x0), dtype=torch.float64, device=device_of(x0))
        return dict.fromkeys(self.processes, nothing)

    def levels(self, x0: State, rng: Rng, count: int) -> Iterator[Level]:
        real = {name: counted(x0, name, process) for name, process in self.processes.items()}
        moment = {name: self._moments(x0, name, rng.at("moment", name)) for name in self.processes}
        each = torch.cat([torch.where(real[n], m, 2.0).flatten(1) for n, m in moment.items()], dim=1).sort(1).values
        total = torch.stack([r.flatten(1).sum(1) for r in real.values()]).sum(0)
        own = total.clamp(1, count)  # no more levels than a sample has entries, whatever the batch's others have
        offset = rng.at("offset").uniform(shape=()).to(total.device)
        for i in range(int(own.max())):
            masked = (1 + ((i + offset) / own * total).long()).clamp(max=total.clamp_min(1))
            share = each.gather(1, masked[:, None] - 1)[:, 0]
            gone = {name: m <= _over(share, m) for name, m in moment.items()}
            weight = torch.where(i < own, total / (own * masked).double(), 0.0)
            yield self._level(x0, share, gone, {n: r & gone[n] for n, r in real.items()}, weight)

    def _level(
        self, x0: State, share: Tensor, gone: Mapping[str, Tensor], counts: Mapping[str, Tensor], weight: Tensor
    ) -> Level:
        def nats(x_t: State, posterior: Posterior) -> Parts:
            return {name: weight * self._log_prob(x0, posterior, name, counts[name]) for name in self.processes}

        (schedule,) = {process.schedule for process in self.processes.values()}
        drawn = {name: torch.where(gone[name][..., None], 0.0, field_of(x0, name)) for name in self.processes}
        return Level(time_of_alpha(schedule, 1.0 - share.cpu().clamp_max(1.0)), nats, drawn)

    def _moments(self, x0: State, name: str, rng: Rng) -> Tensor:
        """The share 1 - α at which each entry is masked: float64 ``[batch, *positions]``, whatever the padding."""
        value = field_of(x0, name)
        moments = rng.uniform_at(numbered(value.shape[1:-1], value.device))
        return mirrored(moments) if self.processes[name].symmetric else moments

    @staticmethod
    def _log_prob(x0: State, posterior: Posterior, name: str, counts: Tensor) -> Tensor:
        p = (field_of(x0, name) * field_of(posterior.mean, name)).sum(-1).double()
        return torch.where(counts, p.clamp_min(TINY).log(), 0.0).flatten(1).sum(1)


@dataclass(frozen=True)
class ChainTerm:
    """Fields under other categorical noise of one schedule.

    Arguments:
        processes: by the fields' names.
    """

    processes: Mapping[str, Categorical]

    def prior(self, x0: State) -> Parts:
        found = {}
        for name, process in self.processes.items():
            last = field_of(process.marginal(to(part(x0, name), dtype=torch.float64), 1.0), name)
            noise = stationary_like(process.kernel, last).expand_as(last)
            found[name] = -_kl(last, noise, counted(x0, name, process))
        return found

    def levels(self, x0: State, rng: Rng, count: int) -> Iterator[Level]:
        (schedule,) = {process.schedule for process in self.processes.values()}
        alphas = torch.linspace(1.0, schedule.alpha(1.0), count + 1, dtype=torch.float64)
        times = [0.0, *time_of_alpha(schedule, alphas[1:-1]).tolist(), 1.0]
        for s, t in pairwise(times):
            yield self._level(x0, s, t)

    def _level(self, x0: State, s: float, t: float) -> Level:
        def nats(x_t: State, posterior: Posterior) -> Parts:
            found = {}
            for name, process in self.processes.items():
                here, data, belief = (to(part(x, name), dtype=torch.float64) for x in (x_t, x0, posterior.mean))
                true, ours = process.bridge(here, data, t, s), process.bridge(here, belief, t, s)
                found[name] = -_kl(field_of(true, name), field_of(ours, name), counted(x0, name, process))
            return found

        return Level(torch.full((batch_size(x0),), t, dtype=torch.float64), nats, {})


def _kl(p: Tensor, q: Tensor, counts: Tensor) -> Tensor:
    """KL(p ‖ q) of distributions over the last axis, summed over the entries that count: float64 ``[batch]``."""
    each = (p * (p.clamp_min(TINY).log() - q.clamp_min(TINY).log())).sum(-1)
    return torch.where(counts, each, 0.0).flatten(1).sum(1)


def _over(values: Tensor, like: Tensor) -> Tensor:
    return values.reshape(-1, *(1 for _ in like.shape[1:]))
