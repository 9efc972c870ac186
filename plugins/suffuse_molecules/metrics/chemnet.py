"""The Fréchet ChemNet distance (Preuer et al. 2018): how far the features of two sets of molecules lie apart.

ChemNet reads SMILES; its weights come with the package ``fcd``, and are read as tensors, never unpickled.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from functools import cache
from importlib import resources
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor, nn

from suffuse.errors import ModelFileError, StorageError
from suffuse.folders import cache_folder
from suffuse.metrics import gaussian_frechet, moments
from suffuse.tensorfile import read_tensors, write_tensors

Moments = tuple[Tensor, Tensor]
"""A mean, float64 ``[512]``, and a covariance, ``[512, 512]``."""

logger = logging.getLogger(__name__)

WEIGHTS = "ChemNet_v0.13_pretrained.pt"
FORMAT = "suffuse-chemnet-moments"
VERSION = 1

LENGTH = 350
"""Characters that a SMILES is padded to; longer ones are to their own."""
BATCH = 256


def installed() -> bool:
    """Whether the package ``fcd`` is there; the log tells how to get it."""
    there = find_spec("fcd") is not None
    if not there:
        logger.warning("the Fréchet ChemNet distance is left out: pip install fcd")
    return there


def chemnet_distance(made: Moments, real: Moments) -> float:
    """The Fréchet distance of ChemNet's features; lower is better, and only of equal counts to be compared."""
    return gaussian_frechet(*made, *real)


def fresh_moments(smiles: Sequence[str]) -> Moments:
    """Mean and covariance of ChemNet's features of at least two molecules.

    Arguments:
        smiles: canonical; repetitions count.
    """
    return moments(features(smiles))


def kept_moments(smiles: Sequence[str]) -> Moments:
    """The same of molecules that are compared with again: they are kept in the cache folder."""
    path = _cache_file(smiles)
    if path.exists():
        try:
            tensors, _ = read_tensors(path, FORMAT, VERSION)
            return tensors["mean"], tensors["covariance"]
        except (ModelFileError, KeyError) as error:
            logger.warning("%s is broken and made anew: %s", path, error)
    mean, covariance = fresh_moments(smiles)
    try:
        write_tensors(path, {"mean": mean, "covariance": covariance}, {"format": FORMAT, "version": VERSION})
    except StorageError as error:
        logger.warning("ChemNet's features are not kept: %s", error)
    return mean, covariance


def features(smiles: Sequence[str]) -> Tensor:
    """ChemNet's features of SMILES, float32 ``[n, 512]``, as ``fcd.get_predictions`` tells them."""
    known = sorted(set(smiles), key=lambda text: (len(text), text))
    batches = [known[start : start + BATCH] for start in range(0, len(known), BATCH)]
    with torch.inference_mode():
        found = torch.cat([_network()(_coded(batch)) for batch in batches])
    place = {text: i for i, text in enumerate(known)}
    return found[[place[text] for text in smiles]]


@cache
def _network() -> nn.Sequential:
    from fcd.utils import load_imported_model

    with resources.as_file(resources.files("fcd") / WEIGHTS) as path:
        network: nn.Sequential = load_imported_model(torch.load(path, map_location="cpu", weights_only=True)).eval()
    return network


def _coded(smiles: Sequence[str]) -> Tensor:
    """One-hot characters over their number, ``[batch, characters, length]``."""
    from fcd.utils import get_one_hot

    codes = [torch.from_numpy(get_one_hot(text)) for text in smiles]
    length = max(LENGTH, max(len(code) for code in codes))
    coded = torch.zeros(len(codes), length, codes[0].shape[1])
    for row, code in zip(coded, codes, strict=True):
        row[: len(code)] = code
    return (coded / coded.shape[2]).transpose(1, 2)


def _cache_file(smiles: Sequence[str]) -> Path:
    """Keyed by all molecules."""
    digest = hashlib.blake2b("\n".join(smiles).encode(), digest_size=16).hexdigest()
    return cache_folder() / "chemnet" / f"{len(smiles)}-{digest}.safetensors"
