"""Samplers, grids and the loop."""

from suffuse.sampling.ancestral import DDIM, DDPM
from suffuse.sampling.dpm import DPMpp2M
from suffuse.sampling.grid import Grid, Karras, LogSnr, ShiftedFlow, UniformTime, part_of
from suffuse.sampling.loop import Past, Sampler, Step, iterate, sample
from suffuse.sampling.needs import ANY, GAUSSIAN, Need
from suffuse.sampling.ode import Churn, Euler, Heun
from suffuse.sampling.rule import Mixed, OneEvaluation

__all__ = [
    "ANY",
    "DDIM",
    "DDPM",
    "GAUSSIAN",
    "Churn",
    "DPMpp2M",
    "Euler",
    "Grid",
    "Heun",
    "Karras",
    "LogSnr",
    "Mixed",
    "Need",
    "OneEvaluation",
    "Past",
    "Sampler",
    "ShiftedFlow",
    "Step",
    "UniformTime",
    "iterate",
    "part_of",
    "sample",
]
