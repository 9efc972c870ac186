"""Other toolkits, imported where they are installed. None of their code is kept here."""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import find_spec, module_from_spec
from types import ModuleType

INSTALL = {
    "audio_diffusion_pytorch": (
        "pip install --no-deps audio-diffusion-pytorch a-unet audio-encoders-pytorch && pip install einops"
    ),
    "denoising_diffusion_pytorch": "pip install denoising-diffusion-pytorch",
    "diffusers": "pip install diffusers",
    "diffwave": "git clone https://github.com/lmnt-com/diffwave && export PYTHONPATH=$PYTHONPATH:diffwave/src",
    "ForestDiffusion": "pip install ForestDiffusion",
    "k_diffusion": "pip install --no-deps k-diffusion && pip install torchdiffeq torchsde",
    "sdv": "pip install sdv",
}


class AbsentPeer(Exception):
    """A peer, or something that it needs, is not installed; the message has the command that gets it."""


def peer(module: str) -> ModuleType:
    """A peer's module by its full name.

    Raises:
        AbsentPeer: it cannot be imported.
    """
    package = module.partition(".")[0]
    try:
        if package == "k_diffusion":
            _enter_without_running(package)
        return import_module(module)
    except ImportError as error:
        raise AbsentPeer(f"{package} is left out ({error}); get it with: {INSTALL[package]}") from error


def _enter_without_running(package: str) -> None:
    """Make a package's submodules importable without its ``__init__``, which imports far more than its samplers."""
    spec = find_spec(package) if package not in sys.modules else None
    if spec is not None:
        sys.modules[package] = module_from_spec(spec)
