"""Samplers, grids and the loop."""

from suffuse.sampling.adams import IPNDM, AdamsBashforth
from suffuse.sampling.ancestral import DDIM, DDPM
from suffuse.sampling.consistency import Consistency
from suffuse.sampling.corrector import PredictorCorrector
from suffuse.sampling.deis import DEIS
from suffuse.sampling.discrete import Confidence, DiscreteCorrector, DiscreteFlow, Remasking, TauLeaping
from suffuse.sampling.dormand_prince import DormandPrince
from suffuse.sampling.dpm import DPMpp, DPMppSDE
from suffuse.sampling.euler_ancestral import EulerAncestral
from suffuse.sampling.grid import Grid, Karras, LogSnr, PowerTime, ShiftedFlow, UniformTime, part_of
from suffuse.sampling.loop import Past, Sampler, Step, Steps, iterate, sample
from suffuse.sampling.mixing import mixed
from suffuse.sampling.needs import ABSORBING, ANY, CATEGORICAL, GAUSSIAN, Need
from suffuse.sampling.ode import RK4, Churn, Euler, Heun
from suffuse.sampling.optimized import Levels
from suffuse.sampling.restart import Restart
from suffuse.sampling.rule import Mixed, OneEvaluation
from suffuse.sampling.steering import Steering
from suffuse.sampling.unipc import UniPC

__all__ = [
    "ABSORBING",
    "ANY",
    "CATEGORICAL",
    "DDIM",
    "DDPM",
    "DEIS",
    "GAUSSIAN",
    "IPNDM",
    "RK4",
    "AdamsBashforth",
    "Churn",
    "Confidence",
    "Consistency",
    "DPMpp",
    "DPMppSDE",
    "DiscreteCorrector",
    "DiscreteFlow",
    "DormandPrince",
    "Euler",
    "EulerAncestral",
    "Grid",
    "Heun",
    "Karras",
    "Levels",
    "LogSnr",
    "Mixed",
    "Need",
    "OneEvaluation",
    "Past",
    "PowerTime",
    "PredictorCorrector",
    "Remasking",
    "Restart",
    "Sampler",
    "ShiftedFlow",
    "Steering",
    "Step",
    "Steps",
    "TauLeaping",
    "UniPC",
    "UniformTime",
    "iterate",
    "mixed",
    "part_of",
    "sample",
]
