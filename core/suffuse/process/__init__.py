"""Forward noise processes and their schedules."""

from suffuse.process.base import Process
from suffuse.process.gaussian import Gaussian
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
    "RectifiedFlow",
    "Schedule",
    "SubVP",
    "VPLinear",
    "log_snr",
    "noise_ratio",
    "time_of_ratio",
]
