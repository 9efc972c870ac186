"""How near a sound is to another that it should be: what restorations are judged by.

Both are mono, at one rate, and as long as each other.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from contextlib import suppress

import numpy as np
from numpy.typing import NDArray

from suffuse.errors import DomainInputError
from suffuse_audio.clip import Clip
from suffuse_audio.resampling import mixed, resample
from suffuse_audio.windows import of_length

Samples = NDArray[np.floating]
_LEAST = 1e-12
WINDOW = 512
"""Samples of the window of the spectral distance."""


def si_sdr(reference: Samples, estimate: Samples) -> float:
    r"""The scale-invariant ratio of signal to distortion, in dB (Le Roux et al. 2019, eq. 2–4); higher is better.

    .. math:: 10 \log_{10} \frac{|a s|^2}{|a s - \hat s|^2}, \qquad a = \frac{\hat s^T s}{|s|^2}

    The means of both are taken away. ``inf`` where the estimate is the reference, scaled.

    Arguments:
        reference, estimate: ``[samples]``.
    """
    s, e = (_centred(x) for x in _alike(reference, estimate))
    target = (e @ s) / max(float(s @ s), _LEAST) * s
    return _decibels(float(target @ target), float(np.square(target - e).sum()))


def sdr(reference: Samples, estimate: Samples) -> float:
    """The ratio of signal to error, in dB: for gaps, whose loudness counts too."""
    s, e = _alike(reference, estimate)
    return _decibels(float(s @ s), float(np.square(s - e).sum()))


def log_spectral_distance(reference: Samples, estimate: Samples, window: int = WINDOW, hop: int = 128) -> float:
    """The root mean square difference of log₁₀ power spectra over frequencies, averaged over frames; lower is better.

    Powers below 1e-8, of windows that are not normalized, count as that.

    Arguments:
        reference, estimate: ``[samples]``, longer than half a window.
        window, hop: of Hann windows, in samples, centred, the signal mirrored at its ends.
    """
    import torch

    def log_power(x: Samples) -> torch.Tensor:
        spectrum = torch.stft(
            torch.from_numpy(np.ascontiguousarray(x, np.float32)), window, hop, window=torch.hann_window(window),
            return_complex=True,
        )  # fmt: skip
        return spectrum.abs().square().clamp_min(1e-8).log10()

    s, e = _alike(reference, estimate)
    return float((log_power(s) - log_power(e)).square().mean(0).sqrt().mean())


def fidelity(made: Sequence[Clip], originals: Sequence[Clip]) -> dict[str, float]:
    """Means over pairs of clips, as one channel at the originals' rates, and as long as these.

    ``si_sdr`` in dB; ``log_spectral_distance``; ``pesq``, ``stoi`` and ``estoi`` as far as they can be had
    (:func:`perceived`).
    """
    found: list[dict[str, float]] = []
    for one, original in zip(made, originals, strict=True):
        reference = mixed(original, 1).samples[:, 0]
        estimate = of_length(resample(mixed(one, 1), original.rate), len(original)).samples[:, 0]
        if not reference.any() or len(reference) <= WINDOW:
            continue  # silence has no ratio, and a click no spectrum
        judged = {
            "si_sdr": si_sdr(reference, estimate),
            "log_spectral_distance": log_spectral_distance(reference, estimate),
        }
        found.append(judged | perceived(reference, estimate, original.rate))
    names = dict.fromkeys(name for judged in found for name in judged)
    return {name: float(np.mean([judged[name] for judged in found if name in judged])) for name in names}


def perceived(reference: Samples, estimate: Samples, rate: int) -> dict[str, float]:
    """What models of listeners say of speech, as far as their packages are installed and it can be judged.

    - ``pesq``: ITU-T P.862 narrow band, from 1 to 4.5 (``pip install pesq``; 8 or 16 kHz).
    - ``stoi``, ``estoi``: intelligibility and its extended form, from 0 to 1 (``pip install pystoi``).
    """
    s, e = (np.asarray(x, np.float32) for x in _alike(reference, estimate))
    found: dict[str, float] = {}
    if importlib.util.find_spec("pesq") and rate in (8000, 16000):
        from pesq import NoUtterancesError, pesq

        with suppress(NoUtterancesError):  # it hears no speech, and has no opinion
            found["pesq"] = float(pesq(rate, s, e, "nb"))
    if importlib.util.find_spec("pystoi"):
        from pystoi import stoi

        found["stoi"] = float(stoi(s, e, rate))
        found["estoi"] = float(stoi(s, e, rate, extended=True))
    return found


def _alike(reference: Samples, estimate: Samples) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    if reference.ndim != 1 or reference.shape != estimate.shape or not len(reference):
        raise DomainInputError(
            "are not alike in length", field="reference, estimate", expected="two of [samples]",
            got=f"{list(reference.shape)} and {list(estimate.shape)}",
        )  # fmt: skip
    return np.asarray(reference, np.float64), np.asarray(estimate, np.float64)


def _centred(x: NDArray[np.float64]) -> NDArray[np.float64]:
    centred: NDArray[np.float64] = x - x.mean()
    return centred


def _decibels(signal: float, error: float) -> float:
    if error == 0.0:
        return float("inf")
    return float(10.0 * np.log10(max(signal, _LEAST) / error))
