"""What a case is in another process: two fresh interpreters are started, and what they find is compared.

``python -m suffuse.testing.elsewhere FOLDER NUMBER`` is such an interpreter. It gets the data set and the specs of
plugins that are not installed as pickles, made a moment before by this process, and the model as its file.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import torch

from suffuse.registry import hookimpl, isolated, plugins, specs_of
from suffuse.registry.entries import BUILTIN
from suffuse.registry.hooks import REGISTRATION
from suffuse.registry.specs import Spec
from suffuse.state import State
from suffuse.testing.case import COUNT, Case, Noisy
from suffuse.testing.failure import CheckFailure
from suffuse.trained import Trained

WORKERS = 2
SECONDS = 300
"""More than any interpreter needs to load a domain."""


@dataclass(frozen=True)
class Found:
    """What two fresh interpreters found: values, or the text of what was raised.

    Arguments:
        examples: for each of the first items of the training part, its state.
        belief: of the model's file, about :attr:`Case.noisy`.
        code: the state of :attr:`Case.items` by the model file's codec.
    """

    examples: Sequence[State] | str
    belief: State | str
    code: State | str


class Carrier:
    """A plugin that registers specs; it stands for those of another process that are not installed."""

    def __init__(self, specs: Sequence[Spec]) -> None:
        self.specs = specs

    def bring(self, kind: type[Spec], register: Callable[[Spec], None]) -> None:
        """Register all specs of a kind."""
        for spec in self.specs:
            if isinstance(spec, kind):
                register(spec)


def _hook(name: str, kind: type[Spec]) -> Any:
    def register_specs(self: Carrier, register: Callable[[Any], None]) -> None:
        self.bring(kind, register)

    register_specs.__name__ = name
    return hookimpl(register_specs)


for _name, _kind in REGISTRATION.items():
    setattr(Carrier, _name, _hook(_name, _kind))


_KNOWN: WeakKeyDictionary[Case, Found] = WeakKeyDictionary()


def found_elsewhere(case: Case) -> Found:
    """What fresh interpreters find of a case; they are started once."""
    if case not in _KNOWN:
        with tempfile.TemporaryDirectory() as folder:
            _KNOWN[case] = _ask(case, Path(folder))
    return _KNOWN[case]


def _ask(case: Case, folder: Path) -> Found:
    case.trained.save(folder / "model.safetensors")
    question = {
        "specs": None if case.installed else _foreign_specs(),
        "noisy": case.noisy,
        "data": _pickled(case.splits.train),
        "items": _pickled(case.items),
        "threads": torch.get_num_threads(),
    }
    (folder / "question.pickle").write_bytes(pickle.dumps(question))
    started = [_start(folder, number, case) for number in range(WORKERS)]
    answers = [_answer(process, folder, number) for number, process in enumerate(started)]
    return Found(_woven([answer["examples"] for answer in answers]), answers[0]["belief"], answers[0]["code"])


def _foreign_specs() -> list[Spec]:
    return [spec for record in plugins(load=True) if record.name != BUILTIN for spec in specs_of(record)]


def _pickled(value: Any) -> bytes | None:
    """A pickle, or nothing where it cannot be made: that is another check's concern."""
    try:
        return pickle.dumps(value)
    except Exception:
        return None


def _start(folder: Path, number: int, case: Case) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "suffuse.testing.elsewhere", str(folder), str(number)]
    log = (folder / f"log-{number}").open("wb")
    with log:
        return subprocess.Popen(command, env=_environment(case), stdout=log, stderr=log)


def _environment(case: Case) -> Mapping[str, str]:
    """This process's, with its search path and the folder in which the domain's package lies."""
    top = sys.modules[type(case.domain).__module__.partition(".")[0]]
    file = getattr(top, "__file__", None)
    places = [str(Path(file).parents[1 if hasattr(top, "__path__") else 0])] if file else []
    return {**os.environ, "PYTHONPATH": os.pathsep.join([*places, *filter(None, sys.path)])}


def _answer(process: subprocess.Popen[bytes], folder: Path, number: int) -> dict[str, Any]:
    try:
        process.wait(SECONDS)
    except subprocess.TimeoutExpired as error:
        process.kill()
        raise CheckFailure(
            f"did not end within {SECONDS} s", field="a fresh process", expected="an answer", got="none",
            fix="look for locks, and for work done when the module is imported",
        ) from error  # fmt: skip
    file = folder / f"answer-{number}.pickle"
    if not file.exists():
        log = (folder / f"log-{number}").read_text(errors="replace")[-1500:]
        raise CheckFailure(
            "could not load the domain", field="a fresh process", expected="an answer",
            got=f"exit code {process.returncode}\n{log}", fix="mend what the last line names",
        )  # fmt: skip
    answer: dict[str, Any] = pickle.loads(file.read_bytes())
    return answer


def _woven(parts: Sequence[Sequence[State] | str]) -> Sequence[State] | str:
    """The examples of all workers in order, or the first error."""
    for part in parts:
        if isinstance(part, str):
            return part
    return [parts[i % WORKERS][i // WORKERS] for i in range(COUNT)]  # type: ignore[misc]


def _work(folder: Path, number: int) -> None:
    """What the fresh interpreter does."""
    question = pickle.loads((folder / "question.pickle").read_bytes())
    torch.set_num_threads(question["threads"])  # sums are the same bit for bit only in the same order
    with ExitStack() as stack:
        if question["specs"] is not None:
            stack.enter_context(isolated(Carrier(question["specs"])))
        model = Trained.read(folder / "model.safetensors")
        answer = {
            "examples": _tried(lambda: _examples(model, question["data"], number)),
            "belief": _tried(lambda: _belief(model, question["noisy"])) if number == 0 else "",
            "code": _tried(lambda: model.codec.encode(_unpickled(question["items"]))) if number == 0 else "",
        }
    (folder / f"answer-{number}.pickle").write_bytes(pickle.dumps(answer))


def _examples(model: Trained, data: bytes | None, number: int) -> list[State]:
    train = _unpickled(data)
    return [model.codec.encode([train[i % len(train)].item]) for i in range(number, COUNT, WORKERS)]


def _unpickled(data: bytes | None) -> Any:
    if data is None:
        raise ValueError("could not be pickled")
    return pickle.loads(data)


def _belief(model: Trained, noisy: Noisy) -> State:
    with torch.no_grad():
        mean: State = model.denoiser(noisy.x, noisy.t, noisy.conditions).mean
    return mean


def _tried(work: Callable[[], Any]) -> Any:
    """What the work gives, or the text of what it raises: that is the answer to be told."""
    try:
        return work()
    except Exception:
        return traceback.format_exc()


if __name__ == "__main__":
    _work(Path(sys.argv[1]), int(sys.argv[2]))
