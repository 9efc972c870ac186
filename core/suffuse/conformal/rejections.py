"""Which of many items to call odd, so that of those called so few are usual: the false discovery rate.

The false discovery rate is the expectation of (usual items called odd)/(items called odd), 0 where none is.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from suffuse.conformal.checks import Flags, Floats, numbers, share, unit_numbers
from suffuse.errors import DomainInputError


def benjamini_hochberg(p: ArrayLike, rate: float) -> Flags:
    """Reject the k smallest p-values, k the largest with p₍ₖ₎ ≤ rate·k/m (Benjamini & Hochberg 1995).

    The false discovery rate is at most ``rate`` times the share of usual items, if p-values are independent or
    positively dependent (Benjamini & Yekutieli 2001), as conformal ones of one reference are (Bates et al. 2023).

    Arguments:
        p: ``[m]``; there may be none.
        rate: of false discoveries.

    Returns:
        bool ``[m]``, true where rejected.
    """
    return _step_up(unit_numbers("p", p), share("rate", rate))


def storey(p: ArrayLike, rate: float, level: float = 0.5) -> Flags:
    """As :func:`benjamini_hochberg`, at ``rate`` over the estimated share of usual items; more power where few are.

    The share is estimated by (1 + #{p > level})/(m·(1 − level)) (Storey, Taylor & Siegmund 2004), and what is rejected
    has p ≤ level. The rate is at most ``rate`` for independent p-values, and for conformal ones where ``level`` is a
    multiple of 1/(n + 1), n the number of reference items (Bates et al. 2023); else nearly so.

    Arguments:
        p: ``[m]``.
        rate: of false discoveries.
        level: p-values above it are taken to be of usual items.
    """
    found = unit_numbers("p", p)
    usual = usual_share(found, level)
    return _step_up(found, share("rate", rate) / usual) & (found <= level)


def usual_share(p: ArrayLike, level: float = 0.5) -> float:
    """Storey's estimate of the share of usual items, biased upwards; above 0, and may exceed 1."""
    found = unit_numbers("p", p)
    return float(1 + np.count_nonzero(found > share("level", level))) / (max(1, len(found)) * (1.0 - level))


def e_benjamini_hochberg(e: ArrayLike, rate: float) -> Flags:
    """Reject the k largest e-values, k the largest with e₍ₖ₎ ≥ m/(rate·k) (e-BH, Wang & Ramdas 2022).

    The false discovery rate is at most ``rate`` for e-values that depend on each other in any way.

    Arguments:
        e: ``[m]``, at least 0.
        rate: of false discoveries.
    """
    found = numbers("e", e)
    if (found < 0.0).any():
        raise DomainInputError("is below 0", field=f"e[{int((found < 0.0).argmax())}]", got=found.min())
    with np.errstate(divide="ignore"):
        return _step_up(1.0 / found, share("rate", rate))


def _step_up(p: Floats, rate: float) -> Flags:
    count = len(p)
    passed = np.flatnonzero(np.sort(p) <= rate * np.arange(1, count + 1) / max(1, count))
    return p <= np.sort(p)[passed[-1]] if len(passed) else np.zeros(count, dtype=np.bool_)
