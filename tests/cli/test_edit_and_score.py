"""``suffuse vary``, ``blend``, ``score`` and ``search``, on a domain that trains within a second."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from tests import toy

pytestmark = pytest.mark.usefixtures("domain", "here")


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch) -> None:
    monkeypatch.setenv("SUFFUSE_CACHE", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture
def folder(here) -> Path:
    """Six files of one wave each."""
    place = here / "waves"
    place.mkdir()
    for i in range(6):
        (place / f"{i}.json").write_text(json.dumps([toy.Waves(0, 6, True)[i].item]))
    return Path("waves")


def wave(path: Path | str) -> list[float]:
    return json.loads(Path(path).read_text())[0]


# vary -----------------------------------------------------------------------------------------------------------------


def test_vary_writes_a_folder_anew_each_time(suffuse, trained, folder):
    for place in ("varied/waves", "varied/waves-2"):
        result = suffuse("vary", trained, folder / "0.json", folder / "3.json", "-n", 2, "--seed", 5, "--strength", 0.1)
        assert result.exit_code == 0, result.output
        rows = json.loads((Path(place) / "samples.json").read_text())
        assert [(Path(row["source"]).name, row["seed"]) for row in rows] == [
            ("0.json", 5), ("0.json", 6), ("3.json", 7), ("3.json", 8),
        ]  # fmt: skip
        assert f"{place}/sheet.png" in result.stdout
        assert wave(Path(place) / rows[2]["file"]) == pytest.approx(wave("waves/3.json"), abs=0.5)


def test_vary_hands_every_option_on(suffuse, trained, folder, monkeypatch):
    from suffuse.process.schedule import Cosine
    from suffuse.sampling import DDIM, Karras
    from suffuse.tasks import vary as task

    got = {}
    real = task.vary
    monkeypatch.setattr(task, "vary", lambda model, items, **o: got.update(o) or real(model, items, **o))
    result = suffuse(
        "vary", trained, folder / "0.json", "--strength", 0.3, "-n", 3, "--seed", 7, "--label", "f1", "--steps", 4,
        "--guidance", 2, "--sampler", "ddim:eta=1", "--grid", "karras", "--schedule", "cosine", "--interval", "0.1,9",
        "--precision", "bf16",
        "--negative", "label=f3", "--compose", "1:label=f2", "--batch", 2, "--out", "w.json", "--json",
        "--filter", "unique", "--tries", 9,
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert got.pop("on_step") and got.pop("memory")
    assert got == {
        "strength": 0.3, "similarity": None, "count": 3, "seed": 7, "names": ["waves/0.json"],
        "conditions": {"label": ["f1"]}, "steps": 4,
        "guidance": 2.0, "sampler": DDIM(eta=1.0), "grid": Karras(4), "schedule": Cosine(), "interval": (0.1, 9.0),
        "precision": "bf16",
        "negative": {"label": ["f3"]}, "compose": [(1.0, {"label": ["f2"]})], "batch": 2,
        "filters": [{"name": "unique"}], "tries": 9,
    }  # fmt: skip
    told = json.loads(result.stdout)
    assert told["files"] == ["w.json", "w.json.manifest.json"] and told["seeds"] == [7, 8, 9]
    assert len(json.loads(Path("w.json").read_text())) == 3


def test_strength_0_gives_the_items_back(suffuse, trained, folder):
    assert suffuse("vary", trained, folder, "-n", 1, "--strength", 0, "--out", "same").exit_code == 0
    for row in json.loads(Path("same/samples.json").read_text()):
        assert wave(Path("same") / row["file"]) == pytest.approx(wave(row["source"]), abs=1e-5)


def test_variations_of_a_chosen_similarity(suffuse, trained, folder):
    result = suffuse("vary", trained, folder / "0.json", "--similarity", 0.9, "-n", 2, "--out", "alike.json", "--json")
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert len(set(told["strength"])) == 1 and len(told["cosine"]) == 2
    assert json.loads(Path("alike.json.manifest.json").read_text())["cosine"] == told["cosine"]
    shown = suffuse("vary", trained, folder / "0.json", "--similarity", 0.9, "-n", 2, "--out", "again")
    assert "cosine 0." in shown.stdout and "on average" in shown.stdout


# blend ----------------------------------------------------------------------------------------------------------------


def test_blend_writes_a_strip_and_the_items(suffuse, trained, folder):
    result = suffuse("blend", trained, folder / "0.json", folder / "1.json", "--count", 3, "--json")
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert told["weights"] == [0.0, 0.5, 1.0]
    assert told["files"] == [
        f"blended/waves/{name}" for name in ("strip.png", "samples.json", "0.json", "1.json", "2.json")
    ]
    assert max(told["round_trip_error"]) < 0.1
    assert wave("blended/waves/0.json") == pytest.approx(wave("waves/0.json"), abs=0.2)
    assert wave("blended/waves/2.json") == pytest.approx(wave("waves/1.json"), abs=0.2)
    shown = suffuse("blend", trained, folder / "0.json", folder / "1.json", "-n", 2, "--steps", 4, "--out", "two.json")
    assert "made 2" in shown.stdout and len(json.loads(Path("two.json").read_text())) == 2


# score ----------------------------------------------------------------------------------------------------------------


def test_score_writes_a_table_and_pictures(suffuse, trained, folder):
    result = suffuse("score", trained, folder, "--reference", "data", "--levels", 2, "--top", 2, "--out", "odd")
    assert result.exit_code == 0, result.output
    assert {p.name for p in Path("odd").iterdir()} == {"scores.csv", "oddest.png", "usual.png"}
    with Path("odd/scores.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 6
    values = [float(row["score"]) for row in rows]
    assert values == sorted(values, reverse=True)
    assert all(0.0 < float(row["p"]) <= 1.0 for row in rows)
    assert rows[0]["item"] in result.stdout and "scored 6" in result.stdout and "odd/oddest.png" in result.stdout
    assert rows[5]["item"] not in result.stdout


@pytest.mark.parametrize("statistic", ["profile", "elbo", "likelihood", "typicality"])
def test_score_by_every_statistic(suffuse, trained, folder, statistic):
    result = suffuse(
        "score", trained, folder, "--statistic", statistic, "--reference", folder, "--levels", 2, "--draws", 2,
        "--seed", 3, "--label", "f1", "--batch", 4, "--csv", "table.csv", "--out", "odd", "--json",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert told["statistic"] == statistic and told["files"][0] == "table.csv" and Path("table.csv").exists()
    assert [row["score"] for row in told["scores"]] == sorted((r["score"] for r in told["scores"]), reverse=True)
    assert len(told["scores"]) == 6 and not Path("odd/scores.csv").exists()


def test_score_tells_what_it_needs(suffuse, trained, folder):
    for arguments, code, said in (
        (["--statistic", "likelyhood"], 2, "did you mean 'likelihood'?"),
        (["--statistic", "typicality"], 2, "--reference data"),
        (["--label", "f9"], 8, "no class named 'f9'"),
        (["--reference", "nowhere"], 3, "no such file"),
        (["--levels", "0"], 2, "--levels"),
    ):
        result = suffuse("score", trained, folder, *arguments)
        assert result.exit_code == code, result.output
        assert said in result.stderr
    assert not Path("scores").exists()
    assert suffuse("score", trained, "nowhere").exit_code == 3


# search ---------------------------------------------------------------------------------------------------------------


def test_search_tells_neighbours_and_draws_them(suffuse, trained, folder):
    result = suffuse("search", trained, folder / "2.json", "--in", folder, "-k", 3, "--out", "found", "--json")
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    (found,) = told["results"]
    assert told["searched"] == 6 and Path(found["query"]).name == "2.json"
    names = [Path(n["item"]).name for n in found["neighbours"]]
    assert len(names) == 3 and "2.json" not in names, "a query is no neighbour of its own"
    assert Path("found/sheet.png").exists() and told["sheet"] == "found/sheet.png"
    shown = suffuse(
        "search", trained, folder, "--in", folder, "--in", folder / "0.json", "--layer", "middle", "--level", 1
    )
    assert shown.exit_code == 0, shown.output
    assert shown.stdout.count("most like") == 6 and "searched 6" in shown.stdout
    assert "found/waves/sheet.png" in shown.stdout


def test_search_keeps_its_index(suffuse, trained, folder):
    for _ in range(2):
        result = suffuse("search", trained, folder / "0.json", "--in", folder, "--index", "i.safetensors")
        assert result.exit_code == 0, result.output
    Path("i.safetensors").write_bytes(b"broken")
    assert suffuse("search", trained, folder / "0.json", "--in", folder, "--index", "i.safetensors").exit_code == 4


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["search", "0.json", "--in", "nowhere"], 3, "no such file"),
        (["search", "0.json", "--in", "waves", "--layer", "midle"], 2, "did you mean 'middle'"),
        (["blend", "0.json", "nowhere.json"], 3, "no such file"),
        (["blend", "0.json", "waves"], 8, "holds several items"),
        (["blend", "0.json", "waves/1.json", "--out", "x.wav"], 8, "cannot be written"),
        (["vary", "0.json", "--strength", "2"], 2, "--strength"),
        (["vary", "0.json", "--out", "x.wav"], 8, "cannot be written"),
        (["vary", "0.json", "--strength", "0.5", "--similarity", "0.5"], 8, "is told besides the strength"),
        (["vary", "0.json", "--out-option", "loud=true"], 2, "writing.loud: there is no such key"),
        (["vary", "0.json", "--out-option", "loud"], 2, "is not a pair"),
        (["vary", "0.json", "--out-option", "loud=[1"], 2, "is not YAML"),
    ],
)
def test_wrong_requests_leave_nothing_behind(suffuse, trained, folder, here, arguments, code, said):
    (here / "0.json").write_text((here / "waves" / "0.json").read_text())
    verb, *rest = arguments
    result = suffuse(verb, trained, *rest)
    assert result.exit_code == code, result.output
    assert said in result.stderr
    assert {p.name for p in here.iterdir()} == {"0.json", "waves"}


# encode, decode -------------------------------------------------------------------------------------------------------


def test_encode_and_decode_lead_there_and_back(suffuse, trained, folder):
    coded = suffuse(
        "encode", trained, folder, "--label", "f1", "--label", "f2", "--label", "f3", "--out", "n.safetensors"
    )
    assert coded.exit_code == 0 and "a round trip loses" in coded.stdout, coded.output
    back = suffuse("decode", trained, "n.safetensors", "--out", "back")
    assert back.exit_code == 0, back.output
    rows = json.loads(Path("back/samples.json").read_text())
    assert [row["label"] for row in rows] == ["f1", "f2", "f3"] * 2
    for i, row in enumerate(rows):
        assert wave(Path("back") / row["file"]) == pytest.approx(wave(folder / f"{i}.json"), abs=0.05)
    suffuse("decode", trained, "n.safetensors", "--label", "f2", "--out", "others")
    others = json.loads(Path("others/samples.json").read_text())
    assert {row["label"] for row in others} == {"f2"}
    again = wave(Path("back") / rows[0]["file"])
    assert wave(Path("others") / others[0]["file"]) != pytest.approx(again, abs=1e-6)


def test_encode_tells_every_item_s_error_as_json(suffuse, trained, folder):
    told = json.loads(suffuse("encode", trained, folder / "1.json", "--json").stdout)
    assert Path(told["file"]).is_file() and 0.0 < told["round_trip_error"]["waves/1.json"] < 0.05
    unchecked = json.loads(suffuse("encode", trained, folder / "1.json", "--no-check", "--json").stdout)
    assert unchecked["round_trip_error"] is None and unchecked["file"] != told["file"]


def test_encode_refuses_a_file_of_another_kind(suffuse, trained, folder):
    result = suffuse("encode", trained, folder, "--out", "noise.npz")
    assert result.exit_code == 8 and "a file ending in .safetensors" in result.stderr


def test_decode_refuses_noise_of_another_model(suffuse, trained, folder, here):
    from suffuse import load

    suffuse("encode", trained, folder, "--no-check", "--out", "n.safetensors")
    other = load(trained)
    next(other.denoiser.network.parameters()).mul_(1.5)
    other.save("other.safetensors")
    result = suffuse("decode", "other.safetensors", "n.safetensors")
    assert result.exit_code != 0 and "was encoded by another model" in result.stderr
    nonsense = suffuse("decode", trained, folder / "0.json")
    assert nonsense.exit_code != 0 and "Traceback" not in nonsense.output


# bridge ---------------------------------------------------------------------------------------------------------------


def test_bridge_makes_several_of_each_item(suffuse, bridging, folder, here):
    result = suffuse(
        "bridge", bridging, folder / "0.json", folder / "1.json", "--degrade", "-n", 2, "--steps", 3, "--json"
    )
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert told["seeds"] == [0, 1, 2, 3] and len(told["files"]) == 7
    assert [Path(name).name for name in told["sources"]] == ["0.json", "0.json", "1.json", "1.json"]


def test_bridge_refuses_a_model_from_noise(suffuse, trained, folder):
    result = suffuse("bridge", trained, folder)
    assert result.exit_code != 0 and "was trained from noise to data" in result.stderr


# what is read is never written over -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [("vary", "waves/0.json", "--out", "waves/0.json"), ("vary", "waves/0.json", "--out", "waves"),
     ("vary", "waves", "--out", "link.json"), ("inpaint", "waves", "--fill", "0:4", "--out", "waves/5.json"),
     ("restore", "waves/1.json", "--noise", "0.5", "--out", "waves/../waves/1.json"),
     ("blend", "waves/0.json", "waves/1.json", "--out", "waves/1.json"),
     ("blend", "waves/0.json", "waves/1.json", "--out", "waves"),
     ("explain", "waves/usual.json", "--out", "waves")],
)  # fmt: skip
def test_what_is_read_is_not_written_over(suffuse, trained, folder, words):
    (folder / "usual.json").write_text((folder / "0.json").read_text())
    Path("link.json").hardlink_to(folder / "2.json")
    before = {path.name: path.read_text() for path in folder.iterdir()}
    verb, *rest = words
    result = suffuse(verb, trained, *rest)
    assert result.exit_code == 5, result.output
    assert "a file that is read" in result.output
    assert {path.name: path.read_text() for path in folder.iterdir()} == before


def test_what_cannot_be_encoded_is_left_out_by_its_name(suffuse, trained, folder, caplog):
    (folder / "3.json").write_text("[[1.0]]")
    for words in (
        ("vary", "waves", "-n", 1, "--steps", 2, "--out", "varied"),
        ("search", "waves/0.json", "--in", "waves", "-k", 3, "--out", "found"),
        ("explain", "waves", "--top", 2, "--statistic", "residual", "--steps", 2, "--tries", 1, "--out", "why"),
    ):
        caplog.clear()
        result = suffuse(words[0], trained, *words[1:])
        assert result.exit_code == 0, result.output
        (told,) = [text for text in caplog.messages if "left out" in text]
        assert "3.json" in told and "is not a wave" in told and "items[" not in told
    (folder / "4.json").write_text("[[1.0]]")
    for verb in ("vary", "explain"):
        result = suffuse(verb, trained, folder / "3.json", folder / "4.json")
        assert result.exit_code == 3 and "none of 2" in result.output and "3.json" in result.output


def test_a_blend_lists_what_it_made(suffuse, trained, folder):
    result = suffuse("blend", trained, folder / "0.json", folder / "5.json", "-n", 3, "--steps", 2, "--out", "between")
    assert result.exit_code == 0, result.output
    rows = json.loads(Path("between/samples.json").read_text())
    assert [(row["file"], row["weight"]) for row in rows] == [("0.json", 0.0), ("1.json", 0.5), ("2.json", 1.0)]
    assert all((row["from"], row["to"]) == ("waves/0.json", "waves/5.json") for row in rows)
    result = suffuse("vary", trained, "between", "-n", 1, "--steps", 2, "--out", "varied")
    assert result.exit_code == 0 and len(json.loads(Path("varied/samples.json").read_text())) == 3
