"""The verbs on a domain that the core knows nothing of."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

import suffuse_images.plugin
from suffuse.errors import DataError, DomainInputError, ModelFileError, PluginError, RecipeError, UnsupportedError
from suffuse.model import Model, load
from suffuse.process import EDM, Cosine, VPLinear
from suffuse.recipe import load_recipe, validate
from suffuse.registry import isolated
from suffuse.report import write_report
from suffuse.sampling import DDIM, DDPM, Heun, Karras, UniformTime
from suffuse.tasks.evaluate import draw_conditions, evaluate, open_splits
from suffuse.tasks.generate import generate
from suffuse.tasks.items import read_items
from suffuse.tasks.samples import Samples, save
from suffuse.tasks.train import anchored
from suffuse.tensorfile import read_tensors, write_tensors
from suffuse.trained import build_denoiser
from suffuse.training.run import Run
from tests.toy import Waves


def test_training_learns(model: Model) -> None:
    """Asked for one of three frequencies: an untrained network is right a third of the time."""
    trained = evaluate(model, count=60).metrics["class_accuracy"]
    untrained = Model(
        model.recipe, model.codec, model.conditions, build_denoiser(model.recipe, model.codec, model.conditions).eval()
    )
    assert trained > 0.9
    assert trained > evaluate(untrained, count=60).metrics["class_accuracy"] + 0.3


def test_run_folder_tells_everything(run: Run) -> None:
    names = {p.name for p in run.folder.iterdir()}
    assert {"recipe.yaml", "checkpoint.safetensors", "model.safetensors", "log.jsonl", "environment.json"} <= names
    assert [p.name for p in sorted(run.samples_folder.iterdir())] == ["step-0000150.png", "step-0000300.png"]
    rows = run.log()
    losses = [row["validation_loss"] for row in rows if "validation_loss" in row]
    assert len(losses) == 3
    assert losses[-1] < losses[0]


def test_sample_is_the_same_alone_in_any_batch_and_by_seed(model: Model) -> None:
    many = generate(model, 10, seed=3, conditions={"label": "f2"}, sampler=DDPM(), batch=4)
    alone = generate(model, 1, seed=8, conditions={"label": "f2"}, sampler=DDPM())
    assert many.seeds == list(range(3, 13))
    assert many.items[5] == pytest.approx(alone.items[0], abs=1e-5)
    by_seed = generate(model, seeds=[8, 3], conditions={"label": "f2"}, sampler=DDPM())
    assert by_seed.items[0] == pytest.approx(alone.items[0], abs=1e-5)


def test_a_network_may_compute_in_bfloat16(model: Model) -> None:
    exact = generate(model, 6, conditions={"label": "f2"}, steps=8)
    coarse = generate(model, 6, conditions={"label": "f2"}, steps=8, precision="bf16")
    off = float((torch.tensor(exact.items) - torch.tensor(coarse.items)).abs().max())
    assert 0.0 < off < 0.2
    recipe = validate({**model.recipe.model_dump(mode="json"), "sample": {"steps": 8, "precision": "bf16"}})
    by_recipe = generate(replace(model, recipe=recipe), 6, conditions={"label": "f2"}, sampler=Heun(), grid=Karras(8))
    told = generate(model, 6, conditions={"label": "f2"}, sampler=Heun(), grid=Karras(8), precision="bf16")
    assert by_recipe.items == told.items
    with pytest.raises(DomainInputError, match="precision"):
        generate(model, 1, precision="fp8")


def test_a_folder_of_samples_is_read_back_without_its_list(model: Model, tmp_path: Path) -> None:
    made = generate(model, 3, steps=2)
    save(model, made, tmp_path)  # the toy's items and the list are .json files both
    items, names = read_items(model, [tmp_path])
    assert [Path(name).name for name in names] == ["0.json", "1.json", "2.json"]
    assert items[1] == pytest.approx(made.items[1])


def test_components_may_be_told_by_name(model: Model) -> None:
    told = generate(model, 2, sampler="heun:churn=1.0", grid={"name": "karras", "rho": 5.0}, steps=4, schedule="cosine")
    made = generate(model, 2, sampler=Heun(churn=1.0), grid=Karras(4, rho=5.0), schedule=Cosine())
    assert told.items == made.items
    with pytest.raises(PluginError, match="did you mean 'heun'"):
        generate(model, 2, sampler="huen")
    with pytest.raises(RecipeError, match="did you mean 'churn'"):
        generate(model, 2, sampler="heun:chrun=1.0")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("guidance", [1, 2]), ("guidance", True), ("interval", 3), ("interval", (1.0, 2.0, 3.0)), ("negative", "f1"),
        ("compose", {"label": "f1"}), ("compose", [("a", {"label": "f1"})]), ("steps", 2.5), ("steps", "5"),
        ("sampler", Heun), ("grid", 3), ("batch", 0), ("batch", 1.5),
    ],
)  # fmt: skip
def test_options_of_a_wrong_type_are_told(field: str, value: object, model: Model) -> None:
    with pytest.raises(DomainInputError) as caught:
        generate(model, 1, **{field: value})  # type: ignore[arg-type]
    assert caught.value.field == field


def test_a_grid_s_exponent_is_positive() -> None:
    for rho in (0.0, -1.0, float("nan")):
        with pytest.raises(RecipeError, match="must be positive"):
            Karras(5, rho=rho)


def test_sizes_may_depend_on_what_is_asked_for(model: Model) -> None:
    asked = []

    class Sized(type(model.codec)):  # type: ignore[misc]
        def like_under(self, conditions, count, rng=None):  # type: ignore[no-untyped-def]
            asked.append((conditions, count))
            return self.like(count, rng)

    sized = replace(model, codec=Sized(**model.codec.to_json()))
    generate(sized, 5, conditions={"label": ["f1", "f2"]}, batch=3, steps=2)
    assert asked == [({"label": ["f1", "f2", "f1"]}, 3), ({"label": ["f2", "f1"]}, 2)]


def test_a_label_by_another_name_is_told(model: Model) -> None:
    with pytest.raises(DomainInputError, match="no condition named 'prompt'"):
        generate(model, 1, conditions={"prompt": "x"})
    renamed = replace(model, conditions={"shape": model.conditions["label"]})
    with pytest.raises(DomainInputError, match="the label is called 'shape' here"):
        generate(renamed, 1, conditions={"label": "f1"})


def test_paths_of_data_are_kept_from_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from PIL import Image

    for i in range(8):
        (tmp_path / "pictures").mkdir(exist_ok=True)
        Image.new("L", (8, 8), 30 * i).save(tmp_path / "pictures" / f"{i}.png")
    monkeypatch.chdir(tmp_path)
    with isolated(suffuse_images.plugin):
        recipe = load_recipe("images/folder", ["data.path=pictures"])
        assert anchored(recipe).data["path"] == str(tmp_path / "pictures")
        assert anchored(anchored(recipe)) == anchored(recipe)
        assert anchored(load_recipe("images/digits")) == load_recipe("images/digits")


def test_conditions_are_dealt_out_in_turn(model: Model) -> None:
    samples = generate(model, 5, conditions={"label": ["f1", "f3"]})
    assert samples.conditions == {"label": ["f1", "f3", "f1", "f3", "f1"]}


def test_everything_can_be_overridden(model: Model) -> None:
    base = model.generate(4, label="f1")
    assert model.generate(4, label="f1") == base
    others = [
        model.generate(4, label="f1", guidance=3.0),
        model.generate(4, label="f1", steps=9),
        model.generate(4, label="f1", sampler=Heun()),
        model.generate(4, label="f1", grid=Karras(12)),
        model.generate(4, label="f1", schedule=VPLinear()),
        model.generate(4, label="f1", schedule=EDM(), sampler=Heun(coordinates="sigma")),
        model.generate(4, label="f1", guidance=3.0, interval=(0.1, 1.0)),
    ]
    assert all(other != base for other in others)
    assert len({json.dumps(o) for o in others}) == len(others)


def test_progress_and_trajectory(model: Model) -> None:
    seen: list[tuple[int, int]] = []
    told = {"on_step": lambda d, n: seen.append((d, n)), "trajectory": True}
    samples = generate(model, 5, steps=4, sampler=DDIM(), batch=2, **told)
    assert seen == [(i, 12) for i in range(1, 13)]
    assert samples.frames is not None
    assert [len(frame) for frame in samples.frames] == [5, 5, 5, 5]
    assert samples.frames[-1][0] == pytest.approx(samples.items[0], abs=1e-5)


def test_names_of_files_sort_as_seeds_do(model: Model, tmp_path: Path) -> None:
    for first, width in ((0, 1), (7, 2), (98, 3)):
        samples = Samples([[0.0]] * 4, list(range(first, first + 4)))
        *_, a, b, c, d = save(model, samples, tmp_path / str(first))
        assert [int(path.stem) for path in sorted((a, b, c, d))] == samples.seeds
        assert {len(path.stem) for path in (a, b, c, d)} == {width}, first


def test_saved_folder_and_file(model: Model, tmp_path: Path) -> None:
    samples = generate(model, 3, seed=5, conditions={"label": ["f1", "f2", "f3"]})
    files = save(model, samples, tmp_path / "made")
    assert files[0].name == "sheet.png"
    rows = json.loads((tmp_path / "made" / "samples.json").read_text())
    assert rows[2] == {"file": "f3-7.json", "seed": 7, "label": "f3"}
    assert model.domain.read(tmp_path / "made" / "f3-7.json") == [samples.items[2]]
    both = [tmp_path / "all.json", tmp_path / "all.json.manifest.json"]
    assert save(model, samples, tmp_path / "all.json") == both
    with pytest.raises(DomainInputError, match=r"\.json"):
        save(model, samples, tmp_path / "all.xyz")


def test_model_file_round_trip(model: Model, tmp_path: Path) -> None:
    again = load(model.save(tmp_path / "m.safetensors"))
    assert again.generate(2, label="f1") == model.generate(2, label="f1")
    assert again.facts == model.facts
    assert again.facts["steps"] == 300
    half = model.save(tmp_path / "half.safetensors", dtype=torch.float16)
    assert half.stat().st_size < 0.75 * (tmp_path / "m.safetensors").stat().st_size
    assert load(half).generate(1, label="f1")[0] == pytest.approx(model.generate(1, label="f1")[0], abs=0.05)


@pytest.mark.parametrize("keep", [0, 4, 50, 5000])
def test_truncated_model_is_told(model: Model, tmp_path: Path, keep: int) -> None:
    path = model.save(tmp_path / "m.safetensors")
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(ModelFileError, match="truncated"):
        load(path)


def test_newer_other_and_missing_files_are_told(run: Run, tmp_path: Path) -> None:
    tensors, header = read_tensors(run.model_path, "suffuse-model", 1)
    write_tensors(tmp_path / "new.safetensors", tensors, {**header, "version": 99, "suffuse": "9.9"})
    with pytest.raises(ModelFileError, match=r"newer suffuse(.|\n)*pip install --upgrade"):
        load(tmp_path / "new.safetensors")
    with pytest.raises(ModelFileError, match="of another kind"):
        load(run.checkpoint_path)
    with pytest.raises(ModelFileError, match="no such file"):
        load(tmp_path / "missing.safetensors")
    with pytest.raises(ModelFileError, match="neither a file, nor a run folder, nor a starter"):
        load("nothing-of-that-name")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelFileError, match="is no run's folder"):
        load(tmp_path / "empty")
    smaller = {k: v for k, v in tensors.items() if "enter" not in k}
    write_tensors(tmp_path / "less.safetensors", smaller, header)
    with pytest.raises(ModelFileError, match="does not fit"):
        load(tmp_path / "less.safetensors")


def test_bad_requests_are_told(model: Model) -> None:
    with pytest.raises(DomainInputError, match="no class named 'f9'"):
        model.generate(1, label="f9")
    with pytest.raises(DomainInputError, match="did you mean 'label'"):
        model.generate(1, labl="f1")
    with pytest.raises(DomainInputError, match="count"):
        model.generate(0)
    with pytest.raises(DomainInputError, match="label: is empty"):
        model.generate(2, label=[])
    with pytest.raises(DomainInputError, match="guidance"):
        model.generate(1, label="f1", guidance=float("nan"))
    with pytest.raises(DomainInputError, match="seed: is out of range"):
        model.generate(1, seed=10**20)
    with pytest.raises(UnsupportedError, match="coordinates"):
        model.generate(1, sampler=Heun(coordinates="sigma"), grid=UniformTime(4))
    with pytest.raises(RecipeError, match="steps"):
        model.generate(1, steps=0)


def test_drawn_conditions_use_every_example_once(model: Model) -> None:
    splits = open_splits(model.recipe)
    drawn = draw_conditions(splits.test, model.conditions, len(splits.test), 0)["label"]
    assert sorted(drawn) == sorted(splits.test[i].conditions["label"] for i in range(len(splits.test)))


def test_evaluation_of_asked_conditions(model: Model) -> None:
    """Asked for one class only, the samples are of it, whatever the test data hold."""
    assert evaluate(model, count=20, conditions={"label": "f2"}).metrics["class_accuracy"] > 0.75


def test_figures_that_would_be_chance_are_told(model: Model, caplog: pytest.LogCaptureFixture) -> None:
    splits = open_splits(model.recipe)
    evaluate(model, count=50, splits=replace(splits, test=Waves(96, 50, True)), steps=1)
    assert not caplog.messages
    evaluate(model, count=50, splits=replace(splits, test=Waves(96, 3, True)), steps=1)
    assert "50 samples are scored against 3 test examples" in caplog.text
    caplog.clear()
    evaluate(model, count=3, splits=replace(splits, test=Waves(96, 50, True)), steps=1)
    assert "3 samples are scored against 50 test examples" in caplog.text
    with pytest.raises(DataError, match="no test part"):
        evaluate(model, count=3, splits=replace(splits, test=Waves(96, 0, True)), steps=1)


def test_report_is_one_file(run: Run, tmp_path: Path) -> None:
    page = write_report(run.folder, tmp_path / "r.html").read_text()
    assert page.count("data:image/png;base64,") == 2
    assert page.count("<svg") == 3
    assert "validation loss" in page
    assert 'src="http' not in page
    assert "href=" not in page.replace("xlink:href=", "")


@pytest.mark.usefixtures("run")
def test_unconditional_model_takes_no_condition(tmp_path: Path) -> None:
    from suffuse.tasks.train import train
    from tests.toy import recipe

    whole = recipe(data={"labelled": False})
    whole["train"] |= {"steps": 2, "sample_every": 2, "validate_every": 2}
    free = load(train(validate(whole), out=tmp_path).folder)
    assert len(free.generate(2, guidance=3.0)) == 2
    with pytest.raises(DomainInputError, match="unconditional"):
        free.generate(1, label="f1")
