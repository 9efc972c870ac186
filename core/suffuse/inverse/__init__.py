"""Inverse problems: sampling under a measurement, one method a file."""

from suffuse.inverse.diffpir import DiffPIR
from suffuse.inverse.dps import DPS
from suffuse.inverse.method import Measured, Method, Run
from suffuse.inverse.mmps import MMPS
from suffuse.inverse.pigdm import PiGDM
from suffuse.inverse.repaint import RePaint, with_jumps

__all__ = [
    "DPS",
    "MMPS",
    "DiffPIR",
    "Measured",
    "Method",
    "PiGDM",
    "RePaint",
    "Run",
    "with_jumps",
]
