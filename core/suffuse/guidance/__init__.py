"""Guidance: denoiser to denoiser, one idea a file."""

from suffuse.guidance.classifier_free import ClassifierFree

__all__ = ["ClassifierFree"]
