"""The core's own plugin: its schedules, samplers, grids and networks, registered as any plugin's are."""

from __future__ import annotations

from collections.abc import Callable

from suffuse.registry.hooks import hookimpl
from suffuse.registry.specs import (
    CheckSpec,
    FilterSpec,
    GridSpec,
    GuidanceSpec,
    KernelSpec,
    MethodSpec,
    NetworkSpec,
    OperatorSpec,
    SamplerSpec,
    ScheduleSpec,
    TextEncoderSpec,
    TimesSpec,
    WeightingSpec,
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
        ("renoise", "Consistency", "categories: predict, then noise again, so that every entry may be mended"),
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
        ("power", "PowerTime", "t = u^p, u evenly spaced: steps get shorter towards the data: power=…"),
        ("karras", "Karras", "noise levels evenly spaced in σ^(1/ρ)"),
        ("log-snr", "LogSnr", "evenly spaced in the logarithm of the signal-to-noise ratio"),
        ("shifted-flow", "ShiftedFlow", "evenly spaced in time, shifted towards noise"),
    ):
        register(GridSpec(name=name, factory=f"suffuse.sampling:{attribute}", summary=summary))


@hookimpl
def register_networks(register: Callable[[NetworkSpec], None]) -> None:
    """The networks."""
    for name, module, summary in (
        ("unet", "unet", "convolutional U-Net over one, two or three axes"),
        ("dit", "dit", "transformer over patches of one, two or three axes"),
        ("mlp", "mlp", "residual layers over a whole state of fixed sizes, of one field or several"),
        ("graph-transformer", "graph", "transformer over sets, sequences and graphs of any size"),
        ("neighbours", "neighbours", "the exact belief of the training data themselves, without training"),
        ("centres", "centres", "the exact belief distilled into a few centres of the data, at one cost for any number"),
        ("patches", "patches", "the exact belief of patches about the training data, without training"),
        ("gaussian", "gaussian", "the exact belief of data that are one Gaussian, odd ones left out, without training"),
    ):
        register(NetworkSpec(name=name, factory=f"suffuse.nn.{module}:build", summary=summary))


@hookimpl
def register_text_encoders(register: Callable[[TextEncoderSpec], None]) -> None:
    """The encoders of texts."""
    register(
        TextEncoderSpec(
            name="words", factory="suffuse.nn.text:Words", summary="the captions' own words, trained with the network"
        )
    )


@hookimpl
def register_times(register: Callable[[TimesSpec], None]) -> None:
    """The distributions of training times."""
    for name, attribute, summary in (
        ("uniform", "Uniform", "evenly in t"),
        ("log-uniform", "LogUniform", "σ/α log-uniform: low=…, high=…"),
        ("log-normal", "LogNormal", "σ/α log-normal (EDM): mean=…, std=…"),
        ("logit-normal", "LogitNormal", "the flow time logit-normal: mean=…, std=…"),
    ):
        register(TimesSpec(name=name, factory=f"suffuse.training.times:{attribute}", summary=summary))


@hookimpl
def register_weightings(register: Callable[[WeightingSpec], None]) -> None:
    """The weightings of the loss."""
    for name, attribute, summary in (
        ("uniform", "uniform", "1: the error of x₀"),
        ("snr", "snr", "the error of ε: DDPM's simple loss"),
        ("v", "v", "the error of v"),
        ("min-snr", "min_snr", "the signal-to-noise ratio, clipped: gamma=…"),
        ("edm", "edm", "EDM's: sigma_data=…"),
        ("flow", "flow", "the error of ε - x₀ under rectified flow"),
    ):
        register(WeightingSpec(name=name, factory=f"suffuse.training.weighting:{attribute}", summary=summary))


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
    register(
        OperatorSpec(
            name="one-of",
            factory="suffuse.operators:one_of",
            operators=("of",),
            summary="one of several, drawn for each item, for bridges: of=[OPERATOR, …]",
        )
    )


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


@hookimpl
def register_filters(register: Callable[[FilterSpec], None]) -> None:
    """The filters of what is made, for items of any domain."""
    for name, factory, summary in (
        ("unique", "same:unique", "no item twice"),
        ("novel", "same:novel", "no item of some files or folders: path=…"),
        ("usual", "usual:usual", "no item that the model's own score finds odd: least=…, a p-value"),
    ):
        register(FilterSpec(name=name, factory=f"suffuse.tasks.filtering.{factory}", summary=summary))


@hookimpl
def register_checks(register: Callable[[CheckSpec], None]) -> None:
    """The conformance checks that every domain is held to, or every one that declares a feature."""
    for name, place, summary in (
        ("entry-point", "package:entry_point", "an invisible plugin, a collision of names"),
        ("suffuse-bound", "package:suffuse_bound", "a package that a later suffuse may break"),
        ("light-plugin", "package:light_plugin", "a plugin that slows every command down"),
        ("hooks", "package:hooks", "a misspelt hook, one that is not marked"),
        ("domain-spec", "specs:domain_spec", "a factory that makes no domain, another name, wrong suffixes"),
        ("factories", "specs:factories", "a factory or a file that is not there"),
        ("install-hint", "specs:install_hint", "a missing package that nobody is told how to get"),
        ("requirements", "specs:requirements", "an import that nothing declares"),
        ("splits", "data:splits", "an empty part, examples that do not encode"),
        ("same-examples", "data:same_examples", "data that change from one look to the next, or between threads"),
        ("pickles", "data:pickles", "lambdas and open files, which no worker can be sent"),
        ("picture", "data:picture", "items that cannot be shown"),
        ("states", "codec:states", "a wrong dtype, numbers that are not finite, something in the padding"),
        ("standardized", "codec:standardized", "a noise schedule that does not fit the data's scale"),
        ("round-trip", "codec:round_trip", "a wrong scale, dtype, order of channels, rate or length"),
        ("stable-decoding", "codec:stable_decoding", "a decoder that leaves the domain"),
        ("codec-as-json", "codec:codec_as_json", "fitted figures that are lost in the model file"),
        ("kept-survives", "keeping:kept_survives", "a merge that loses what is kept, or cannot take every size"),
        ("singles", "codec:singles", "figures measured over a batch; augmentation that is not keyed"),
        ("inputs-untouched", "codec:inputs_untouched", "normalization in place"),
        ("batch-shapes", "codec:batch_shapes", "a squeezed batch axis, a hard-coded size"),
        ("bad-items", "items:bad_items", "a stack trace where an item is wrong"),
        ("not-a-number", "items:not_a_number", "NaN that trains silently"),
        ("unseen-category", "items:unseen_category", "a stack trace, or a wrong class, for a new category"),
        ("files", "items:files", "files half written, or that read as something else"),
        ("categories", "categories:categories", "classes that are not one-hot, or counted in another order"),
        ("categories-survive", "categories:categories_survive", "labels that are mixed up on the way back"),
        ("symmetric-pairs", "categories:symmetric_pairs", "pairs that are written one way, a lost diagonal"),
        ("same-seed", "randomness:same_seed", "runs that cannot be repeated"),
        ("global-state", "randomness:global_state", "draws from a global generator"),
        ("generates", "randomness:generates", "sampling that does not give items, or depends on the batch"),
        ("samples-apart", "network:samples_apart", "samples of a batch that see each other"),
        ("network-untouched", "network:network_untouched", "a network that writes into its input"),
        ("noise-level-used", "network:noise_level_used", "an unused embedding of the noise level"),
        ("conditions-used", "network:conditions_used", "an unused condition; an absent one that is seen"),
        ("evaluation", "network:evaluation", "dropout in sampling"),
        ("gradients", "network:gradients", "a dead branch, a detach, an infinite slope"),
        ("device", "network:device", "constants on the CPU, .cpu() and .item() on the way"),
        ("bfloat16", "network:bfloat16", "constants of one dtype, sums that lose precision"),
        ("padding", "masks:padding", "padding that leaks into belief or loss"),
        ("longer-padding", "masks:longer_padding", "attention to padding, means over it"),
        ("all-masked", "masks:all_masked", "0/0 in attention or loss"),
        ("samplers", "sampling:samplers", "an output that samplers take for something else"),
        ("saved", "saving:saved", "weights that are not in the file"),
    ):
        register(CheckSpec(name=name, factory=f"suffuse.testing.checks.{place}", summary=summary))
    for name, place, needs, summary in (
        ("sizes", "features:sizes", "sizes", "sizes that are lost, or never drawn"),
        ("extents", "masks:extents", "sizes", "0/0 for a single element; tables as long as the training items"),
        ("gaps", "features:gaps", "gaps", "missing values that are lost, known ones that are not kept"),
        ("time-order", "features:time_order", "time_axis", "time swapped with another axis, frames out of order"),
        ("unordered", "symmetry:unordered", "unordered", "positional leakage among nodes"),
        ("centred", "symmetry:centred", "rotations", "positions that tell where an item lay"),
        ("rotations", "symmetry:rotations", "rotations", "a broken claim of symmetry in space"),
    ):
        register(
            CheckSpec(name=name, factory=f"suffuse.testing.checks.{place}", summary=summary, needs=(needs,)),
        )
    for name, place, summary in (
        ("workers", "data:workers", "data that are others in a spawned worker"),
        ("fresh-process", "saving:fresh_process", "buffers that are not saved, what only this process has"),
        ("evaluate", "items:evaluate", "figures that are missing, or not finite"),
        ("overfits", "learning:overfits", "what runs and cannot learn"),
    ):
        register(CheckSpec(name=name, factory=f"suffuse.testing.checks.{place}", summary=summary, cost="slow"))
    register(
        CheckSpec(
            name="anomalies",
            factory="suffuse.testing.checks.learning:anomalies",
            summary="scores with a flipped sign",
            needs=("anomalies",),
            cost="slow",
        )
    )
    for name, tool in (("compiles", "torch.compile"), ("vmaps", "torch.vmap")):
        register(
            CheckSpec(
                name=name,
                factory=f"suffuse.testing.checks.compiling:{name}",
                summary=f"paths that depend on the data, for {tool}",
                level="should",
                cost="slow",
            )
        )
