r"""Adaptive projected guidance (Sadat et al. 2024, algorithm 1): strong weights without glaring colours.

The update of classifier-free guidance, :math:`d = \hat x_0^c - \hat x_0^{∅}`, is cut to a largest size and split:

.. math:: \hat x_0 = \hat x_0^c + (w - 1) (d_\perp + η\, d_\parallel), \qquad
          d_\parallel = \frac{\langle d, \hat x_0^c \rangle}{\langle \hat x_0^c, \hat x_0^c \rangle} \hat x_0^c

The part parallel to the conditional belief mainly raises its contrast, the orthogonal part its likeness.

The paper's momentum is left out. It adds the updates of earlier steps, so that the belief at (x_t, t) would depend on
which steps came before; a denoiser is a function of (x_t, t, conditions), whatever sampler asks it, and how often.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from suffuse.conditions import Conditions
from suffuse.errors import RecipeError
from suffuse.guidance.asking import ask, is_contrast, opposite
from suffuse.guidance.beliefs import by_field, combine_means
from suffuse.guidance.checks import require_finite
from suffuse.posterior import Denoiser, Posterior, Time
from suffuse.process import Process
from suffuse.process.categorical import Categorical
from suffuse.state import State, combine, map_fields, masked_mean


@dataclass(frozen=True)
class AdaptiveProjected:
    """Classifier-free guidance whose update is bounded, and turned away from the belief's own direction.

    Both beliefs are evaluated in one call of twice the batch; at weight 1, and where no condition is given, there is
    one evaluation. Lengths and angles are those of a sample's real entries. In a product every Gaussian field has its
    own; categorical fields, which have no contrast to raise, are guided as by
    :class:`~suffuse.guidance.ClassifierFree`.

    Arguments:
        denoiser: the conditional denoiser.
        process: tells which fields are categorical.
        weight: w; 1 is off.
        eta: how much of the parallel part is kept: 0 none, 1 all (classifier-free guidance, where ``norm`` is not set).
        norm: the largest root mean square of the update, in units of the data's deviation; the paper's r is this times
            √(entries of a sample), about 0.02 to 0.12 here. ``None``: no bound.
        negative: conditions in the place of none; of one sample for all, or of the batch.
    """

    denoiser: Denoiser
    process: Process
    weight: float
    eta: float = 0.0
    norm: float | None = None
    negative: Conditions | None = None

    def __post_init__(self) -> None:
        require_finite("guidance.weight", self.weight, "a number; 1 is off")
        require_finite("guidance.eta", self.eta)
        if self.norm is not None and not self.norm > 0.0:
            raise RecipeError("must be positive", field="guidance.norm", expected="> 0, or none", got=self.norm)

    def __call__(self, x_t: State, t: Time, conditions: Conditions) -> Posterior:
        if self.weight == 1.0 or not is_contrast(conditions, self.negative):
            return self.denoiser(x_t, t, conditions)
        given, base = ask(self.denoiser, x_t, t, conditions, opposite(conditions, self.negative))
        return Posterior(by_field(self.process, self._guided, given.mean, base.mean), given.anchor)

    def _guided(self, process: Process, given: State, base: State) -> State:
        if isinstance(process, Categorical):
            return combine_means(process, (self.weight, given), (1.0 - self.weight, base))
        update = combine((1.0, given), (-1.0, base))
        if self.norm is not None:
            length = _inner(update, update).sqrt()
            update = combine(((self.norm / length.clamp_min(1e-30)).clamp_max(1.0), update))
        parallel = _inner(update, given) / _inner(given, given).clamp_min(1e-30)
        strength = self.weight - 1.0
        return combine((1.0, given), (strength, update), (strength * (self.eta - 1.0) * parallel, given))


def _inner(a: State, b: State) -> Tensor:
    """The inner product, averaged over each sample's real entries: ``[batch]``."""
    return masked_mean(map_fields(lambda x, y: x * y, a, b))
