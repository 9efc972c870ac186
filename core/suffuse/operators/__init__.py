"""Measurements of clean states, one a file."""

from suffuse.operators.band_limit import BandLimit
from suffuse.operators.base import Operator
from suffuse.operators.blur import Blur
from suffuse.operators.clip import Clip
from suffuse.operators.downsample import Downsample
from suffuse.operators.grey import Grey
from suffuse.operators.identity import Identity
from suffuse.operators.mask import Mask
from suffuse.operators.one_of import OneOf, one_of
from suffuse.operators.stft import StftMagnitude

__all__ = [
    "BandLimit",
    "Blur",
    "Clip",
    "Downsample",
    "Grey",
    "Identity",
    "Mask",
    "OneOf",
    "Operator",
    "StftMagnitude",
    "one_of",
]
