"""What a plugin registers: frozen records, cheap to make, that name a factory without importing it.

A factory is ``"package.module:attribute"``; it is imported only when it is used. Nothing here imports torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

API = 1
"""The version of the plugin contract that this suffuse speaks."""


@dataclass(frozen=True, kw_only=True)
class Spec:
    """Something with a name that a plugin brings.

    Arguments:
        name: how a person asks for it: lower case, digits and hyphens.
        factory: ``"package.module:attribute"``.
        summary: one line for listings.
    """

    kind: ClassVar[str] = "component"

    name: str
    factory: str
    summary: str = ""


@dataclass(frozen=True, kw_only=True)
class DomainSpec(Spec):
    """A kind of data. The factory gives a :class:`suffuse.domain.Domain`.

    Arguments:
        requires: modules that the domain imports and that may be missing.
        install: what to hand to pip when one is, as ``suffuse[molecules]``.
        api: the version of the plugin contract that it was written against.
        suffixes: file suffixes that it reads, as ``.png``.
        features: declared abilities, which choose the conformance checks.
    """

    kind: ClassVar[str] = "domain"

    requires: tuple[str, ...] = ()
    install: str = ""
    api: int = API
    suffixes: tuple[str, ...] = ()
    features: Mapping[str, Any] = field(default_factory=dict)


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
    """A measurement of a state, as blur or downsample; the factory's keywords are its options."""

    kind: ClassVar[str] = "operator"


@dataclass(frozen=True, kw_only=True)
class MethodSpec(Spec):
    """A way to sample under a measurement, for ``inpaint`` and ``restore``; the factory's keywords are its options, and
    it gives a function of a run and a measurement (:data:`suffuse.inverse.Method`)."""

    kind: ClassVar[str] = "method"


@dataclass(frozen=True, kw_only=True)
class RecipeSpec(Spec):
    """A ready recipe; the factory is ``"package:path/to/recipe.yaml"``.

    Arguments:
        domain: the domain that it trains.
        quickstart: its rank among the quickstarts, the lowest being the one that runs by default; ``None``: not one.
    """

    kind: ClassVar[str] = "recipe"

    domain: str
    quickstart: int | None = None


@dataclass(frozen=True, kw_only=True)
class StarterSpec(Spec):
    """A trained model that ships with a plugin; the factory is ``"package:path/to/model.safetensors"``."""

    kind: ClassVar[str] = "starter"

    domain: str


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
    RecipeSpec,
    StarterSpec,
)
