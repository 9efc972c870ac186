"""What a plugin brings besides domains is found and used by the verbs that it is for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from torch import nn

import suffuse
from suffuse.cli import health
from suffuse.conditions import Label, Text
from suffuse.domain import Example, Splits
from suffuse.errors import DomainInputError, PluginError, RecipeError
from suffuse.nn.text import Words
from suffuse.recipe import load_recipe
from suffuse.registry import hookimpl, isolated
from suffuse.registry.specs import (
    DomainSpec,
    HealthCheckSpec,
    MetricSpec,
    ObserverSpec,
    RendererSpec,
    TextEncoderSpec,
)
from suffuse.tasks.evaluate import evaluate
from suffuse.tasks.generate import generate
from suffuse.tasks.samples import save
from suffuse.tasks.train import train
from tests import toy

HERE = "tests.registry.test_extensions"


def roughness(items: Sequence[Any], conditions: Mapping[str, Any], splits: Splits, codec: Any) -> float:
    return float(torch.tensor(items).diff(dim=1).abs().mean())


def write_text(items: Sequence[Any], path: Path) -> None:
    path.write_text("\n".join(" ".join(f"{x:.3f}" for x in item) for item in items))


@dataclass
class Diary:
    """An observer of two methods."""

    file: str = "diary.txt"
    bad: bool = False

    def run_started(self, run: Any) -> None:
        (run.folder / self.file).write_text("started\n")

    def step_finished(self, run: Any, step: int, metrics: Mapping[str, float]) -> None:
        if self.bad:
            raise RuntimeError("out of ink")
        with (run.folder / self.file).open("a") as file:
            file.write(f"{step} {metrics['loss']}\n")


def steady() -> str:
    return "as it should be"


def shaky() -> str:
    raise OSError("the floor gives way")


class Letters:
    """A text encoder with a tokenizer of its own: the letters a to z, and their learned vectors' mean."""

    def __init__(self, scale: float = 1.0) -> None:
        self.scale = scale

    def tokens(self, kind: Text, text: str) -> list[int]:
        return [ord(c) - ord("a") + 1 for c in text.casefold() if c.isascii() and c.isalpha()]

    def longest(self, kind: Text) -> int:
        return 16

    def embedding(self, kind: Text, width: int, token_width: int) -> nn.Module:
        return LetterEmbedding(width, token_width, self.scale)


class LetterEmbedding(nn.Module):
    def __init__(self, width: int, token_width: int, scale: float) -> None:
        super().__init__()
        self.letters, self.pooled, self.scale = nn.Embedding(27, token_width), nn.Linear(token_width, width), scale

    def forward(self, condition: Any, like: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        ids = like.new_zeros(len(like), 16).long() if condition is None else condition.value
        mask = torch.ones_like(ids, dtype=torch.bool)
        tokens = self.scale * self.letters(ids)
        return tokens, mask, self.pooled(tokens.mean(1))


class Captioned(toy.Toy):
    """Waves with captions."""

    name = "captioned"

    def splits(self, data: Any) -> Splits:
        splits = super().splits(data)
        words = {"f1": "slow", "f2": "middling", "f3": "fast"}

        def told(part: Any) -> list[Example]:
            examples = [part[i] for i in range(len(part))]
            return [Example(e.item, {"caption": f"a {words[e.conditions['label']]} wave"}) for e in examples]

        return Splits(told(splits.train), told(splits.validation), told(splits.test), "captions")

    def conditions(self, splits: Splits) -> dict[str, Any]:
        return {"caption": Text.fit(e.conditions["caption"] for e in splits.train)}

    def evaluate(self, *scored: Any) -> dict[str, float]:
        return {}


class Plugin(toy.Plugin):
    """Brings one of each kind for the toy domain."""

    @hookimpl
    def register_metrics(self, register: Any) -> None:
        register(MetricSpec(name="roughness", domain="toy", factory=f"{HERE}:roughness"))
        register(MetricSpec(name="elsewhere", domain="captioned", factory=f"{HERE}:steady"))

    @hookimpl
    def register_renderers(self, register: Any) -> None:
        register(RendererSpec(name="text", domain="toy", suffixes=(".txt",), factory=f"{HERE}:write_text"))

    @hookimpl
    def register_observers(self, register: Any) -> None:
        register(ObserverSpec(name="diary", factory=f"{HERE}:Diary"))

    @hookimpl
    def register_health_checks(self, register: Any) -> None:
        register(HealthCheckSpec(name="ground", factory=f"{HERE}:steady"))
        register(HealthCheckSpec(name="floor", factory=f"{HERE}:shaky", fix="nail it down"))

    @hookimpl
    def register_text_encoders(self, register: Any) -> None:
        register(TextEncoderSpec(name="letters", factory=f"{HERE}:Letters"))


class CaptionedPlugin:
    @hookimpl
    def register_domains(self, register: Any) -> None:
        register(DomainSpec(name="captioned", factory=f"{HERE}:Captioned"))


def recipe(observers: Sequence[Any] = (), **changes: Any) -> dict[str, Any]:
    base = toy.recipe(**changes)
    short = {"steps": 4, "sample_every": 100, "log_every": 2, "observers": list(observers)}
    return {**base, "train": {**base["train"], **short}}


@pytest.fixture(autouse=True)
def plugin() -> Iterator[None]:
    with isolated(Plugin(), CaptionedPlugin()):
        yield


@pytest.fixture
def model(tmp_path: Path) -> suffuse.Model:
    return suffuse.load(train(recipe(), out=tmp_path / "run").folder)


def test_a_metric_is_told_by_evaluate_beside_the_domain_s_own(model: suffuse.Model) -> None:
    told = evaluate(model, count=6, steps=2)
    made = generate(model, 6, steps=2, conditions={"label": "f1"}, seed=0)
    assert set(told.metrics) == {"class_accuracy", "roughness"}
    again = evaluate(model, count=6, steps=2, conditions={"label": "f1"}).metrics["roughness"]
    assert again == pytest.approx(roughness(made.items, {}, None, None))  # type: ignore[arg-type]


def test_a_metric_may_not_replace_the_domain_s_own(model: suffuse.Model) -> None:
    class Usurper:
        @hookimpl
        def register_metrics(self, register: Any) -> None:
            register(MetricSpec(name="class_accuracy".replace("_", "-"), domain="toy", factory=f"{HERE}:roughness"))

    class Renamed(toy.Toy):
        def evaluate(self, *scored: Any) -> dict[str, float]:
            return {"class-accuracy": 1.0}

    with isolated(Usurper(), toy.Plugin()) as registry:
        registry._domains["toy"] = Renamed()
        with pytest.raises(PluginError, match="toy/class-accuracy"):
            evaluate(model, count=3, steps=2)


def test_a_renderer_writes_files_of_its_suffix(model: suffuse.Model, tmp_path: Path) -> None:
    samples = generate(model, 3, steps=2)
    file, _ = save(model, samples, tmp_path / "waves.TXT")
    assert [len(line.split()) for line in file.read_text().splitlines()] == [toy.LENGTH] * 3
    with pytest.raises(DomainInputError, match=r"\.json, \.txt, \.png"):
        save(model, samples, tmp_path / "waves.svg")


def test_what_neither_domain_nor_renderer_writes_as_png_is_its_picture(model: suffuse.Model, tmp_path: Path) -> None:
    samples = generate(model, 3, steps=2)
    file, _ = save(model, samples, tmp_path / "waves.PNG")
    with Image.open(file) as shown:
        assert shown.tobytes() == model.domain.picture(samples.items).tobytes()

    class Painter:
        @hookimpl
        def register_renderers(self, register: Any) -> None:
            register(RendererSpec(name="paint", domain="toy", suffixes=(".png",), factory=f"{HERE}:write_text"))

    with isolated(toy.Plugin(), Painter()):
        file, _ = save(model, samples, tmp_path / "painted.png")
    assert len(file.read_text().splitlines()) == 3


def test_an_observer_is_told_only_where_the_recipe_asks(tmp_path: Path) -> None:
    run = train(recipe([{"name": "diary", "file": "book.txt"}]), out=tmp_path / "a")
    told = (run.folder / "book.txt").read_text().splitlines()
    assert told == ["started", *(f"{row['step']} {row['loss']}" for row in run.log())]
    assert not (train(recipe(), out=tmp_path / "b").folder / "diary.txt").exists()


def test_what_an_observer_raises_is_logged_and_stops_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    run = train(recipe([{"name": "diary", "bad": True}]), out=tmp_path)
    assert run.step == 4 and run.model_path.exists()
    assert "the observer 'Diary' failed in step_finished" in caplog.text


def test_doctor_tells_what_health_checks_find() -> None:
    found = {finding.name: finding for finding in health.examine_health_checks()}
    assert (found["ground"].state, found["ground"].detail) == ("ok", "as it should be")
    assert (found["floor"].state, found["floor"].fix) == ("broken", "nail it down")
    assert found["floor"].detail == "OSError: the floor gives way"


def captioned(text: Any, tmp_path: Path) -> suffuse.Model:
    return suffuse.load(train(recipe(domain="captioned", text=text), out=tmp_path).folder)


def test_a_text_encoder_reads_the_captions_of_training_and_of_generation(tmp_path: Path) -> None:
    model = captioned({"name": "letters", "scale": 0.5}, tmp_path)
    (kind,) = model.conditions.values()
    assert isinstance(kind, Text) and isinstance(kind.encoder, Letters) and kind.encoder.scale == 0.5
    assert kind.encode(["fast"], "caption").value.tolist() == [[6, 1, 19, 20, *[0] * 12]]
    assert any(isinstance(module, LetterEmbedding) for module in model.denoiser.modules())
    with pytest.raises(DomainInputError, match="at most 16 tokens"):
        generate(model, 1, conditions={"caption": "a wave of seventeen letters"}, steps=2)
    slow, fast = (generate(model, 1, conditions={"caption": c}, steps=2).items[0] for c in ("slow", "fast"))
    assert slow != fast


def test_without_one_named_words_are_read(tmp_path: Path) -> None:
    model = captioned("words", tmp_path)
    (kind,) = model.conditions.values()
    assert kind == Text.fit(["a slow wave", "a middling wave", "a fast wave"]) and kind.encoder == Words()


def test_an_unknown_text_encoder_is_told_before_training() -> None:
    with pytest.raises(RecipeError, match="did you mean 'letters'"):
        load_recipe(recipe(domain="captioned", text="leters"))


def test_the_kinds_of_conditions_without_text_are_left_alone(model: suffuse.Model) -> None:
    assert model.conditions == {"label": Label(("f1", "f2", "f3"))}
