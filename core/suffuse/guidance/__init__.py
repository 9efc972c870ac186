"""Guidance: denoiser to denoiser, one idea a file."""

from collections.abc import Callable

from suffuse.guidance.adaptive_projected import AdaptiveProjected
from suffuse.guidance.autoguidance import Autoguidance
from suffuse.guidance.beliefs import combine_beliefs
from suffuse.guidance.cfgpp import CFGpp
from suffuse.guidance.classifier_free import ClassifierFree
from suffuse.guidance.composed import Composed
from suffuse.guidance.gradient import Classifier, Gradient
from suffuse.guidance.within import Within
from suffuse.posterior import Denoiser
from suffuse.process import Process

Guidance = Callable[[Denoiser, Process], Denoiser]
"""A guidance whose denoiser is not known yet: a class with its options bound, as ``partial(CFGpp, scale=0.8)``."""

__all__ = [
    "AdaptiveProjected",
    "Autoguidance",
    "CFGpp",
    "Classifier",
    "ClassifierFree",
    "Composed",
    "Gradient",
    "Guidance",
    "Within",
    "combine_beliefs",
]
