"""Each verb, on a domain that trains within a second."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from suffuse.errors import StorageError
from suffuse.registry import hookimpl, isolated
from suffuse.registry.specs import RecipeSpec
from tests import toy

pytestmark = pytest.mark.usefixtures("domain", "here")


def test_train_tells_where_the_model_lies(suffuse, recipe, here):
    result = suffuse("train", recipe, "train.steps=3", "--out", "run")
    assert result.exit_code == 0, result.output
    assert "trained 3 steps" in result.stdout
    assert "run/model.safetensors" in result.stdout and Path("run/model.safetensors").exists()
    assert "suffuse generate run --label f1" in result.stdout


def test_train_goes_on_or_starts_over(suffuse, recipe):
    assert json.loads(suffuse("train", recipe, "train.steps=2", "--out", "run", "--json").stdout)["step"] == 2
    assert json.loads(suffuse("train", recipe, "train.steps=3", "--out", "run", "--json").stdout)["step"] == 3
    assert [json.loads(row)["step"] for row in Path("run/log.jsonl").read_text().splitlines()] == [2, 3]
    suffuse("train", recipe, "train.steps=1", "--out", "run", "--no-resume")
    assert [json.loads(row)["step"] for row in Path("run/log.jsonl").read_text().splitlines()] == [1]


def test_train_tells_what_was_done_before(suffuse, recipe):
    def said(*more: str) -> str:
        return suffuse("train", recipe, *more, "--out", "run").stdout.splitlines()[0]

    assert said("train.steps=2").startswith("trained 2 steps:")
    model = Path("run/model.safetensors").read_bytes()
    assert said("train.steps=2").startswith("complete already: 2 steps were trained before (--no-resume starts over)")
    assert Path("run/model.safetensors").read_bytes() == model
    assert said("train.steps=3").startswith("trained 1 steps more, 3 in all:")
    told = json.loads(suffuse("train", recipe, "train.steps=3", "--out", "run", "--json").stdout)
    assert (told["step"], told["begun"]) == (3, 3)


def test_train_json_is_all_that_stdout_gets(suffuse, recipe):
    told = json.loads(suffuse("train", recipe, "train.steps=2", "--out", "run", "--json").stdout)
    assert told["interrupted"] is False
    assert Path(told["model"]).exists() and Path(told["folder"]).is_dir()
    assert told["metrics"]["loss"] > 0


def test_of_several_processes_the_first_speaks(suffuse, recipe, monkeypatch):
    monkeypatch.setenv("RANK", "1")
    result = suffuse("train", recipe, "train.steps=1", "--out", "run", "--json")
    assert result.exit_code == 0 and result.stdout == ""


def test_a_wrong_recipe_is_told_on_stderr_with_its_exit_code(suffuse, recipe):
    result = suffuse("train", recipe, "train.stepz=2")
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "train.stepz: there is no such key" in result.stderr
    assert "did you mean 'steps'?" in result.stderr
    assert "Traceback" not in result.stderr


def test_an_error_with_json_goes_to_stdout(suffuse, recipe):
    result = suffuse("train", recipe, "train.stepz=2", "--json")
    assert result.exit_code == 2
    told = json.loads(result.stdout)
    assert (told["error"], told["field"], told["fix"]) == ("RecipeError", "train.stepz", "did you mean 'steps'?")


def test_an_interrupted_training_tells_how_to_go_on(suffuse, recipe, monkeypatch):
    from suffuse.tasks import train as task
    from suffuse.training.run import Run

    monkeypatch.setattr(task, "train", lambda *_, **__: Run(Path("my run"), 7, interrupted=True))
    result = suffuse("train", recipe, "train.steps=9")
    assert result.exit_code == 130
    assert "interrupted at step 7" in result.stderr
    assert f"suffuse train {recipe} train.steps=9 --out 'my run'" in result.stderr
    told = suffuse("train", recipe, "--json")
    assert told.exit_code == 130
    assert json.loads(told.stdout)["interrupted"] is True


def test_ctrl_c_in_any_verb(suffuse, trained, monkeypatch):
    from suffuse.tasks import generate as task

    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(task, "generate", interrupt)
    result = suffuse("generate", trained)
    assert result.exit_code == 130
    assert "interrupted" in result.stderr


def test_a_full_disk_has_its_exit_code(suffuse, trained, monkeypatch):
    from suffuse.tasks import samples as task

    def fail(*_, **__):
        raise StorageError("could not be written", field="x.png")

    monkeypatch.setattr(task, "save", fail)
    assert suffuse("generate", trained, "-n", 1).exit_code == StorageError.exit_code


def test_generate_writes_a_folder_anew_each_time(suffuse, trained):
    for folder in ("samples/waves", "samples/waves-2"):
        result = suffuse("generate", trained, "--count", 2, "--seed", 5)
        assert result.exit_code == 0, result.output
        extra = {"samples.json", "sheet.png", "manifest.json"}
        assert {p.name for p in Path(folder).iterdir()} == {"5.json", "6.json", *extra}
        assert f"{folder}/sheet.png" in result.stdout


def test_generate_hands_every_option_on(suffuse, trained, monkeypatch):
    from suffuse.process.schedule import Cosine
    from suffuse.sampling import DDIM, Karras
    from suffuse.tasks import generate as task

    got = {}
    real = task.generate
    monkeypatch.setattr(
        task, "generate", lambda model, count, **o: got.update(o, count=count) or real(model, count, **o)
    )
    result = suffuse(
        "generate", trained, "-n", 3, "--seed", 7, "--label", "f1", "--label", "f2", "--steps", 4, "--guidance", 2,
        "--sampler", "ddim:eta=1", "--grid", "karras", "--schedule", "cosine", "--interval", "0.1,9",
        "--precision", "bf16", "--batch", 2,
        "--filter", "unique", "--tries", 9,
        "--out", "waves.json", "--json",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert got.pop("on_step") and got.pop("memory")
    assert got == {
        "count": 3, "extent": None, "filters": [{"name": "unique"}], "tries": 9,
        "seed": 7, "conditions": {"label": ["f1", "f2"]}, "steps": 4, "guidance": 2.0,
        "sampler": DDIM(eta=1.0), "grid": Karras(4), "schedule": Cosine(), "interval": (0.1, 9.0),
        "precision": "bf16", "batch": 2,
        "trajectory": False, "negative": {}, "compose": [],
    }  # fmt: skip
    told = json.loads(result.stdout)
    assert told["files"] == ["waves.json", "waves.json.manifest.json"]
    assert told["seeds"] == [7, 8, 9]
    assert told["conditions"] == {"label": ["f1", "f2", "f1"]}
    assert len(json.loads(Path("waves.json").read_text())) == 3


def test_the_grid_has_the_recipe_s_steps_unless_told_otherwise(suffuse, trained, monkeypatch):
    from suffuse.tasks import generate as task

    grids = []
    real = task.generate
    monkeypatch.setattr(task, "generate", lambda *a, **o: grids.append(o["grid"]) or real(*a, **o))
    for extra in ([], ["--steps", 3]):
        assert suffuse("generate", trained, "-n", 1, "--grid", "uniform", *extra).exit_code == 0
    assert [grid.steps for grid in grids] == [5, 3]


def test_generate_is_reproducible(suffuse, trained):
    for name in ("a.json", "b.json"):
        suffuse("generate", trained, "-n", 2, "--out", name)
    suffuse("generate", trained, "-n", 1, "--seed", 1, "--out", "c.json")
    a, b, c = (json.loads(Path(name).read_text()) for name in ("a.json", "b.json", "c.json"))
    assert a == b
    assert c[0] == pytest.approx(a[1], abs=1e-5)


def test_a_trajectory_has_a_frame_for_each_step(suffuse, trained, monkeypatch):
    def animate(domain, frames, path):
        path.write_text(f"{len(frames)} frames of {len(frames[0])}")

    monkeypatch.setattr(toy.Toy, "animate", animate)
    result = suffuse("generate", trained, "-n", 2, "--steps", 3, "--trajectory", "films/t.gif")
    assert result.exit_code == 0, result.output
    assert "films/t.gif" in result.stdout
    assert Path("films/t.gif").read_text() == "3 frames of 2"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--label", "f9"], 8, "no class named 'f9'"),
        (["--prompt", "hum"], 8, "this model has no text"),
        (["--sampler", "hein"], 6, "did you mean 'heun'?"),
        (["--grid", "karras:rho=x"], 2, "karras.rho"),
        (["--schedule", "cosinus"], 6, "did you mean 'cosine'?"),
        (["--interval", "3"], 2, "LOW,HIGH"),
        (["--out", "x.wav"], 8, "cannot be written"),
        (["--count", "0"], 2, "--count"),
        (["--device", "abacus"], 7, "--device"),
    ],
)
def test_generate_refuses(arguments, code, said, suffuse, trained, here):
    result = suffuse("generate", trained, "-n", 1, *arguments)
    assert result.exit_code == code, result.output
    assert said in result.stderr
    assert list(here.iterdir()) == []


def test_a_model_that_is_not_there(suffuse):
    result = suffuse("generate", "nowhere")
    assert result.exit_code == 4
    assert "nowhere: is neither a file" in result.stderr


def test_evaluate_keeps_the_figures_with_the_run(suffuse, trained, here):
    run = shutil.copytree(trained, here / "run")
    result = suffuse("evaluate", run, "--count", 6, "--json")
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert told["count"] == 6 and 0 <= told["metrics"]["class_accuracy"] <= 1
    assert json.loads((run / "evaluation.json").read_text()) == told
    shown = suffuse("evaluate", run, "--count", 6).stdout
    assert "class_accuracy" in shown and str(run / "evaluation.json") in shown.replace("\n", "")


def test_a_metric_that_is_not_finite_is_told_by_name_and_is_null_in_json(suffuse, trained, here, monkeypatch, caplog):
    run = shutil.copytree(trained, here / "run")
    figures = {"quality": float("nan"), "spread": float("inf"), "n": 6.0}
    monkeypatch.setattr(toy.Toy, "evaluate", lambda *scored: figures)
    result = suffuse("evaluate", run, "--count", 6, "--json")
    assert result.exit_code == 0, result.output
    told = [line.partition(" (")[0] for line in caplog.messages if "not finite" in line]
    assert told == ["the metric 'quality' is not finite", "the metric 'spread' is not finite"]
    wanted = {"quality": None, "spread": None, "n": 6.0}
    assert json.loads(result.stdout, parse_constant=pytest.fail)["metrics"] == wanted
    assert json.loads((run / "evaluation.json").read_text(), parse_constant=pytest.fail)["metrics"] == wanted
    assert "quality" in suffuse("evaluate", run, "--count", 6).stdout
    assert suffuse("report", run).exit_code == 0
    assert "<td>quality</td><td>not finite</td>" in (run / "report.html").read_text()


def test_evaluate_goes_by_the_grid_and_schedule_asked_for(suffuse, trained, monkeypatch):
    from suffuse.process import Cosine
    from suffuse.sampling import Karras
    from suffuse.tasks import evaluate as task

    got = []
    monkeypatch.setattr(task, "evaluate", lambda model, **options: got.append(options) or task.Evaluation({}, 1, "", 0))
    result = suffuse(
        "evaluate", trained, "--steps", 3, "--grid", "karras:rho=5", "--schedule", "cosine", "--json", "-o", "e.json"
    )
    assert result.exit_code == 0, result.output
    assert (got[0]["grid"], got[0]["schedule"], got[0]["steps"]) == (Karras(3, rho=5), Cosine(), 3)


def test_figures_against_other_data_do_not_replace_those_of_the_run(suffuse, trained, here):
    run = shutil.copytree(trained, here / "run")
    result = suffuse("evaluate", run, "data.count=12", "-n", 3, "--json")
    assert result.exit_code == 0, result.output
    assert not (run / "evaluation.json").exists()
    suffuse("evaluate", run, "data.count=12", "-n", 3, "--out", "other.json")
    assert json.loads(Path("other.json").read_text())["count"] == 3


@pytest.mark.parametrize(("override", "said"), [("train.steps=1", "data.KEY=VALUE"), ("data.cout=1", "'count'")])
def test_evaluate_refuses(override, said, suffuse, trained):
    result = suffuse("evaluate", trained, override)
    assert result.exit_code == 2
    assert said in result.stderr


def test_report_tells_where_the_page_lies(suffuse, trained):
    result = suffuse("report", trained, "--out", "page.html")
    assert result.exit_code == 0, result.output
    assert "page.html" in result.stdout and "<html" in Path("page.html").read_text()
    assert json.loads(suffuse("report", trained, "-o", "page.html", "--json").stdout) == {"report": "page.html"}
    assert suffuse("report", "nowhere").exit_code == 3


@pytest.fixture
def quick(recipe, monkeypatch):
    """The toy domain with two quickstarts, of which the second is the default."""
    folder = recipe.parent / "toy_recipes"
    folder.mkdir(exist_ok=True)
    (folder / "__init__.py").touch()
    shutil.copy(recipe, folder / "waves.yaml")
    monkeypatch.syspath_prepend(str(recipe.parent))

    class Quick:
        @hookimpl
        def register_recipes(self, register):
            for name, rank in (("slow", 5), ("waves", 1), ("never", None)):
                register(RecipeSpec(name=name, domain="toy", factory=f"toy_recipes:{name}.yaml", quickstart=rank))

    with isolated(toy.Plugin(), Quick()):
        yield


def test_quickstart_makes_all_that_it_promises(suffuse, quick):
    result = suffuse("quickstart")
    assert result.exit_code == 0, result.output
    folder = Path("runs/quickstart-waves")
    for made in ("model.safetensors", "grid.png", "report.html"):
        assert str(folder / made) in result.stdout
        assert (folder / made).stat().st_size > 0
    assert json.loads((folder / "evaluation.json").read_text())["count"] == 30
    rows = json.loads((folder / "generated" / "samples.json").read_text())
    assert [row["label"] for row in rows[:4]] == ["f1", "f2", "f3", "f1"], "a column for each class"
    assert len(rows) == 24
    assert f"suffuse generate {folder}" in result.stdout


def test_quickstart_json(suffuse, quick):
    told = json.loads(suffuse("quickstart", "toy", "--out", "here", "--json").stdout)
    for key in ("model", "grid", "samples", "report"):
        assert Path(told[key]).exists() and told[key].startswith("here/")
    assert told["evaluation"]["count"] == 30


def test_quickstart_of_what_has_none(suffuse, quick):
    assert suffuse("quickstart", "toys").exit_code == 6
    with isolated(toy.Plugin()):
        result = suffuse("quickstart")
    assert result.exit_code == 6 and "no quickstart" in result.stderr


@pytest.mark.slow
def test_ctrl_c_saves_and_the_same_run_goes_on(here):
    command = [
        sys.executable, "-m", "suffuse", "train", "digits", "network.width=8", "train.log_every=1",
        "train.batch=4", "train.validation_count=4", "train.checkpoint_every=100000", "--out", "run", "--json",
    ]  # fmt: skip
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    log, until = here / "run" / "log.jsonl", time.monotonic() + 120
    while not (log.exists() and log.stat().st_size) and time.monotonic() < until and process.poll() is None:
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    told = json.loads(out)
    assert told["interrupted"] and told["model"] is None and told["step"] >= 1
    assert "To go on:" in err and (here / "run" / "checkpoint.safetensors").exists()
    again = [*command[:3], "train", "digits", "network.width=8", "train.batch=4", "train.validation_count=4"]
    again += [f"train.steps={told['step'] + 1}", "sample.count=2", "sample.steps=1", "--out", "run", "--json"]
    done = subprocess.run(again, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["step"] == told["step"] + 1
