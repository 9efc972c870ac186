"""The domains of :mod:`tests.testing.domains`, each broken in one way; :data:`BROKEN` says which check catches it."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from suffuse.codecs import ArrayCodec
from suffuse.conditions import Conditions, ConditionSpace
from suffuse.domain import Categories, Codec, Dataset, Example, Item, Section, Splits
from suffuse.errors import DomainInputError
from suffuse.nn import graph, mlp
from suffuse.registry import hookimpl
from suffuse.registry.specs import MetricSpec, RecipeSpec, RendererSpec
from suffuse.rng import Rng
from suffuse.state import State, fields, refill
from suffuse.testing import Case
from tests.testing.domains import (
    BONDS,
    KINDS,
    LONGEST,
    MoleculeCodec,
    Molecules,
    Plugin,
    Readings,
    SwarmCodec,
    Swarms,
    Waves,
    recipe,
)

# Domains.


class Misnamed(Waves):
    name = "ripples"


class NothingHeld(Waves):
    def splits(self, data: Section) -> Splits:
        return replace(super().splits(data), validation=())


@dataclass(frozen=True)
class Restless:
    """Another example at every look."""

    whole: Dataset
    looks: count

    def __len__(self) -> int:
        return len(self.whole)

    def __getitem__(self, index: int) -> Example:
        return self.whole[(index + next(self.looks)) % len(self.whole)]


class Unsteady(Waves):
    def splits(self, data: Section) -> Splits:
        found = super().splits(data)
        return replace(found, train=Restless(found.train, count()))


@dataclass(frozen=True)
class Lazy:
    """Holds what cannot be pickled."""

    whole: Dataset
    look: Callable[[int], Example]

    def __len__(self) -> int:
        return len(self.whole)

    def __getitem__(self, index: int) -> Example:
        return self.look(index)


class Unpicklable(Waves):
    def splits(self, data: Section) -> Splits:
        found = super().splits(data)
        return replace(found, train=Lazy(found.train, lambda index: found.train[index]))


@dataclass(frozen=True)
class Local:
    """Other examples in every process."""

    whole: Dataset

    def __len__(self) -> int:
        return len(self.whole)

    def __getitem__(self, index: int) -> Example:
        return self.whole[(index + os.getpid()) % len(self.whole)]


class OfThisProcess(Waves):
    def splits(self, data: Section) -> Splits:
        found = super().splits(data)
        return replace(found, train=Local(found.train))


class Unseen(Waves):
    def picture(self, items: Sequence[Item], columns: int | None = None) -> Any:
        return None


class Untidy(Waves):
    def write(self, items: Sequence[Item], path: Path) -> None:
        super().write(items, path)
        path.with_suffix(".bak").write_text("left behind")


class Unscored(Waves):
    def evaluate(self, *args: Any) -> dict[str, float]:
        return {"quality": float("nan")}


def coded(base: type[Waves], name: str, codec: type[Codec]) -> type[Waves]:
    """The domain with another codec."""

    def load_codec(self: Waves, data: Mapping[str, Any]) -> Codec:
        return codec(**{key: tuple(x) if isinstance(x, list) else x for key, x in data.items()})

    def fit_codec(self: Waves, options: Section, train: Dataset) -> Codec:
        return load_codec(self, base.fit_codec(self, options, train).to_json())

    return type(name, (base,), {"fit_codec": fit_codec, "load_codec": load_codec, "__module__": __name__})


class Bare(Waves):
    def splits(self, data: Section) -> Splits:
        found = super().splits(data)
        return replace(found, test=[found.test[0].item])


# Codecs.


class DoubleStates(ArrayCodec):
    def encode(self, items: Sequence[Item], rng: Rng | None = None) -> State:
        return super().encode(items, rng).double()


class Uncalibrated(ArrayCodec):
    def encode(self, items: Sequence[Item], rng: Rng | None = None) -> State:
        return 3.0 * super().encode(items, rng)

    def decode(self, state: State) -> list[Item]:
        return super().decode(state / 3.0)


class Halved(ArrayCodec):
    def decode(self, state: State) -> list[Item]:
        return super().decode(state / 2.0)


class ClampedIn(ArrayCodec):
    def encode(self, items: Sequence[Item], rng: Rng | None = None) -> State:
        return super().encode(items, rng).clamp(-3.0, 3.0)


class Batched(ArrayCodec):
    def encode(self, items: Sequence[Item], rng: Rng | None = None) -> State:
        x = super().encode(items, rng)
        return x - x.mean(0, keepdim=True)


class InPlace(ArrayCodec):
    def encode(self, items: Sequence[Item], rng: Rng | None = None) -> State:
        x = super().encode(items, rng)
        for item in items:
            item *= 0.5
        return x


class Squeezed(ArrayCodec):
    def encode(self, items: Sequence[Item], rng: Rng | None = None) -> State:
        return super().encode(items, rng).squeeze(0)


class Unchecked(ArrayCodec):
    def encode(self, items: Sequence[Item], rng: Rng | None = None) -> State:
        return torch.from_numpy((np.stack(items) - self.mean) / self.std).float().movedim(-1, 1)


class NanIsZero(ArrayCodec):
    def encode(self, items: Sequence[Item], rng: Rng | None = None) -> State:
        wild = [
            np.nan_to_num(item) if isinstance(item, np.ndarray) and item.dtype.kind == "f" else item for item in items
        ]
        return super().encode(wild, rng)


class Unkeyed(ArrayCodec):
    def encode(self, items: Sequence[Item], rng: Rng | None = None) -> State:
        x = super().encode(items, rng)
        return x if rng is None else x + np.random.default_rng().normal()


class Global(ArrayCodec):
    def encode(self, items: Sequence[Item], rng: Rng | None = None) -> State:
        x = super().encode(items, rng)
        return x if rng is None else x + torch.rand(len(x), 1, 1)


class Together(ArrayCodec):
    def decode(self, state: State) -> list[Item]:
        return super().decode(state - state.mean(0, keepdim=True))


class Tame(ArrayCodec):
    """Puts a usual wave in the place of a wild one."""

    def encode(self, items: Sequence[Item], rng: Rng | None = None) -> State:
        x = super().encode(items, rng)
        phase = x.sum((1, 2), keepdim=True)  # any: of one wave alone the score may happen to be high
        usual = 2.0**0.5 * torch.sin(torch.arange(8) * 2 * torch.pi / 8 + phase)
        return torch.where(x.abs().amax((1, 2), keepdim=True) > 2.0, usual, x)


class Complete(ArrayCodec):
    def known(self, items: Sequence[Item]) -> State | None:
        return {"values": torch.ones(len(items), 3, 6, dtype=torch.bool)}


class Forgetful(Waves):
    def load_codec(self, data: Mapping[str, Any]) -> Codec:
        return ArrayCodec.from_json({**data, "std": [1.0]})


class Guessing(MoleculeCodec):
    def check(self, item: Item, field: str) -> None:
        if isinstance(item, Mapping) and all(kind in KINDS for kind in item["kinds"]):
            super().check(item, field)


class Miscounted(MoleculeCodec):
    def categorical(self) -> Mapping[str, Categories]:
        return {**super().categorical(), "kind": Categories(self.kinds[::-1])}


class MixedUp(MoleculeCodec):
    def decode(self, state: State) -> list[Item]:
        items = super().decode(state)
        return [{**item, "kinds": [KINDS[::-1][KINDS.index(kind)] for kind in item["kinds"]]} for item in items]


class OneWay(MoleculeCodec):
    def encode(self, items: Sequence[Item], rng: Rng | None = None) -> State:
        state = super().encode(items, rng)
        lower = torch.ones_like(state["bond"][0, ..., 0]).tril(-1).bool()
        none = torch.eye(len(BONDS))[0]
        state["bond"] = torch.where(lower[..., None] & state["bond.mask"][..., None], none, state["bond"])
        return state


class Littered(MoleculeCodec):
    def encode(self, items: Sequence[Item], rng: Rng | None = None) -> State:
        state = super().encode(items, rng)
        return {**state, "charge": torch.where(state["mask"][..., None], state["charge"], 7.0)}


class Unnamed(ArrayCodec):
    def encode(self, items: Sequence[Item], rng: Rng | None = None) -> State:
        try:
            return super().encode(items, rng)
        except DomainInputError as error:
            raise DomainInputError("is wrong") from error


class Longer(ArrayCodec):
    def like(self, count: int, rng: Rng | None = None) -> State:
        return torch.zeros(count, 1, 9)


class SharedNoise(ArrayCodec):
    def encode(self, items: Sequence[Item], rng: Rng | None = None) -> State:
        x = super().encode(items, rng)
        return x if rng is None else x + rng.normal(x).mean()


class GlobalNumpy(ArrayCodec):
    def decode(self, state: State) -> list[Item]:
        np.random.rand()  # noqa: NPY002
        return super().decode(state)


class Resampled(ArrayCodec):
    def decode(self, state: State) -> list[Item]:
        return [np.repeat(item, 2, axis=0) for item in super().decode(state)]


class Untouched(ArrayCodec):
    def merge(self, original: Item, made: Item, known: State) -> Item:
        return original


class Replaced(ArrayCodec):
    def merge(self, original: Item, made: Item, known: State) -> Item:
        return made + 1.0


class Faded(ArrayCodec):
    def merge(self, original: Item, made: Item, known: State) -> Item:
        assert isinstance(known, Tensor)
        return original if known.all() else made * 0.5


class Stretched(MoleculeCodec):
    """Takes what is known for as long as the largest molecule."""

    def merge(self, original: Item, made: Item, known: State) -> Item:
        assert isinstance(known, dict)
        kept = known["charge"][0, [*range(LONGEST)], 0].tolist()
        charges = [a if k else b for k, a, b in zip(kept, original["charges"], made["charges"], strict=False)]
        return {**made, "charges": charges}


class Forgotten(MoleculeCodec):
    def merge(self, original: Item, made: Item, known: State) -> Item:
        return {**made, "charges": [0.0 for _ in made["charges"]]}


class OffCentre(SwarmCodec):
    def encode(self, items: Sequence[Item], rng: Rng | None = None) -> State:
        return {"point": super().encode(items, rng)["point"] + 0.5}


class Unturned(SwarmCodec):
    def turned(self, points: Tensor, rng: Rng) -> Tensor:
        return points


for _codec in (
    DoubleStates, Uncalibrated, Halved, ClampedIn, Batched, InPlace, Squeezed, Unchecked, NanIsZero, Unkeyed, Global,
    Together, Tame, Unnamed, Longer, SharedNoise, GlobalNumpy, Resampled, Replaced, Faded,
):  # fmt: skip
    globals()[f"{_codec.__name__}Waves"] = coded(Waves, f"{_codec.__name__}Waves", _codec)
for _codec in (Guessing, Miscounted, MixedUp, OneWay, Littered, Stretched, Forgotten):
    globals()[f"{_codec.__name__}Molecules"] = coded(Molecules, f"{_codec.__name__}Molecules", _codec)
for _codec in (OffCentre, Unturned):
    globals()[f"{_codec.__name__}Swarms"] = coded(Swarms, f"{_codec.__name__}Swarms", _codec)
for _codec in (Complete, Untouched, Replaced):
    globals()[f"{_codec.__name__}Readings"] = coded(Readings, f"{_codec.__name__}Readings", _codec)


# Networks: the sound one within another.


class Around(nn.Module):
    """A network that does as the one within it."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: State, noise_level: Tensor, conditions: Conditions) -> State:
        return self.inner(x, noise_level, conditions)


def inner(template: State, conditions: ConditionSpace) -> nn.Module:
    """An MLP for bare tensors, a graph transformer for others."""
    if isinstance(template, Tensor):
        return mlp.build(template, conditions, width=32, depth=1)
    return graph.build(template, conditions, width=16, depth=1, heads=2)


def with_output(change: Callable[[Tensor], Tensor]) -> Callable[..., nn.Module]:
    """A network whose output is changed, field by field."""

    class Changed(Around):
        def forward(self, x: State, noise_level: Tensor, conditions: Conditions) -> State:
            out = self.inner(x, noise_level, conditions)
            return refill(out, {name: change(value) for name, value in fields(out)})

    return lambda template, conditions: Changed(inner(template, conditions))


def with_input(change: Callable[..., tuple[State, Tensor, Conditions]]) -> Callable[..., nn.Module]:
    """A network whose input is changed."""

    class Changed(Around):
        def forward(self, x: State, noise_level: Tensor, conditions: Conditions) -> State:
            return self.inner(*change(x, noise_level, conditions))

    return lambda template, conditions: Changed(inner(template, conditions))


def with_charge(change: Callable[[Mapping[str, Tensor]], Tensor]) -> Callable[..., nn.Module]:
    """A network that adds a number to the charges of each molecule."""

    class Changed(Around):
        def forward(self, x: State, noise_level: Tensor, conditions: Conditions) -> State:
            out = self.inner(x, noise_level, conditions)
            return {**out, "charge": out["charge"] + change(x)[:, None, None]}

    return lambda template, conditions: Changed(inner(template, conditions))


def _written_into(x: Tensor, level: Tensor, conditions: Conditions) -> tuple[Tensor, Tensor, Conditions]:
    return x.mul_(1.5), level, conditions


def _stubborn(out: Tensor) -> Tensor:
    return out if float(out.sum()) > 0 else 2.0 * out


def _always(x: Tensor, level: Tensor, conditions: Conditions) -> tuple[Tensor, Tensor, Conditions]:
    given = {name: replace(c, present=torch.ones_like(c.present)) for name, c in conditions.items()}
    return x, level, given


insistent = with_input(_always)
rooted = with_output(lambda out: out + (out * 0.0).sum().sqrt())
looking = with_output(lambda out: out * (1.0 if out.sum().item() > 0 else 2.0))
leaky = with_output(lambda out: out - out.mean(0, keepdim=True))
careless = with_input(_written_into)
timeless = with_input(lambda x, level, conditions: (x, torch.zeros_like(level), conditions))
deaf = with_input(lambda x, level, conditions: (x, level, {}))
blind = with_input(lambda x, level, conditions: (torch.zeros_like(x), level, {}))
dropping = with_output(lambda out: F.dropout(out, 0.5))
homebound = with_output(lambda out: out + torch.zeros(out.shape, device="cpu"))
branching = with_output(_stubborn)
averaging_junk = with_charge(lambda x: x["kind"].mean((1, 2)))
spreading = with_charge(lambda x: x["kind"].sum((1, 2)) / (x["mask"].sum(1) - 1))
averaging_padding = with_charge(lambda x: x["kind"].sum((1, 2)) / x["kind"].shape[1])


class Dividing(Around):
    """Adds their mean size over the real atoms to charges, times a weight."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__(inner)
        self.weight = nn.Parameter(torch.ones(()))

    def forward(self, x: State, noise_level: Tensor, conditions: Conditions) -> State:
        out = self.inner(x, noise_level, conditions)
        size = x["charge"].abs().sum((1, 2)) / x["mask"].sum(1)
        return {**out, "charge": out["charge"] + self.weight * size[:, None, None]}


class Unused(Around):
    def __init__(self, inner: nn.Module) -> None:
        super().__init__(inner)
        self.spare = nn.Linear(2, 2)


class Cancelling(Around):
    """Takes the difference of two large numbers, one of them from a matrix product."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__(inner)
        self.register_buffer("large", 1000.0 * torch.eye(8))

    def forward(self, x: State, noise_level: Tensor, conditions: Conditions) -> State:
        return self.inner(x, noise_level, conditions) + (x @ self.large - 1000.0 * x)


class BurstingAtTheEnd(Around):
    def forward(self, x: State, noise_level: Tensor, conditions: Conditions) -> State:
        out = self.inner(x, noise_level, conditions)
        return torch.where(noise_level[:, None, None] > 1.0, torch.inf, out)


class Unsaved(Around):
    """Multiplies by a number that is no part of the state."""

    def __init__(self, inner: nn.Module, factor: float) -> None:
        super().__init__(inner)
        self.factor = factor

    def forward(self, x: State, noise_level: Tensor, conditions: Conditions) -> State:
        return self.factor * self.inner(x, noise_level, conditions)


def dividing(template: State, conditions: ConditionSpace) -> nn.Module:
    return Dividing(inner(template, conditions))


class Peeking(Around):
    """Adds the number of a label to its output, whether it is given or not."""

    def forward(self, x: State, noise_level: Tensor, conditions: Conditions) -> State:
        out = self.inner(x, noise_level, conditions)
        return out + conditions["turns"].value[:, None, None] if "turns" in conditions else out


class Unseeded(Around):
    def __init__(self, inner: nn.Module) -> None:
        super().__init__(inner)
        self.start = nn.Parameter(torch.from_numpy(np.random.default_rng().normal(size=1)).float())


def peeking(template: State, conditions: ConditionSpace) -> nn.Module:
    return Peeking(inner(template, conditions))


def unseeded(template: State, conditions: ConditionSpace) -> nn.Module:
    return Unseeded(inner(template, conditions))


def unused(template: State, conditions: ConditionSpace) -> nn.Module:
    return Unused(inner(template, conditions))


def cancelling(template: State, conditions: ConditionSpace) -> nn.Module:
    return Cancelling(inner(template, conditions))


def bursting_at_the_end(template: State, conditions: ConditionSpace) -> nn.Module:
    return BurstingAtTheEnd(inner(template, conditions))


def unsaved(template: State, conditions: ConditionSpace) -> nn.Module:
    return Unsaved(inner(template, conditions), 1.0 + random.SystemRandom().random())


def of_this_process(template: State, conditions: ConditionSpace) -> nn.Module:
    return Unsaved(inner(template, conditions), 1.0 + os.getpid() % 1000)


# Plugins.


class Misspelt(Plugin):
    @hookimpl
    def register_domainz(self, register: Any) -> None:
        raise AssertionError("never called")


class LostFile(Plugin):
    @hookimpl
    def register_recipes(self, register: Any) -> None:
        register(RecipeSpec(name="lost", domain="waves", factory="tests.testing:lost.yaml"))


class Extras(Plugin):
    """Brings a metric or a renderer of waves besides.

    Arguments:
        factory: its name in this module.
        suffix: of a renderer; none: it is a metric.
    """

    def __init__(self, factory: str, suffix: str = "") -> None:
        super().__init__("waves")
        self.factory, self.suffix = f"{__name__}:{factory}", suffix

    @hookimpl
    def register_metrics(self, register: Any) -> None:
        if not self.suffix:
            register(MetricSpec(name="extra", domain="waves", factory=self.factory))

    @hookimpl
    def register_renderers(self, register: Any) -> None:
        if self.suffix:
            register(RendererSpec(name="extra", domain="waves", factory=self.factory, suffixes=(self.suffix,)))


def roughness(items: Sequence[Item], conditions: Mapping[str, Any], splits: Splits, codec: Codec) -> np.float64:
    return np.mean([np.abs(np.diff(item, axis=0)).mean() for item in items])


def undefined(*scored: Any) -> float:
    return float("nan")


def failing(*inputs: Any) -> float:
    raise RuntimeError("out of ink")


def written(items: Sequence[Item], path: Path) -> None:
    path.write_text("\n".join(str(item.tolist()) for item in items))


def unwritten(items: Sequence[Item], path: Path) -> None:
    pass


class NoHint(Plugin):
    @hookimpl
    def register_domains(self, register: Any) -> None:
        register(replace(self.domain, install=""))


# Which check catches which.


def sound(name: str) -> Case:
    """A sound domain."""
    return Case.of(name, recipe(name), plugins=(Plugin(name),))


def _domain(name: str, factory: str, **features: Any) -> Case:
    return Case.of(name, recipe(name), plugins=(Plugin(name, f"{__name__}:{factory}", **features),))


def _network(name: str, factory: str, domain: str = "") -> Case:
    plugin = Plugin(name, f"{__name__}:{domain}" if domain else "", f"{__name__}:{factory}")
    return Case.of(name, recipe(name, name="own"), plugins=(plugin,))


def _plugin(kind: type[Plugin]) -> Case:
    return Case.of("waves", recipe("waves"), plugins=(kind("waves"),))


def extra(factory: str, suffix: str = "") -> Case:
    """Waves with a metric, or a renderer of a suffix."""
    return Case.of("waves", recipe("waves"), plugins=(Extras(factory, suffix),))


def _elsewhere() -> Case:
    """Broken in two ways, for one start of two interpreters."""
    return _network("waves", "of_this_process", "OfThisProcess")


BROKEN: dict[str, Callable[[], Case]] = {
    "hooks": lambda: _plugin(Misspelt),
    "domain-spec": lambda: _domain("waves", "Misnamed"),
    "factories": lambda: _plugin(LostFile),
    "install-hint": lambda: _plugin(NoHint),
    "requirements": lambda: Case.of(
        "waves", recipe("waves"), plugins=(Plugin("waves", "tests.testing.undeclared:Waves"),)
    ),
    "splits": lambda: _domain("waves", "NothingHeld"),
    "same-examples": lambda: _domain("waves", "Unsteady"),
    "pickles": lambda: _domain("waves", "Unpicklable"),
    "picture": lambda: _domain("waves", "Unseen"),
    "states": lambda: _domain("waves", "DoubleStatesWaves"),
    "standardized": lambda: _domain("waves", "UncalibratedWaves"),
    "round-trip": lambda: _domain("waves", "HalvedWaves"),
    "stable-decoding": lambda: _domain("waves", "ClampedInWaves"),
    "codec-as-json": lambda: _domain("waves", "Forgetful"),
    "kept-survives": lambda: _domain("molecules", "StretchedMolecules"),
    "singles": lambda: _domain("waves", "BatchedWaves"),
    "inputs-untouched": lambda: _domain("waves", "InPlaceWaves"),
    "batch-shapes": lambda: _domain("waves", "SqueezedWaves"),
    "bad-items": lambda: _domain("waves", "UncheckedWaves"),
    "not-a-number": lambda: _domain("waves", "NanIsZeroWaves"),
    "unseen-category": lambda: _domain("molecules", "GuessingMolecules"),
    "files": lambda: _domain("waves", "Untidy"),
    "categories": lambda: _domain("molecules", "MiscountedMolecules"),
    "categories-survive": lambda: _domain("molecules", "MixedUpMolecules"),
    "symmetric-pairs": lambda: _domain("molecules", "OneWayMolecules"),
    "same-seed": lambda: _domain("waves", "UnkeyedWaves"),
    "global-state": lambda: _domain("waves", "GlobalWaves"),
    "generates": lambda: _domain("waves", "TogetherWaves"),
    "samples-apart": lambda: _network("waves", "leaky"),
    "network-untouched": lambda: _network("waves", "careless"),
    "noise-level-used": lambda: _network("waves", "timeless"),
    "conditions-used": lambda: _network("waves", "deaf"),
    "evaluation": lambda: _network("waves", "dropping"),
    "gradients": lambda: _network("waves", "unused"),
    "device": lambda: _network("waves", "homebound"),
    "bfloat16": lambda: _network("waves", "cancelling"),
    "padding": lambda: _network("molecules", "averaging_junk"),
    "longer-padding": lambda: _network("molecules", "averaging_padding"),
    "all-masked": lambda: _network("molecules", "dividing"),
    "samplers": lambda: _network("waves", "bursting_at_the_end"),
    "saved": lambda: _network("waves", "unsaved"),
    "sizes": lambda: _domain("waves", "Waves", sizes=True),
    "extents": lambda: _network("molecules", "spreading"),
    "gaps": lambda: _domain("readings", "CompleteReadings"),
    "time-order": lambda: _domain("readings", "Readings", time_axis=1),
    "unordered": lambda: Case.of(
        "molecules",
        recipe("molecules", name="graph-transformer", width=16, depth=1, heads=2, positions="sinusoidal"),
        plugins=(Plugin("molecules"),),
    ),
    "centred": lambda: _domain("swarms", "OffCentreSwarms"),
    "rotations": lambda: _domain("swarms", "UnturnedSwarms"),
    "workers": _elsewhere,
    "fresh-process": _elsewhere,
    "evaluate": lambda: _domain("waves", "Unscored"),
    "overfits": lambda: _network("waves", "blind"),
    "anomalies": lambda: _domain("waves", "TameWaves"),
    "compiles": lambda: _network("waves", "branching"),
    "vmaps": lambda: _network("waves", "branching"),
}
"""A case that the check of that name fails; those of installed packages are in ``test_packages.py``."""


MORE: tuple[tuple[str, str, Callable[[], Case]], ...] = (
    ("splits", "gives no example", lambda: _domain("waves", "Bare")),
    ("states", "has something in its padding", lambda: _domain("molecules", "LitteredMolecules")),
    ("bad-items", "names no field", lambda: _domain("waves", "UnnamedWaves")),
    ("batch-shapes", "Codec.like: has other shapes", lambda: _domain("waves", "LongerWaves")),
    ("singles", "augmented", lambda: _domain("waves", "SharedNoiseWaves")),
    ("global-state", "numpy.random", lambda: _domain("waves", "GlobalNumpyWaves")),
    ("round-trip", "the shape (8, 1) became (16, 1)", lambda: _domain("waves", "ResampledWaves")),
    ("gaps", "leaves gaps open", lambda: _domain("readings", "UntouchedReadings")),
    ("gaps", "does not keep what was known", lambda: _domain("readings", "ReplacedReadings")),
    ("kept-survives", "of which everything is kept", lambda: _domain("waves", "ReplacedWaves")),
    ("kept-survives", "of which everything is kept", lambda: _domain("molecules", "ForgottenMolecules")),
    ("kept-survives", "where half of an item is", lambda: _domain("waves", "FadedWaves")),
    ("evaluate", "metric 'waves/extra': gives no figure", lambda: extra("undefined")),
    ("evaluate", "metric 'waves/extra': fails", lambda: extra("failing")),
    ("files", "renderer 'waves/extra': fails", lambda: extra("failing", ".svg")),
    ("files", "renderer 'waves/extra': does not write one file .svg", lambda: extra("unwritten", ".svg")),
    ("same-seed", "begins with other weights", lambda: _network("waves", "unseeded")),
    ("conditions-used", "whether it is given is not used", lambda: _network("waves", "insistent")),
    ("conditions-used", "is seen though it is absent", lambda: _network("waves", "peeking")),
    ("gradients", "has a gradient that is not finite", lambda: _network("waves", "rooted")),
    ("device", "item", lambda: _network("waves", "looking")),
)
"""Other ways to fail a check: its name, a part of what it says, and a case."""
