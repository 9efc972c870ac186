from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from suffuse.errors import SuffuseError
from suffuse.recipe import Recipe, load_recipe, to_yaml
from suffuse.registry import isolated
from tests.toy import Plugin, recipe


@pytest.fixture(autouse=True)
def toy() -> Iterator[None]:
    with isolated(Plugin()):
        yield


def write(path: Path, **changes: Any) -> Path:
    path.write_text(yaml.safe_dump(recipe(**changes)))
    return path


def test_file_round_trip(tmp_path: Path) -> None:
    path = write(tmp_path / "mine.yaml")
    loaded = load_recipe(path)
    (tmp_path / "again.yaml").write_text(to_yaml(loaded))
    assert load_recipe(tmp_path / "again.yaml") == loaded
    assert loaded.name == "toy"


def test_overrides(tmp_path: Path) -> None:
    path = write(tmp_path / "mine.yaml")
    overrides = [
        "train.steps=7",
        "optimizer.learning_rate=1e-3",
        "process.schedule=cosine",
        "network.width=32",
        "data.count=30",
    ]
    loaded = load_recipe(path, overrides)
    assert (loaded.train.steps, loaded.optimizer.learning_rate) == (7, 1e-3)
    assert loaded.process.schedule.name == "cosine"
    assert loaded.network.options["width"] == 32
    assert loaded.data == {"count": 30}
    deep = load_recipe(path, ["process.schedule.name=edm", "process.schedule.sigma_max=40"])
    assert deep.process.schedule.options == {"sigma_max": 40}


@pytest.mark.parametrize(
    ("override", "field", "says"),
    [
        ("train.stpes=7", "train.stpes", "did you mean 'steps'"),
        ("optimizr.clip=1", "optimizr", "did you mean 'optimizer'"),
        ("data.cuont=7", "data.cuont", "did you mean 'count'"),
        ("codec.jiter=7", "codec.jiter", "did you mean 'jitter'"),
        ("train.steps=-1", "train.steps", "greater than or equal to 0"),
        ("train.steps=many", "train.steps", "integer"),
        ("predict=epsilon", "predict", "'eps'"),
        ("network=unett", "network", "did you mean 'unet'"),
        ("process.schedule=cosin", "process.schedule", "did you mean 'cosine'"),
        ("sample.sampler=hein", "sample.sampler", "did you mean 'heun'"),
        ("train.steps", "train.steps", "section.key=value"),
        ("domain=toyy", None, "did you mean 'toy'"),
    ],
)
def test_a_wrong_key_names_the_field_and_the_nearest(
    tmp_path: Path, override: str, field: str | None, says: str
) -> None:
    with pytest.raises(SuffuseError) as error:
        load_recipe(write(tmp_path / "mine.yaml"), [override])
    assert says in str(error.value)
    if field is not None:
        assert error.value.field == field


def test_network_options_are_checked_when_it_is_built(tmp_path: Path) -> None:
    from suffuse.tasks.train import train

    with pytest.raises(SuffuseError, match="width") as error:
        train(load_recipe(write(tmp_path / "mine.yaml"), ["network.widht=3"]), out=tmp_path / "run")
    assert "did you mean 'width'" in str(error.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: [1", "not valid YAML"),
        ("- 1\n- 2", "not a mapping"),
        ("domain: toy", "train"),
        ("train: {steps: 1}", "domain"),
    ],
)
def test_broken_files_are_told(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(SuffuseError, match=says):
        load_recipe(path)


def test_missing_recipe_is_told(tmp_path: Path) -> None:
    with pytest.raises(SuffuseError, match="no such file"):
        load_recipe(tmp_path / "no.yaml")
    with pytest.raises(SuffuseError, match="no recipe named 'nothing'"):
        load_recipe("nothing")


def test_recipes_are_immutable() -> None:
    loaded = load_recipe(recipe())
    assert isinstance(loaded, Recipe)
    with pytest.raises(Exception, match="frozen"):
        loaded.predict = "eps"  # type: ignore[misc]
