"""The sampler ``mixed``: a rule for each kind of field of a mixed state."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from suffuse.sampling.discrete import TauLeaping
from suffuse.sampling.dpm import DPMpp
from suffuse.sampling.rule import Mixed, OneEvaluation


def mixed(rules: Sequence[OneEvaluation[Any]] = (DPMpp(), TauLeaping())) -> Mixed:
    """Each field goes by the first rule that is made for its noise, else by its own ancestral step.

    Arguments:
        rules: samplers with one evaluation a step.
    """
    return Mixed(tuple(rules))
