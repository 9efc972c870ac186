"""Forward noise processes and their schedules."""

from suffuse.process.base import Process, Weight
from suffuse.process.categorical import Categorical
from suffuse.process.gaussian import Gaussian
from suffuse.process.interpolant import Interpolant
from suffuse.process.kernels import Absorbing, Kernel, Marginal, Uniform
from suffuse.process.product import Product
from suffuse.process.schedule import (
    EDM,
    VE,
    Cosine,
    RectifiedFlow,
    Schedule,
    SubVP,
    VPLinear,
    log_snr,
    noise_ratio,
    time_of_ratio,
)

__all__ = [
    "EDM",
    "VE",
    "Absorbing",
    "Categorical",
    "Cosine",
    "Gaussian",
    "Interpolant",
    "Kernel",
    "Marginal",
    "Process",
    "Product",
    "RectifiedFlow",
    "Schedule",
    "SubVP",
    "Uniform",
    "VPLinear",
    "Weight",
    "log_snr",
    "noise_ratio",
    "time_of_ratio",
]
