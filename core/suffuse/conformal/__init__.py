"""Decisions with a known error rate, from the scores of any detector and some usual items that it was not fitted on.

:func:`p_values` rank a score among those of usual items; :func:`benjamini_hochberg` and the others call items odd so
that a known share of those called are usual; :class:`Lord` and :class:`ELond` do so on a stream;
:func:`false_alarm_threshold` and its kin set thresholds without labels; :func:`drift` asks whether a reference still
describes what comes. Higher is odder throughout. Numpy only, and scipy where a distribution is asked.
"""

from suffuse.conformal.drift import Drift, drift, drift_of_counts
from suffuse.conformal.e_values import e_values, from_p, soft_rank
from suffuse.conformal.online import ELond, Lord, Online, follow
from suffuse.conformal.p_values import p_values, tie_breaks, trim
from suffuse.conformal.rejections import benjamini_hochberg, e_benjamini_hochberg, storey, usual_share
from suffuse.conformal.tail import Tail
from suffuse.conformal.thresholds import contamination_threshold, false_alarm_threshold, knee_threshold

__all__ = [
    "Drift",
    "ELond",
    "Lord",
    "Online",
    "Tail",
    "benjamini_hochberg",
    "contamination_threshold",
    "drift",
    "drift_of_counts",
    "e_benjamini_hochberg",
    "e_values",
    "false_alarm_threshold",
    "follow",
    "from_p",
    "knee_threshold",
    "p_values",
    "soft_rank",
    "storey",
    "tie_breaks",
    "trim",
    "usual_share",
]
