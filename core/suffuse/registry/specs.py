"""What a plugin registers: frozen records, cheap to make, that name a factory without importing it.

A factory is ``"package.module:attribute"``; it is imported only when it is used. Nothing here imports torch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

API = 1
"""The version of the plugin contract that this suffuse speaks."""


@dataclass(frozen=True, kw_only=True)
class Spec:
    """Something with a name that a plugin brings.

    Arguments:
        name: how a person asks for it: lower case, digits and hyphens.
        factory: ``"package.module:attribute"``.
        summary: one line for listings.
        requires: modules that the factory's module imports and that may be missing.
        install: what to hand to pip when one is, as ``suffuse[molecules]``.
    """

    kind: ClassVar[str] = "component"

    name: str
    factory: str
    summary: str = ""
    requires: tuple[str, ...] = ()
    install: str = ""


@dataclass(frozen=True, kw_only=True)
class Features:
    """What a domain promises of its items and states beyond what every domain does; each promise is checked.

    Arguments:
        tolerance: the largest difference between an item and what its state decodes to, in the items' own units; 0 for
            items that come back as they were.
        sizes: items differ in size, and states have masks.
        gaps: items may have gaps (:meth:`suffuse.domain.Codec.known`).
        unordered: the order of an item's elements (the first axis of the fields, or two where they are of pairs) means
            nothing: networks are equivariant to permutations.
        rotations: the elements have positions in space, and neither a rotation nor a shift of all changes what an item
            is.
        time_axis: the axis of the state, the batch being 0, along which the items' own order (``item[::-1]``) runs.
        anomalies: items far from the training data score higher than items like them.
    """

    tolerance: float = 1e-4
    sizes: bool = False
    gaps: bool = False
    unordered: bool = False
    rotations: bool = False
    time_axis: int | None = None
    anomalies: bool = False


@dataclass(frozen=True, kw_only=True)
class DomainSpec(Spec):
    """A kind of data. The factory gives a :class:`suffuse.domain.Domain`.

    Arguments:
        api: the version of the plugin contract that it was written against.
        suffixes: file suffixes that it reads, as ``.png``.
        features: what it promises, which chooses its conformance checks.
    """

    kind: ClassVar[str] = "domain"

    api: int = API
    suffixes: tuple[str, ...] = ()
    features: Features = Features()


@dataclass(frozen=True, kw_only=True)
class DatasetSpec(Spec):
    """A named data set of a domain. The factory takes the domain's validated ``data`` section and gives
    :class:`suffuse.domain.Splits`.

    Arguments:
        domain: the domain whose items it holds.
        offline: whether it needs no download.
    """

    kind: ClassVar[str] = "dataset"

    domain: str
    offline: bool = False


@dataclass(frozen=True, kw_only=True)
class NetworkSpec(Spec):
    """A network. The factory takes ``(template: State, conditions: ConditionSpace, **options)`` and gives a module."""

    kind: ClassVar[str] = "network"


@dataclass(frozen=True, kw_only=True)
class ScheduleSpec(Spec):
    """A noise schedule; the factory's keywords are its options."""

    kind: ClassVar[str] = "schedule"


@dataclass(frozen=True, kw_only=True)
class SamplerSpec(Spec):
    """A sampler; the factory's keywords are its options.

    Arguments:
        samplers: those of its keywords that are samplers themselves. A person names one there, as text or mapping; see
            :func:`suffuse.registry.parts.named`.
    """

    kind: ClassVar[str] = "sampler"

    samplers: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class GridSpec(Spec):
    """A time grid; the factory takes ``steps`` and its own keywords."""

    kind: ClassVar[str] = "grid"


@dataclass(frozen=True, kw_only=True)
class KernelSpec(Spec):
    """A kernel of categorical noise; the factory takes the classes' frequencies and its own keywords."""

    kind: ClassVar[str] = "kernel"


@dataclass(frozen=True, kw_only=True)
class GuidanceSpec(Spec):
    """A guidance; the factory takes a denoiser, a process and its own keywords, and gives a denoiser.

    Arguments:
        models: those of its keywords that are denoisers. A person names a model there, by file, run or starter.
    """

    kind: ClassVar[str] = "guidance"

    models: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class OperatorSpec(Spec):
    """A measurement of a state, as blur or downsample; the factory's keywords are its options.

    Arguments:
        operators: those of its keywords that are operators themselves, told as those of a sampler are.
    """

    kind: ClassVar[str] = "operator"

    operators: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class MethodSpec(Spec):
    """A way to sample under a measurement, for ``inpaint`` and ``restore``; the factory's keywords are its options, and
    it gives a function of a run and a measurement (:data:`suffuse.inverse.Method`)."""

    kind: ClassVar[str] = "method"


@dataclass(frozen=True, kw_only=True)
class TimesSpec(Spec):
    """A distribution of training times; the factory's keywords are its options, and it gives a
    :class:`suffuse.training.times.Times`."""

    kind: ClassVar[str] = "times"


@dataclass(frozen=True, kw_only=True)
class WeightingSpec(Spec):
    """A weighting of the loss; the factory's keywords are its options, and it gives a function of the log-SNR."""

    kind: ClassVar[str] = "weighting"


@dataclass(frozen=True, kw_only=True)
class RecipeSpec(Spec):
    """A ready recipe; the factory is ``"package:path/to/recipe.yaml"``.

    Arguments:
        domain: the domain that it trains.
        quickstart: its rank among the quickstarts, the lowest being the one that runs by default; ``None``: not one.
        checked: whether the conformance kit takes it, rather than the first quickstart: for a recipe whose data show
            more of what the domain promises.
    """

    kind: ClassVar[str] = "recipe"

    domain: str
    quickstart: int | None = None
    checked: bool = False


@dataclass(frozen=True, kw_only=True)
class StarterSpec(Spec):
    """A trained model that ships with a plugin; the factory is ``"package:path/to/model.safetensors"``."""

    kind: ClassVar[str] = "starter"

    domain: str


@dataclass(frozen=True, kw_only=True)
class MetricSpec(Spec):
    """A metric that ``evaluate`` tells besides the domain's own. The factory takes ``(items, conditions, splits,
    codec)`` as :meth:`suffuse.domain.Domain.evaluate` does, and gives a number.

    Arguments:
        domain: the domain whose items it scores.
    """

    kind: ClassVar[str] = "metric"

    domain: str


@dataclass(frozen=True, kw_only=True)
class RendererSpec(Spec):
    """A form of file that a domain does not write itself. The factory takes ``(items, path)`` and writes the file.

    Arguments:
        domain: the domain whose items it writes.
        suffixes: of the files, as ``.svg``.
    """

    kind: ClassVar[str] = "renderer"

    domain: str
    suffixes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class FilterSpec(Spec):
    """What is let through of what a model makes. The factory takes the :class:`suffuse.trained.Trained` and its own
    keywords, and gives a :class:`suffuse.filters.Filter`.

    Arguments:
        domain: the domain whose items it judges; empty: any domain's.
    """

    kind: ClassVar[str] = "filter"

    domain: str = ""


@dataclass(frozen=True, kw_only=True)
class TextEncoderSpec(Spec):
    """An encoder of text conditions (recipe: ``text``); the factory's keywords are its options, and it gives a
    :class:`suffuse.conditions.TextEncoder`."""

    kind: ClassVar[str] = "text-encoder"


@dataclass(frozen=True, kw_only=True)
class ObserverSpec(Spec):
    """An observer that a recipe asks for (``train.observers``); the factory's keywords are its options, and it gives an
    object with any of the methods ``run_started``, ``step_finished`` and ``run_finished``."""

    kind: ClassVar[str] = "observer"


@dataclass(frozen=True, kw_only=True)
class CheckSpec(Spec):
    """A conformance check. The factory takes a :class:`suffuse.testing.Case` and raises where the domain fails.

    Arguments:
        domains: which are held to it; none named: all.
        needs: the fields of :class:`Features` that a domain must have set to be held to it.
        level: ``must``, or ``should`` where a failure is told and does not count.
        since: the version of suffuse that it came with.
        cost: ``slow`` if it trains something or starts another process.
    """

    kind: ClassVar[str] = "check"

    domains: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    level: Literal["must", "should"] = "must"
    since: str = "0.1"
    cost: Literal["fast", "slow"] = "fast"


@dataclass(frozen=True, kw_only=True)
class HealthCheckSpec(Spec):
    """Something that ``suffuse doctor`` looks at. The factory takes nothing and gives what it found, as text; what it
    raises is told as broken.

    Arguments:
        fix: what to do when it is broken.
    """

    kind: ClassVar[str] = "health-check"

    fix: str = ""


SPECS: tuple[type[Spec], ...] = (
    DomainSpec,
    DatasetSpec,
    NetworkSpec,
    ScheduleSpec,
    SamplerSpec,
    GridSpec,
    KernelSpec,
    GuidanceSpec,
    OperatorSpec,
    MethodSpec,
    TimesSpec,
    WeightingSpec,
    RecipeSpec,
    StarterSpec,
    MetricSpec,
    RendererSpec,
    FilterSpec,
    TextEncoderSpec,
    ObserverSpec,
    CheckSpec,
    HealthCheckSpec,
)
