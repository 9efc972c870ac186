"""Items steered by a user's own scorer: in any domain, from a file, held to what it promises."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from suffuse.errors import RecipeError
from suffuse.model import Model, load
from suffuse.registry import isolated
from suffuse.sampling import DPMpp
from suffuse.tasks.generate import generate
from suffuse.tasks.rewards import Scorer, scorer_of
from suffuse.tasks.samples import save
from suffuse.training.run import Run
from tests import mixed, toy
from tests.exact import exact_model, one_mode


@pytest.fixture(scope="module")
def model() -> Iterator[Model]:
    """Waves of eight independent numbers of mean 0.3 and deviation 0.7."""
    with isolated(toy.Plugin()):
        yield exact_model(one_mode())


def starts_high(waves: list[Any]) -> list[float]:
    return [wave[0] for wave in waves]


def test_items_are_those_of_the_tilted_law(model: Model) -> None:
    """What the sampler makes of a Gaussian is one; a linear score moves its mean by λ·σ², and changes nothing else."""
    options: dict[str, Any] = {"steps": 16, "sampler": "ddpm", "batch": 8192}
    plain = torch.tensor(model.generate(4000, seed=10**6, **options), dtype=torch.float64)
    samples = generate(model, 250, reward=starts_high, reward_weight=1.5, particles=32, reward_every=2, **options)
    x = torch.tensor(samples.items, dtype=torch.float64)
    wanted = plain.mean(0)
    wanted[0] += 1.5 * plain[:, 0].var()
    assert ((x.mean(0) - wanted).abs() < 4 * plain.std(0) / math.sqrt(len(x))).all()
    assert float(wanted[0] - plain[:, 0].mean()) > 0.4
    assert 0.85 < float(x[:, 0].std() / plain[:, 0].std()) < 1.15
    assert samples.each["score"] == starts_high(samples.items)


def test_all_is_counted_and_told(model: Model, tmp_path: Path) -> None:
    samples = generate(model, 3, reward=starts_high, reward_weight=2.0, particles=5, reward_every=2, steps=6)
    assert samples.account is not None
    assert samples.account.sampler == "DDPM(eta=1.0)"  # copies of a particle part by fresh noise
    save(model, samples, tmp_path)
    told = json.loads((tmp_path / "manifest.json").read_text())
    assert told["steering"] == {
        "scorer": "starts_high", "version": "", "weight": 2.0, "every": 2, "particles": 5
    }  # fmt: skip
    assert told["score"] == pytest.approx(samples.each["score"]) and "sources" not in told
    rows = json.loads((tmp_path / "samples.json").read_text())
    assert [row["score"] for row in rows] == pytest.approx(samples.each["score"])
    assert generate(model, 1, reward=starts_high, sampler=DPMpp(), steps=4).account.sampler == repr(DPMpp())  # type: ignore[union-attr]


def test_neither_batch_nor_company_changes_an_item(model: Model) -> None:
    options: dict[str, Any] = {"reward": starts_high, "reward_weight": 4.0, "particles": 3, "steps": 8}
    together, apart = model.generate(5, **options), model.generate(5, batch=1, **options)
    alone = model.generate(seeds=[3], **options)
    for one, other in zip([*together, together[3]], [*apart, *alone], strict=True):
        assert one == pytest.approx(other, abs=1e-5)
    plain = model.generate(5, steps=8, sampler="ddpm")
    assert model.generate(5, **{**options, "particles": 1}) == [pytest.approx(one, abs=1e-6) for one in plain]


def test_what_filters_drop_is_made_anew_and_scored(model: Model) -> None:
    def low(wave: Any) -> str | None:
        return "ends high" if wave[-1] > 0.3 else None

    samples = generate(model, 4, reward=starts_high, reward_weight=3.0, steps=6, filters=[low], tries=60)
    assert samples.drops and len(samples.items) == 4 == len(samples.each["score"])
    for seed, item in zip(samples.seeds, samples.items, strict=True):
        again = model.generate(seeds=[seed], reward=starts_high, reward_weight=3.0, steps=6)[0]
        assert item == pytest.approx(again, abs=1e-5)


def test_a_mixed_state_is_steered_as_a_whole(mixed_run: Run) -> None:
    """Masked kinds, sizes that are numbers, and lengths that are drawn."""

    def begins_red(chains: list[Any]) -> list[float | None]:
        return [None if len(beads) == 2 else float(beads[0][0] == "red") for beads in chains]

    with isolated(mixed.Plugin()):
        model = load(mixed_run.folder)
        options: dict[str, Any] = {"steps": 16, "seed": 3}
        plain = model.generate(60, **options)
        made = model.generate(60, reward=begins_red, reward_weight=4.0, particles=8, **options)
    assert {len(beads) for beads in plain} == {2, 3} and {len(beads) for beads in made} == {3}
    assert np.mean([beads[0][0] == "red" for beads in plain]) < 0.5
    assert np.mean([beads[0][0] == "red" for beads in made]) > 0.7


# scorers


def wrong(waves: list[Any]) -> Any:
    raise KeyError("a bug")


def wrong_in_turn(waves: list[Any]) -> Iterator[float]:
    yield from ({}[wave] for wave in map(tuple, waves))


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (wrong, "failed: KeyError: 'a bug'"),
        (wrong_in_turn, "failed: KeyError"),
        (lambda waves: np.array(1.0), "failed: TypeError"),
        (lambda waves: [10**400] * len(waves), "gave no number"),
        (lambda waves: [1.0], "gave another number of scores"),
        (lambda waves: "1" * len(waves), "gave no list"),
        (lambda waves: 1.0, "gave no list"),
        (lambda waves: ["1"] * len(waves), "gave no number(.|\n)*'1' for item 0"),
        (lambda waves: [0.0, math.inf] * 8, "gave no number(.|\n)*inf for item 1"),
        (lambda waves: [object()] * len(waves), "gave no number"),
        (lambda waves: [None] * len(waves), "gave no number(.|\n)*none for any of 16"),
    ],
)
def test_a_wrong_scorer_is_told_by_its_name(model: Model, function: Callable[..., Any], said: str) -> None:
    function.__name__ = "mine"
    with pytest.raises(RecipeError, match=f"mine: {said}"):
        model.generate(4, reward=function, steps=4)


def test_whatever_lists_numbers_is_understood() -> None:
    for given in ([1, None], iter((1.0, math.nan)), np.array([1.0, -math.inf]), torch.tensor([1.0, math.nan])):
        scores = Scorer(lambda items, given=given: given, "mine")(["a", "b"])
        assert scores[0] == 1.0 and math.isnan(scores[1])
    assert Scorer(wrong, "mine")([]) == []


def test_a_scorer_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "scorer.py"
    file.write_text("from math import nan\ndef score(items):\n    return [len(i) for i in items]\n", encoding="utf-8")
    found = scorer_of(f"{file}:score")
    assert found(["abc", ""]) == [3.0, 0.0] and found.name == f"{file}:score"
    file.write_text("def score(items):\n    return [0.0 for i in items]\n", encoding="utf-8")
    assert str(scorer_of(f"{file}:score")) != str(found)  # another version is another scorer, to whoever goes on


def test_a_file_may_hold_classes_of_data(tmp_path: Path) -> None:
    """They look up the module that they are of, where annotations are postponed."""
    file = tmp_path / "scorer.py"
    file.write_text(
        "from __future__ import annotations\nfrom dataclasses import dataclass\n"
        "@dataclass\nclass Target:\n    length: int\n"
        "def score(items):\n    return [-abs(len(item) - Target(2).length) for item in items]\n",
        encoding="utf-8",
    )
    assert scorer_of(f"{file}:score")(["abc", "ab"]) == [-1.0, 0.0]


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("none.py:score", None, "there is no such file"),
        ("scorer:score", "", "names no function"),
        ("scorer.py", "", "names no function"),
        ("scorer.py:", "", "names no function"),
        ("scorer.py:scoer", "def score(items): ...", "did you mean 'score'"),
        ("scorer.py:score", "import nothing_of_that_name", "cannot be run .ModuleNotFoundError"),
        ("scorer.py:score", "def score(", "cannot be run .SyntaxError"),
        ("scorer.py:score", "score = 3", "there is no function"),
    ],
)
def test_a_scorer_that_is_not_there(tmp_path: Path, name: str, text: str | None, said: str) -> None:
    if text is not None:
        (tmp_path / "scorer.py").write_text(text, encoding="utf-8")
    with pytest.raises(RecipeError, match=said):
        scorer_of(f"{tmp_path}/{name}")


def test_what_is_no_function_is_refused(model: Model) -> None:
    with pytest.raises(RecipeError, match="is no function"):
        model.generate(1, reward=3.0)


def test_an_error_names_functions_of_the_file_and_no_imported_ones(tmp_path: Path) -> None:
    file = tmp_path / "own.py"
    file.write_text("from json import loads\nfrom math import sqrt\n\ndef score(items): return [sqrt(4.0)]\n")
    with pytest.raises(RecipeError) as error:
        scorer_of(f"{file}:scores")
    assert error.value.expected == "one of score" and "did you mean 'score'" in (error.value.fix or "")
    assert scorer_of(f"{file}:sqrt")  # whoever names one means it
