"""Likelihoods of states under a model: exactly along the probability flow, by a lower bound, and as a profile."""

from suffuse.likelihood.bound import Elbo, elbo
from suffuse.likelihood.density import Adaptive, Fixed, LogProb, log_prob
from suffuse.likelihood.flow import Flow
from suffuse.likelihood.profile import Profile, noise_levels, profile

__all__ = ["Adaptive", "Elbo", "Fixed", "Flow", "LogProb", "Profile", "elbo", "log_prob", "noise_levels", "profile"]
