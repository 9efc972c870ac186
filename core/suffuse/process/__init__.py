"""Forward noise processes and their schedules."""

from suffuse.process.base import Process, Weight
from suffuse.process.gaussian import Gaussian
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
    "Cosine",
    "Gaussian",
    "Process",
    "Product",
    "RectifiedFlow",
    "Schedule",
    "SubVP",
    "VPLinear",
    "Weight",
    "log_snr",
    "noise_ratio",
    "time_of_ratio",
]
