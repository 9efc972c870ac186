"""``distill`` on a domain that trains within seconds."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

import suffuse
from suffuse.denoise import precondition
from suffuse.distillation import student_recipe
from suffuse.errors import ModelFileError, RecipeError, UnsupportedError
from suffuse.model import Model, load
from suffuse.process import Categorical
from suffuse.process.kernels import Uniform
from suffuse.recipe import load_recipe
from suffuse.report import write_report
from suffuse.sampling import DDIM, Heun, Karras, ShiftedFlow
from suffuse.tasks.distill import distill
from suffuse.tasks.evaluate import evaluate, open_splits
from suffuse.tasks.train import train
from suffuse.training.checkpoint import Checkpoint
from suffuse.training.run import Run
from tests.toy import recipe

pytestmark = pytest.mark.usefixtures("toy")

LABELS = ["f1", "f2", "f3"]
SHORT = ("optimizer.schedule=constant", "train.checkpoint_every=5", "train.log_every=1", "train.sample_every=100")


@pytest.fixture(scope="module")
def student(teacher: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """One step, distilled from the toy teacher."""
    from suffuse.registry import isolated
    from tests.toy import Plugin

    with isolated(Plugin()):
        return distill(teacher, steps=1, train_steps=150, out=tmp_path_factory.mktemp("runs") / "student")


def energy_distance(made: list[list[float]], model: Model) -> float:
    """Between waves that were made and those of the training data; 0 for equal distributions."""
    train_part = open_splits(model.recipe).train
    a, b = torch.tensor(made).double(), torch.tensor([train_part[i].item for i in range(len(train_part))]).double()
    between, within_a, within_b = (torch.cdist(p, q).mean() for p, q in ((a, b), (a, a), (b, b)))
    return float(2.0 * between - within_a - within_b)


def calls(model: Model) -> list[int]:
    """The batch sizes with which the network is asked from now on."""
    sizes: list[int] = []
    model.denoiser.network.register_forward_pre_hook(lambda module, inputs: sizes.append(len(inputs[0])))
    return sizes


def same_weights(a: Path, b: Path) -> bool:
    first, second = load_file(a), load_file(b)
    return first.keys() == second.keys() and all(torch.equal(first[k], second[k]) for k in first)


def test_one_step_of_the_student_is_better_than_one_of_the_teacher(teacher: Path, student: Run) -> None:
    """Energy distance to the training data, from the same noise, by one evaluation each."""
    mine, its = load(student.folder), load(teacher)
    blurred = its.generate(150, label=LABELS, sampler=DDIM(), grid=ShiftedFlow(1, sigma_max=80.0))
    assert energy_distance(mine.generate(150, label=LABELS), mine) < 0.5 * energy_distance(blurred, its)
    assert evaluate(mine, count=60).metrics["class_accuracy"] > 0.9


def test_student_is_an_ordinary_model_of_few_steps(student: Run, teacher: Path, tmp_path: Path) -> None:
    model = load(student.folder)
    asked = calls(model)
    assert len(model.generate(5, label="f1")) == 5
    assert asked == [5], "one evaluation, unguided"
    assert (model.recipe.sample.sampler.name, model.recipe.sample.steps) == ("ddim", 1)
    assert model.recipe.name == "toy-1-step"
    assert model.facts["method"] == "multistep consistency distillation"
    assert (model.facts["teacher"], model.facts["teacher_facts"]["steps"]) == (str(teacher), 300)
    again = load(model.save(tmp_path / "student.safetensors"))
    assert again.generate(2, label="f2") == model.generate(2, label="f2")
    assert "distill" in write_report(student.folder, tmp_path / "report.html").read_text()


def test_distillation_is_a_run_like_any_other(student: Run) -> None:
    names = {p.name for p in student.folder.iterdir()}
    assert {"recipe.yaml", "checkpoint.safetensors", "model.safetensors", "log.jsonl", "environment.json"} <= names
    assert [p.name for p in student.samples_folder.iterdir()] == ["step-0000150.png"]
    rows = student.log()
    assert rows[-1]["validation_loss"] < 0.1
    assert rows[-1]["loss"] < rows[0]["loss"]


def test_split_run_equals_straight_run(teacher: Path, tmp_path: Path) -> None:
    """Rates do not depend on the length here, so that a short run gone on with is a long run stopped."""
    for steps, folder in ((12, "a"), (5, "b"), (12, "b")):
        distill(teacher, steps=2, train_steps=steps, batch=8, overrides=SHORT, out=tmp_path / folder)
    assert same_weights(tmp_path / "a" / "model.safetensors", tmp_path / "b" / "model.safetensors")
    assert same_weights(tmp_path / "a" / "checkpoint.safetensors", tmp_path / "b" / "checkpoint.safetensors")
    straight, split = ([{**row, "seconds": 0} for row in Run(tmp_path / f).log()] for f in ("a", "b"))
    assert [row["step"] for row in split] == list(range(1, 13))
    assert [row["loss"] for row in straight] == [row["loss"] for row in split]


def test_recipe_of_a_run_repeats_it(teacher: Path, tmp_path: Path) -> None:
    first = distill(teacher, steps=2, train_steps=3, batch=8, overrides=SHORT, out=tmp_path / "a")
    again = train(str(first.recipe_path), out=tmp_path / "b")
    assert same_weights(first.model_path, again.model_path)


def test_guidance_is_learnt(teacher: Path, tmp_path: Path) -> None:
    """Unguided, the student ends nearer to its teacher's guided flow than to the plain one, by half the evaluations."""
    quiet = ("train.sample_every=1000", "train.validate_every=1000")
    run = distill(teacher, steps=4, guidance=3.0, train_steps=100, overrides=quiet, out=tmp_path / "guided")
    its, mine = load(teacher), load(run.folder)
    assert mine.recipe.distill is not None
    assert (mine.recipe.sample.guidance, mine.recipe.distill.guidance) == (1.0, 3.0)
    finely = {"label": LABELS, "sampler": Heun(), "grid": Karras(40)}
    guided, plain = (torch.tensor(its.generate(60, guidance=weight, **finely)) for weight in (3.0, 1.0))
    asked = calls(mine)
    made = torch.tensor(mine.generate(60, label=LABELS))
    assert asked == [60] * 4
    assert distance(made, guided) < 0.7 * distance(made, plain)


def distance(a: Tensor, b: Tensor) -> float:
    """Root mean square."""
    return (a - b).square().mean().sqrt().item()


def test_default_folder_and_same_call_go_on(teacher: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for steps in (2, 4):
        run = suffuse.distill(teacher, train_steps=steps, batch=8, overrides=SHORT)
    assert run.folder == Path("runs/toy-2-step")
    assert (run.step, Checkpoint.read(run.checkpoint_path).step) == (4, 4)
    assert suffuse.distill(teacher, train_steps=3, batch=8, overrides=SHORT, resume=False).step == 3


def test_wrong_requests_are_told(teacher: Path, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"sample\.steps: is wrong"):
        distill(teacher, steps=0, out=tmp_path)
    with pytest.raises(RecipeError, match="did you mean 'cuts'"):
        distill(teacher, overrides=["distill.cutz=3"], out=tmp_path)
    with pytest.raises(RecipeError, match=r"sample\.grid: is cut in a distillation"):
        distill(teacher, overrides=["sample.grid=auto"], out=tmp_path)
    with pytest.raises(RecipeError, match="network: differs from the teacher's"):
        distill(teacher, overrides=["network.width=8"], out=tmp_path)
    with pytest.raises(ModelFileError, match="neither a file, nor a run folder, nor a starter"):
        distill("nothing-of-that-name", out=tmp_path)
    assert not (tmp_path / "checkpoint.safetensors").exists()


def test_another_distillation_does_not_overwrite_one(teacher: Path, tmp_path: Path) -> None:
    distill(teacher, steps=2, train_steps=2, batch=8, overrides=SHORT, out=tmp_path)
    with pytest.raises(RecipeError, match=r"sample\.steps: differs"):
        distill(teacher, steps=1, train_steps=2, batch=8, overrides=[*SHORT, "distill.cuts=16"], out=tmp_path)
    with pytest.raises(RecipeError, match="another recipe: `distill` differs"):
        distill(teacher, steps=2, guidance=2.0, train_steps=2, batch=8, overrides=SHORT, out=tmp_path)


def test_teacher_that_changed_meanwhile_is_told(teacher: Path, tmp_path: Path) -> None:
    copy = load(teacher).save(tmp_path / "teacher.safetensors")
    run = distill(copy, train_steps=2, batch=8, overrides=SHORT, out=tmp_path / "a")
    load(teacher).save(copy, dtype=torch.float16)
    with pytest.raises(ModelFileError, match="is not the model that the distillation began with"):
        train(load_recipe(run.recipe_path), out=tmp_path / "b")


class Logits(nn.Module):
    def forward(self, x: Tensor, level: Tensor, conditions: object) -> Tensor:
        return x


def test_noise_without_a_flow_is_told(teacher: Path) -> None:
    discrete = replace(load(teacher), denoiser=precondition(Logits(), Categorical(Uniform(3))))
    with pytest.raises(UnsupportedError, match="only a model of Gaussian noise"):
        student_recipe(discrete, {"teacher": str(teacher)}, 2)


def test_student_is_no_teacher(student: Run, tmp_path: Path) -> None:
    with pytest.raises(UnsupportedError, match=r"is a student itself(.|\n)*distil its teacher"):
        distill(student.folder, steps=1, out=tmp_path)


def test_ordinary_recipes_have_no_teacher() -> None:
    assert load_recipe(recipe()).distill is None


def test_command_line(teacher: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from typer.testing import CliRunner

    from suffuse.cli import app
    from suffuse.tasks import distill as task

    monkeypatch.chdir(tmp_path)
    words = ["distill", str(teacher), *SHORT, "--steps", "1", "--train-steps", "2", "--batch", "8", "--guidance", "2"]
    told = json.loads(CliRunner().invoke(app, [*words, "--out", "run", "--json"]).stdout)
    assert (told["step"], told["interrupted"], told["model"]) == (2, False, "run/model.safetensors")
    assert load(tmp_path / "run").recipe.distill.guidance == 2.0
    plain = CliRunner().invoke(app, [*words, "--out", "run"])
    assert "distilled to 1 step: complete already: 2 steps" in plain.stdout and "suffuse generate run" in plain.stdout
    assert CliRunner().invoke(app, ["generate", "run", "-n", "2", "--out", "made"]).exit_code == 0

    monkeypatch.setattr(task, "distill", lambda *_, **__: Run(Path("run"), 7, interrupted=True))
    stopped = CliRunner().invoke(app, words)
    assert stopped.exit_code == 130
    assert "interrupted at step 7" in stopped.stderr and "The same command goes on" in stopped.stderr
