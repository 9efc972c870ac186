r"""Weightings of the denoising error, as functions of the log-SNR λ.

They act on the error of x̂₀, whatever the network predicts; what is usually called the loss of a parametrization is one
of them (Kingma & Gao 2023):

============  =======================  ==============================================================
weight        w(λ)                     equals
============  =======================  ==============================================================
``uniform``   1                        the error of x₀
``snr``       e^λ                      the error of ε: DDPM's simple loss (Ho et al. 2020, eq. 14)
``v``         e^λ + 1                  the error of v (Salimans & Ho 2022)
``min-snr``   min(e^λ, γ)              Hang et al. 2023, γ = 5
``edm``       e^λ + 1/σ_d²             Karras et al. 2022, table 1
``flow``      (1 + e^{λ/2})²           the error of ε - x₀ under rectified flow (Lipman et al. 2022)
============  =======================  ==============================================================
"""

from __future__ import annotations

import torch

from suffuse.process import Weight


def uniform() -> Weight:
    """1: the error of x₀."""
    return torch.ones_like


def snr() -> Weight:
    """e^λ: the error of ε."""
    return torch.exp


def v() -> Weight:
    """e^λ + 1: the error of v."""
    return lambda log_snr: log_snr.exp() + 1.0


def min_snr(gamma: float = 5.0) -> Weight:
    """min(e^λ, γ)."""
    return lambda log_snr: log_snr.exp().clamp_max(gamma)


def edm(sigma_data: float = 1.0) -> Weight:
    """e^λ + 1/σ_d²."""
    return lambda log_snr: log_snr.exp() + sigma_data**-2


def flow() -> Weight:
    """(1 + e^{λ/2})²: the error of ε - x₀ under rectified flow."""
    return lambda log_snr: (1.0 + (0.5 * log_snr).exp()).square()
