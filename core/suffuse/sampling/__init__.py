"""Samplers, grids and the loop."""

from suffuse.sampling.ancestral import DDIM, DDPM
from suffuse.sampling.dpm import DPMpp2M
from suffuse.sampling.grid import Grid, Karras, LogSnr, ShiftedFlow, UniformTime, part_of
from suffuse.sampling.loop import Sampler, Step, iterate, sample
from suffuse.sampling.ode import Churn, Euler, Heun

__all__ = [
    "DDIM",
    "DDPM",
    "Churn",
    "DPMpp2M",
    "Euler",
    "Grid",
    "Heun",
    "Karras",
    "LogSnr",
    "Sampler",
    "ShiftedFlow",
    "Step",
    "UniformTime",
    "iterate",
    "part_of",
    "sample",
]
