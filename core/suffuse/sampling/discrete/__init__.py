"""Samplers of categorical states, one a file.

On a mixed state each moves the categorical fields, the others go by their own ancestral step; see
:class:`~suffuse.sampling.rule.Mixed` for others.
"""

from suffuse.sampling.discrete.confidence import Confidence
from suffuse.sampling.discrete.corrector import DiscreteCorrector
from suffuse.sampling.discrete.flow import DiscreteFlow
from suffuse.sampling.discrete.remasking import Remasking
from suffuse.sampling.discrete.tau_leaping import TauLeaping
from suffuse.sampling.discrete.temperature import tempered

__all__ = [
    "Confidence",
    "DiscreteCorrector",
    "DiscreteFlow",
    "Remasking",
    "TauLeaping",
    "tempered",
]
