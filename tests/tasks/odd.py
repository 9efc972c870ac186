"""The toy domain with known anomalies: waves of noise, never trained on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from suffuse.domain import Example, Section, Splits
from suffuse.registry import hookimpl
from suffuse.registry.specs import DomainSpec
from suffuse.rng import Rng
from tests import toy


@dataclass(frozen=True)
class Noise:
    """Wave i is noise of the same variance as the sines."""

    count: int

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Example:
        return Example((0.5**0.5 * Rng.of(index).at("odd").normal(shape=(toy.LENGTH,)))[0].tolist())


class OddToy(toy.Toy):
    """As the toy domain, with twelve anomalies."""

    def splits(self, data: Section) -> Splits:
        return replace(super().splits(data), anomalies=Noise(12))


class Plugin:
    """Registers it under the toy domain's name; hand it to :func:`suffuse.registry.isolated`."""

    @hookimpl
    def register_domains(self, register: Any) -> None:
        register(DomainSpec(name="toy", factory="tests.tasks.odd:OddToy", summary="sine waves", suffixes=(".json",)))
