"""``suffuse plugins`` and ``suffuse doctor``, with plugins in every state."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from suffuse.cli import health
from suffuse.cli.health import Finding
from suffuse.registry import hookimpl, isolated
from suffuse.registry.specs import DomainSpec
from tests import toy

PLUGINS = {
    "broken": "raise RuntimeError('[no] such luck')",
    "older": 'register(DomainSpec(name="older", factory="x:y", api=0))',
    "switched-off": "raise SystemExit",
    "fine": 'register(DomainSpec(name="fine", factory="x:y", requires=("no_such_module",), install="fine[all]"))',
}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which plugins in every state are installed."""
    folder = tmp_path_factory.mktemp("site")
    head = "from suffuse.registry import hookimpl\nfrom suffuse.registry.specs import DomainSpec\n"
    for name, code in PLUGINS.items():
        module = f"{name.replace('-', '_')}_plugin"
        body = f"@hookimpl\ndef register_domains(register): {code}\n" if code.startswith("register") else code
        (folder / f"{module}.py").write_text(head + body)
        info = folder / f"{module}-3.1.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: suffuse-{name}\nVersion: 3.1\n")
        (info / "entry_points.txt").write_text(f"[suffuse.plugins]\n{name} = {module}\n")
    return folder


def run(site: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PYTHONPATH": str(site), "SUFFUSE_DISABLE_PLUGINS": "switched-off", **environment}
    command = [sys.executable, "-m", "suffuse", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=env, check=False)


def test_list_imports_nothing(site):
    done = run(site, "plugins", "list", "--json")
    assert done.returncode == 0 and done.stderr == ""
    status = {record["name"]: record["status"] for record in json.loads(done.stdout)}
    assert status == {
        "builtin": "active", "audio": "available", "images": "available", "molecules": "available",
        "tabular": "available", "tensorboard": "available", "broken": "available", "older": "available",
        "switched-off": "disabled", "fine": "available",
    }  # fmt: skip
    assert "--load" in run(site, "plugins", "list").stdout


def test_list_load_tells_the_state_of_each(site):
    done = run(site, "plugins", "list", "--load", "--json")
    assert done.returncode == 0 and done.stderr == ""
    status = {record["name"]: record["status"] for record in json.loads(done.stdout)}
    assert status == {
        "builtin": "active", "audio": "active", "images": "active", "molecules": "active", "tabular": "active",
        "tensorboard": "active",
        "broken": "broken", "older": "incompatible", "switched-off": "disabled", "fine": "active",
    }  # fmt: skip


def test_the_table_tells_package_version_and_reason(site):
    shown = run(site, "plugins", "list", "--load").stdout
    (line,) = [line for line in shown.splitlines() if "suffuse-broken" in line]
    assert "3.1" in line and "RuntimeError: [no] such luck" in line


def test_info_tells_what_a_plugin_brings(site):
    (told,) = json.loads(run(site, "plugins", "info", "fine", "--json").stdout)
    assert [(spec["kind"], spec["name"]) for spec in told["specs"]] == [("domain", "fine")]
    hint = 'lacks no_such_module: pip install "fine[all]"'
    assert told["specs"][0]["lacks"] == hint
    assert hint in run(site, "plugins", "info", "fine", COLUMNS="200").stdout
    shown = run(site, "plugins", "info", "images").stdout
    assert "fashion-mnist" in shown and "recipe" in shown
    wrong = run(site, "plugins", "info", "imagos")
    assert wrong.returncode == 6 and "did you mean 'images'?" in wrong.stderr


def test_strict_makes_a_broken_plugin_an_error(site):
    done = run(site, "plugins", "list", "--load", SUFFUSE_STRICT_PLUGINS="1")
    assert done.returncode == 6 and "suffuse-broken 3.1 is broken" in done.stderr


def test_doctor_tells_what_is_broken_and_exits_with_1(site):
    done = run(site, "doctor", "--json")
    assert done.returncode == 1
    told = json.loads(done.stdout)
    findings = {finding["name"]: finding for finding in told["findings"]}
    assert told["healthy"] is False
    assert findings["plugin broken"]["state"] == "broken" and "such luck" in findings["plugin broken"]["detail"]
    assert findings["plugin older"]["state"] == "broken"
    assert findings["plugin switched-off"]["state"] == "note"
    assert findings["domain fine"] == {
        "name": "domain fine", "state": "note", "detail": "lacks no_such_module", "fix": 'pip install "fine[all]"',
    }  # fmt: skip
    assert findings["python"]["detail"] == ".".join(map(str, sys.version_info[:3]))
    assert {"torch", "cores", "accelerator", "data folder", "cache folder"} <= {*findings}


def states(findings):
    return {finding.name: finding.state for finding in findings}


def test_doctor_in_good_health(suffuse, tmp_path, monkeypatch):
    monkeypatch.setenv("SUFFUSE_DATA", str(tmp_path))
    monkeypatch.setattr(health, "examine_entry_points", lambda _: iter(()))
    with isolated(toy.Plugin()):
        result = suffuse("doctor")
    assert result.exit_code == 0, result.output
    assert "all is well" in result.stdout


def test_a_domain_that_cannot_be_imported_is_broken():
    class Plugin:
        @hookimpl
        def register_domains(self, register):
            register(DomainSpec(name="hollow", factory="no_such_module:Hollow"))

    with isolated(Plugin()):
        assert states(health.examine_plugins())["domain hollow"] == "broken"


def test_torch_that_cannot_be_imported(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    assert [(f.name, f.state) for f in health.examine_machine()] == [("torch", "broken")]


def test_requirements_that_are_missing_or_old(monkeypatch):
    wanted = ["numpy", "torch>=900", "no-such-package>=1", "other-package; extra == 'x'", "gone; python_version < '3'"]
    monkeypatch.setattr(metadata, "requires", lambda _: wanted)
    found = list(health.examine_dependencies("suffuse"))
    assert states(found) == {"torch": "broken", "no-such-package": "broken"}
    assert found[0].fix == 'pip install "torch>=900"'


def test_folders_that_cannot_be_written(tmp_path, monkeypatch):
    file = tmp_path / "file"
    file.touch()
    monkeypatch.setenv("SUFFUSE_DATA", str(tmp_path / "new" / "er"))
    monkeypatch.setenv("SUFFUSE_CACHE", str(tmp_path / "cache"))
    assert states(health.examine_folders()) == {"data folder": "ok", "cache folder": "ok"}
    assert not (tmp_path / "new").exists()
    monkeypatch.setenv("SUFFUSE_DATA", str(file / "sub"))
    monkeypatch.setenv("SUFFUSE_CACHE", str(file / "sub"))
    assert states(health.examine_folders()) == {"data folder": "note", "cache folder": "broken"}


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        ('a = "a.plugin"', []),
        ('a = "a.plugin"\nb = "b.plugin"', ["declares other plugins than are installed: b"]),
        ("", ["declares other plugins than are installed: a"]),
        ('a = "a.other"', ["declares other plugins than are installed: a"]),
        ("a = ", None),
    ],
)
def test_entry_points_that_were_added_after_the_installation(declared, expected, tmp_path):
    project, info = tmp_path / "my project", tmp_path / "site" / "a-1.dist-info"
    project.mkdir()
    info.mkdir(parents=True)
    (project / "pyproject.toml").write_text(f'[project.entry-points."suffuse.plugins"]\n{declared}\n')
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: a\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[suffuse.plugins]\na = a.plugin\n")
    (info / "direct_url.json").write_text(json.dumps({"url": project.as_uri(), "dir_info": {"editable": True}}))
    found: list[Finding] = list(health.examine_entry_points(metadata.distributions(path=[str(info.parent)])))
    if expected is None:
        assert [f.state for f in found] == ["broken"]
    else:
        assert [f.detail for f in found] == expected
