"""What a sampler needs of a process, declared once and told in its name when it is not met."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast

from suffuse.errors import UnsupportedError
from suffuse.process import Categorical, Gaussian, Process, Product

P = TypeVar("P", bound=Process)


@dataclass(frozen=True)
class Need(Generic[P]):
    """A condition on a process.

    Arguments:
        text: what is needed, as "a Gaussian process".
        met: whether a process has it.
        fix: what to use instead.
    """

    text: str
    met: Callable[[Any], bool]
    fix: str = "use ddpm, which works with every process"

    def of(self, process: Process, asker: object) -> P:
        """The process, if it has what is needed.

        Raises:
            UnsupportedError: it has not; the message names who asked.
        """
        if self.met(process):
            return cast(P, process)
        name = asker if isinstance(asker, str) else type(asker).__name__
        raise UnsupportedError(
            f"{name} needs {self.text}", field="sampler", expected=self.text, got=type(process).__name__, fix=self.fix
        )


ANY: Need[Process] = Need("any process", lambda process: True)
GAUSSIAN: Need[Gaussian] = Need("a Gaussian process", lambda process: isinstance(process, Gaussian))
CATEGORICAL: Need[Categorical] = Need("a categorical process", lambda process: isinstance(process, Categorical))
ABSORBING: Need[Categorical] = Need(
    "a categorical process with an absorbing kernel",
    lambda process: isinstance(process, Categorical) and process.absorbing,
)


def has_categories(process: Process) -> bool:
    """Whether a process, or any field's, is categorical."""
    if isinstance(process, Product):
        return any(has_categories(member) for member in process.fields.values())
    return isinstance(process, Categorical)
