"""The core's own plugin: its schedules, samplers, grids and networks, registered as any plugin's are."""

from __future__ import annotations

from collections.abc import Callable

from suffuse.registry.hooks import hookimpl
from suffuse.registry.specs import (
    GridSpec,
    GuidanceSpec,
    KernelSpec,
    MethodSpec,
    NetworkSpec,
    OperatorSpec,
    SamplerSpec,
    ScheduleSpec,
)


@hookimpl
def register_schedules(register: Callable[[ScheduleSpec], None]) -> None:
    """The noise schedules."""
    for name, attribute, summary in (
        ("vp-linear", "VPLinear", "variance preserving, β linear in time (DDPM)"),
        ("cosine", "Cosine", "variance preserving, a quarter turn at constant speed"),
        ("ve", "VE", "variance exploding, geometric in σ"),
        ("edm", "EDM", "σ proportional to time, no scaling of the signal"),
        ("rectified-flow", "RectifiedFlow", "the straight path from data to noise"),
        ("sub-vp", "SubVP", "variance below that of variance preserving"),
    ):
        register(ScheduleSpec(name=name, factory=f"suffuse.process.schedule:{attribute}", summary=summary))


@hookimpl
def register_kernels(register: Callable[[KernelSpec], None]) -> None:
    """The kernels of categorical noise."""
    for name, attribute, summary in (
        ("uniform", "Uniform", "any class, each as likely"),
        ("absorbing", "Absorbing", "a mask, which tells that an entry is unknown"),
        ("marginal", "Marginal", "a class as often as the training data have it"),
    ):
        register(KernelSpec(name=name, factory=f"suffuse.process.kernels:{attribute}.of", summary=summary))


@hookimpl
def register_samplers(register: Callable[[SamplerSpec], None]) -> None:
    """The samplers."""
    for name, attribute, summary in (
        ("ddpm", "DDPM", "ancestral: fresh noise at every step; any process"),
        ("ddim", "DDIM", "from deterministic (eta 0) to ancestral (eta 1); any process"),
        ("euler", "Euler", "first-order steps along the probability flow, with churn if wanted"),
        ("heun", "Heun", "second order, two evaluations a step, with churn if wanted"),
        ("rk4", "RK4", "the classical rule, fourth order, four evaluations a step"),
        ("dormand-prince", "DormandPrince", "adaptive steps to a tolerance, orders 5 and 4"),
        ("euler-ancestral", "EulerAncestral", "k-diffusion's: ddim, and beyond ddpm more fresh noise (eta above 1)"),
        ("consistency", "Consistency", "fresh noise on the belief: for distilled models, 1 to 4 steps"),
        ("dpmpp", "DPMpp", "DPM-Solver++ in multistep form, order 1 to 3, one evaluation a step"),
        ("dpmpp-2m", "DPMpp", "dpmpp at its order 2, by the name that it is best known by"),
        ("dpmpp-sde", "DPMppSDE", "DPM-Solver++ with fresh noise at every step, order 1 to 3"),
        ("unipc", "UniPC", "predictor and corrector in one evaluation a step, order 2 to 4"),
        ("deis", "DEIS", "exact integration of the extrapolated noise, order 1 to 4"),
        ("ipndm", "IPNDM", "Adams-Bashforth with fixed coefficients on the noise, for few steps"),
        ("adams", "AdamsBashforth", "Adams-Bashforth for unequal steps in flow time, order 1 to 4"),
        ("tau-leaping", "TauLeaping", "categories: jumps of the reverse chain in continuous time"),
        ("discrete-flow", "DiscreteFlow", "categories: the fewest jumps, and entries drawn anew if wanted"),
        ("confidence", "Confidence", "masks: the surest entries first (MaskGIT)"),
        ("remasking", "Remasking", "masks: what was shown may be masked again (ReMDM)"),
        ("renoise", "Renoise", "predict, then noise again; any process"),
    ):
        register(SamplerSpec(name=name, factory=f"suffuse.sampling:{attribute}", summary=summary))
    for name, attribute, summary, samplers in (
        ("predictor-corrector", "PredictorCorrector", "Langevin after each step: predictor=SAMPLER", ("predictor",)),
        ("discrete-corrector", "DiscreteCorrector", "categories: jumps both ways after each step", ("predictor",)),
        ("mixed", "mixed", "a rule for each kind of field: rules=[SAMPLER, …]", ("rules",)),
        ("restart", "Restart", "back to more noise and down again, in one interval: sampler=SAMPLER", ("sampler",)),
    ):
        register(SamplerSpec(name=name, factory=f"suffuse.sampling:{attribute}", summary=summary, samplers=samplers))


@hookimpl
def register_grids(register: Callable[[GridSpec], None]) -> None:
    """The time grids."""
    for name, attribute, summary in (
        ("uniform", "UniformTime", "evenly spaced in time"),
        ("karras", "Karras", "noise levels evenly spaced in σ^(1/ρ)"),
        ("log-snr", "LogSnr", "evenly spaced in the logarithm of the signal-to-noise ratio"),
        ("shifted-flow", "ShiftedFlow", "evenly spaced in time, shifted towards noise"),
    ):
        register(GridSpec(name=name, factory=f"suffuse.sampling:{attribute}", summary=summary))


@hookimpl
def register_networks(register: Callable[[NetworkSpec], None]) -> None:
    """The networks."""
    for name, summary in (
        ("unet", "convolutional U-Net over one, two or three axes"),
        ("dit", "transformer over patches of one, two or three axes"),
        ("mlp", "residual layers over a whole state of fixed sizes, of one field or several"),
    ):
        register(NetworkSpec(name=name, factory=f"suffuse.nn.{name}:build", summary=summary))


@hookimpl
def register_guidances(register: Callable[[GuidanceSpec], None]) -> None:
    """The guidances."""
    for name, attribute, summary, models in (
        ("classifier-free", "ClassifierFree", "away from the unconditional belief: weight=…", ()),
        ("cfg-plus-plus", "CFGpp", "between the beliefs, with the unconditional noise: scale=…", ()),
        ("adaptive-projected", "AdaptiveProjected", "for strong weights: weight=…, eta=…, norm=…", ()),
        ("autoguidance", "Autoguidance", "away from a weaker model: weaker=MODEL, weight=…", ("weaker",)),
    ):
        register(GuidanceSpec(name=name, factory=f"suffuse.guidance:{attribute}", summary=summary, models=models))


@hookimpl
def register_operators(register: Callable[[OperatorSpec], None]) -> None:
    """The measurements."""
    for name, attribute, summary in (
        ("identity", "Identity", "nothing but noise"),
        ("blur", "Blur", "a weighted mean of the surroundings: sigma=…, or width=…"),
        ("downsample", "Downsample", "means of blocks: factor=…"),
        ("grey", "Grey", "the mean over the channels"),
        ("band-limit", "BandLimit", "no high frequencies: cutoff=…, a share of Nyquist's"),
        ("clip", "Clip", "saturation: level=…"),
        ("stft-magnitude", "StftMagnitude", "short-time spectra without their phases"),
    ):
        register(OperatorSpec(name=name, factory=f"suffuse.operators:{attribute}", summary=summary))


@hookimpl
def register_methods(register: Callable[[MethodSpec], None]) -> None:
    """The ways to sample under a measurement."""
    for name, summary in (
        ("mmps", "guidance with the belief's own covariance: iterations=…"),
        ("repaint", "inpainting: the known part replaced at every time; any process: resamples=…, jump=…"),
        ("diffpir", "a proximal step after each belief, no backward pass: strength=…, iterations=…"),
        ("pigdm", "guidance with one deviation for all entries: iterations=…"),
        ("dps", "guidance by the norm of the residual: strength=…"),
    ):
        register(MethodSpec(name=name, factory=f"suffuse.inverse.method:{name}", summary=summary))
