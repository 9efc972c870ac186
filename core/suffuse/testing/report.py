"""What came of the checks."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any, Literal

from suffuse.testing.failure import CheckFailure

Outcome = Literal["passed", "failed", "skipped", "expected"]


@dataclass(frozen=True)
class Record:
    """What came of one check.

    Arguments:
        name: the check's.
        outcome: ``skipped`` has nothing to look at; ``expected`` failed, as was said beforehand.
        message: of a failure, or why it was skipped.
        seconds: what it took.
        level: ``should``: its failure is told and does not count.
        since: the version of suffuse that the check came with.
        cost: ``fast`` or ``slow``.
    """

    name: str
    outcome: Outcome
    message: str
    seconds: float
    level: Literal["must", "should"] = "must"
    since: str = ""
    cost: Literal["fast", "slow"] = "fast"

    @property
    def counts(self) -> bool:
        """Whether it is a failure of the domain."""
        return self.outcome == "failed" and self.level == "must"


@dataclass(frozen=True)
class Report:
    """What came of all checks of a domain.

    Arguments:
        domain: its name.
        records: one for each check, in order.
    """

    domain: str
    records: tuple[Record, ...]

    @property
    def run(self) -> int:
        """How many checks were run."""
        return sum(record.outcome != "skipped" for record in self.records)

    @property
    def skipped(self) -> int:
        """How many had nothing to look at."""
        return len(self.records) - self.run

    @property
    def failures(self) -> list[Record]:
        """Those that count."""
        return [record for record in self.records if record.counts]

    @property
    def ok(self) -> bool:
        """Whether something was run and nothing failed."""
        return self.run > 0 and not self.failures

    @property
    def summary(self) -> str:
        """The counts, as ``41 run, 3 skipped, 1 failed``."""
        told = Counter(record.outcome for record in self.records)
        advice = sum(record.outcome == "failed" and not record.counts for record in self.records)
        parts = [f"{self.run} run", f"{self.skipped} skipped", f"{len(self.failures)} failed"]
        parts += [f"{told['expected']} failed as expected"] if told["expected"] else []
        parts += [f"{advice} told, not counted"] if advice else []
        return ", ".join(parts)

    def raise_for_failures(self) -> None:
        """Raise if a check failed, or if none was run.

        Raises:
            CheckFailure: with the messages of all failures.
        """
        if self.ok:
            return
        if not self.run:
            raise CheckFailure(
                "not one check was run", field=self.domain, expected="at least one", got=self.summary,
                fix="see in the report why each was skipped",
            )  # fmt: skip
        told = "\n".join(f"{record.name}: {record.message}" for record in self.failures)
        raise CheckFailure(f"{self.summary}\n{told}", field=self.domain)

    def as_dict(self) -> dict[str, Any]:
        """The report as JSON-able data."""
        counts = {"run": self.run, "skipped": self.skipped, "failed": len(self.failures)}
        return {
            "domain": self.domain, "ok": self.ok, **counts, "checks": [asdict(record) for record in self.records]
        }  # fmt: skip
