"""Likelihoods of states under a model: exactly along the probability flow, by a lower bound, and as a profile."""

from suffuse.likelihood.bound import Elbo, elbo
from suffuse.likelihood.density import Adaptive, Fixed, LogProb, log_prob
from suffuse.likelihood.flow import Flow
from suffuse.likelihood.profile import Profile, entry_profile, noise_levels, profile
from suffuse.likelihood.residual import Residual, beliefs, residual

__all__ = [
    "Adaptive",
    "Elbo",
    "Fixed",
    "Flow",
    "LogProb",
    "Profile",
    "Residual",
    "beliefs",
    "elbo",
    "entry_profile",
    "log_prob",
    "noise_levels",
    "profile",
    "residual",
]
