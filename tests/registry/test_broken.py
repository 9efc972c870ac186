"""Whatever a plugin does wrong is told by name, leaves nothing behind and takes nothing else down."""

from __future__ import annotations

import logging
import sys

import pytest

from suffuse.errors import PluginError
from suffuse.registry import Registry, hookimpl, loader
from suffuse.registry.specs import DomainSpec, GridSpec, SamplerSpec

from .conftest import DOMAIN

SAMPLER = '@hookimpl\ndef register_samplers(register): register(SamplerSpec(name="leap", factory="x:y"))\n'

BROKEN = {
    "raises on import": ("raise RuntimeError('no such luck')", "RuntimeError: no such luck"),
    "leaves on import": ("import sys; sys.exit(3)", "SystemExit: 3"),
    "misses a package": ("import no_such_package", "No module named 'no_such_package'"),
    "is not Python": ("def (", "SyntaxError"),
    "has no hook": ("x = 1", "implements no hook"),
    "forgets the mark": ("def register_domains(register): pass", "register_domains lacks @hookimpl"),
    "brings a domain twice": (
        '@hookimpl\ndef register_domains(register):\n    for _ in range(2):\n'
        '        register(DomainSpec(name="runes", factory="x:y"))',
        "registers the domain 'runes' twice",
    ),
    "raises halfway": (SAMPLER + "@hookimpl\ndef register_starters(register): 1 / 0", "ZeroDivisionError"),
    "asks for an unknown argument": (SAMPLER + "@hookimpl\ndef run_started(runs): pass", "runs"),
    "has a default": (SAMPLER + "@hookimpl\ndef run_started(run=None): pass", "'run' of run_started has a default"),
    "brings another kind": (
        '@hookimpl\ndef register_domains(register): register(SamplerSpec(name="leap", factory="x:y"))',
        "must be a DomainSpec",
    ),
    "brings a dict": ('@hookimpl\ndef register_domains(register): register({"name": "runes"})', "must be a DomainSpec"),
    "has a bad name": (SAMPLER.replace("leap", "Big Leap"), "'Big Leap'"),
    "has an object as factory": (SAMPLER.replace('"x:y"', "print"), "with the factory"),
    "has a factory without attribute": (SAMPLER.replace("x:y", "x.y"), "with the factory"),
    "has a recipe outside": (
        '@hookimpl\ndef register_recipes(register): register(RecipeSpec(name="a", domain="b", factory="x:/etc/a"))',
        "path/to/file",
    ),
    "has text for a tuple": (
        '@hookimpl\ndef register_domains(register): register(DomainSpec(name="runes", factory="x:y", requires="os"))',
        "tuple",
    ),
    "brings what the core has": (SAMPLER.replace("leap", "ddim"), "'ddim', which the plugin 'builtin' of suffuse"),
    "wraps registration": (
        "@hookimpl(wrapper=True)\ndef register_domains(register): return (yield)",
        "PluginValidationError",
    ),
}  # fmt: skip


@pytest.fixture
def good(install):
    """A plugin that works, and whose sampler could be mistaken for the broken one's."""
    install("zebras", DOMAIN.format("zebras"))


def record_of(registry, name, package=""):
    (record,) = [r for r in registry.plugins() if r.name == name and package in r.package]
    return record


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_plugin_is_told_rolled_back_and_alone(case, good, install, installed, caplog):
    code, reason = BROKEN[case]
    install("runes", code, package="rune-stones", version="3.1")
    registry = installed()
    record = next(r for r in registry.plugins(load=True) if r.name == "runes")
    assert record.status == "broken"
    assert reason in record.reason
    assert (record.package, record.version) == ("rune-stones", "3.1")
    assert "rune-stones 3.1 is broken" in caplog.text
    assert registry.specs_of(record) == []
    assert "leap" not in registry.names(SamplerSpec)
    assert registry.find(DomainSpec, "zebras").name == "zebras"
    assert registry.names(DomainSpec) == ["zebras"]
    registry.notify("run_started", run="run")
    assert "failed" not in caplog.text, "a plugin that was rolled back is not called"


def test_asking_for_a_broken_domain_tells_why_and_keeps_the_traceback(install, installed):
    install("runes", "raise RuntimeError('no such luck')", package="rune-stones", version="3.1")
    with pytest.raises(PluginError, match=r"rune-stones 3\.1 is broken: RuntimeError: no such luck") as caught:
        installed().find(DomainSpec, "runes")
    assert isinstance(caught.value.__cause__, RuntimeError)
    assert caught.value.field == "plugin 'runes'"


@pytest.mark.parametrize(("api", "upgrade"), [(2, "upgrade suffuse"), (0, "upgrade rune-stones")])
def test_another_version_of_the_contract_is_incompatible(api, upgrade, good, install, installed):
    code = '@hookimpl\ndef register_domains(register): register(DomainSpec(name="runes", factory="x:y", api={}))'
    install("runes", SAMPLER + code.format(api), package="rune-stones")
    registry = installed()
    registry.plugins(load=True)
    record = record_of(registry, "runes")
    assert record.status == "incompatible" and record.reason.endswith(upgrade)
    assert "leap" not in registry.names(SamplerSpec) and registry.names(DomainSpec) == ["zebras"]


def test_a_class_is_refused_and_its_instance_taken(install, installed):
    register = 'register(GridSpec(name="g", factory="x:y"))'
    code = f"class Plugin:\n    @hookimpl\n    def register_grids(self, register): {register}"
    install("runes", code, attribute=":Plugin")
    install("knots", code + "\nplugin = Plugin()", attribute=":plugin")
    registry = installed()
    assert registry.find(GridSpec, "g").name == "g"
    assert "is a class" in record_of(registry, "runes").reason
    assert record_of(registry, "knots").status == "active"


def test_an_instance_that_cannot_be_hashed_is_refused(install, installed):
    code = "class Plugin:\n    __hash__ = None\n    @hookimpl\n    def run_started(self): pass\nplugin = Plugin()"
    install("runes", code, attribute=":plugin")
    registry = installed()
    registry.plugins(load=True)
    assert "not hashable" in record_of(registry, "runes").reason


def test_of_two_packages_with_one_name_the_first_works(install, installed):
    install("runes", DOMAIN.format("runes"), package="a-runes", version="1")
    second = install("runes", DOMAIN.format("runes"), package="b-runes", version="2")
    registry = installed()
    assert registry.find(DomainSpec, "runes").name == "runes"
    assert record_of(registry, "runes", "a-runes").status == "active"
    assert record_of(registry, "runes", "b-runes").status == "broken"
    assert "a-runes 1 already brings" in record_of(registry, "runes", "b-runes").reason
    assert second not in sys.modules


def test_disabling_one_of_two_packages_lets_the_other_work(install, installed):
    install("runes", "raise RuntimeError", package="a-runes")
    install("runes", DOMAIN.format("runes"), package="b-runes")
    registry = installed(SUFFUSE_DISABLE_PLUGINS="a-runes")
    assert registry.find(DomainSpec, "runes").name == "runes"
    assert record_of(registry, "runes", "a-runes").status == "disabled"
    assert record_of(registry, "runes", "b-runes").status == "active"


@pytest.mark.parametrize("thief", ["aaa", "zzz"])
def test_nobody_takes_the_domain_of_another_plugin(thief, install, installed):
    """Whichever is loaded first."""
    install("runes", DOMAIN.format("runes"), package="rune-stones")
    install(thief, DOMAIN.format("runes"), package="thieves")
    registry = installed()
    registry.plugins(load=True)
    assert record_of(registry, "runes").status == "active"
    assert record_of(registry, thief).status == "broken" and "rune-stones" in record_of(registry, thief).reason


def test_two_packages_that_bring_one_sampler(install, installed):
    install("aaa", SAMPLER)
    install("bbb", SAMPLER, package="b-leaps", version="7")
    registry = installed()
    assert registry.find(SamplerSpec, "leap")
    assert record_of(registry, "aaa").status == "active"
    assert "'leap', which the plugin 'aaa' of suffuse-aaa 1.2 already brings" in record_of(registry, "bbb").reason


def test_one_module_under_two_names_stays_active_under_the_first(install, installed, site):
    module = install("aaa", SAMPLER + "@hookimpl\ndef run_started(run): run.append(1)")
    points = site / "suffuse_aaa-1.2.dist-info" / "entry_points.txt"
    points.write_text(points.read_text() + f"bbb = {module}\n")
    registry = installed()
    told: list[int] = []
    registry.notify("run_started", run=told)
    assert told == [1]
    assert record_of(registry, "aaa").status == "active"
    assert "'aaa' under another name" in record_of(registry, "bbb").reason


def test_a_misspelt_hook_warns_and_the_rest_works(install, installed, caplog):
    install("runes", DOMAIN.format("runes") + "@hookimpl\ndef run_start(run): pass")
    registry = installed()
    assert registry.find(DomainSpec, "runes").name == "runes"
    record = record_of(registry, "runes")
    assert record.status == "active"
    assert record.reason == "there is no hook named 'run_start': did you mean 'run_started'?"
    assert "did you mean 'run_started'" in caplog.text


def test_a_hook_without_its_mark_warns(install, installed):
    install("runes", DOMAIN.format("runes") + "def run_started(run): pass")
    registry = installed()
    registry.plugins(load=True)
    assert record_of(registry, "runes").reason == "run_started lacks @hookimpl and is not called"


def test_a_disabled_plugin_is_not_imported(good, install, installed):
    module = install("runes", DOMAIN.format("runes"))
    registry = installed(SUFFUSE_DISABLE_PLUGINS=" runes , other")
    registry.plugins(load=True)
    assert record_of(registry, "runes").status == "disabled"
    assert registry.names(DomainSpec) == ["zebras"]
    assert module not in sys.modules
    with pytest.raises(PluginError, match="SUFFUSE_DISABLE_PLUGINS"):
        registry.find(DomainSpec, "runes")


@pytest.mark.parametrize("code", ["raise RuntimeError('no')", DOMAIN.format("runes") + "@hookimpl\ndef run_start(): 1"])
def test_strict_raises(code, install, installed):
    install("runes", code)
    assert installed().plugins(load=True)
    with pytest.raises(PluginError, match="runes"):
        installed(SUFFUSE_STRICT_PLUGINS="1").plugins(load=True)


def test_strict_raises_for_a_duplicate_name_too(install, installed):
    install("runes", DOMAIN.format("runes"), package="a-runes")
    install("runes", DOMAIN.format("runes"), package="b-runes")
    with pytest.raises(PluginError, match="already brings"):
        installed(SUFFUSE_STRICT_PLUGINS="yes").plugins(load=True)


def test_tracing_writes_hook_calls_to_stderr(install, installed, capsys):
    install("runes", DOMAIN.format("runes"))
    installed().plugins(load=True)
    assert capsys.readouterr().err == ""
    installed(SUFFUSE_TRACE_PLUGINS="1").plugins(load=True)
    assert "register_domains" in capsys.readouterr().err


def test_register_refuses_and_forgets():
    class Half:
        @hookimpl
        def register_samplers(self, register):
            register(SamplerSpec(name="leap", factory="x:y"))
            raise ValueError("enough")

    registry = Registry()
    with pytest.raises(PluginError, match="enough"):
        registry.register(Half())
    assert "leap" not in registry.names(SamplerSpec)
    assert [record.name for record in registry.plugins()] == ["builtin"]


def test_register_refuses_a_taken_name_and_keeps_the_first():
    class Observer:
        @hookimpl
        def run_started(self, run):
            run.append(self)

    registry, first, second, told = Registry(), Observer(), Observer(), []
    assert registry.register(first).status == "active"
    for again in (first, second):
        with pytest.raises(PluginError, match="already brings"):
            registry.register(again)
    registry.notify("run_started", run=told)
    assert told == [first]
    assert registry.register(second, "second").name == "second"


def test_a_plugin_may_ask_the_registry_while_it_is_loaded(caplog):
    registry = Registry()

    class Curious:
        @hookimpl
        def register_samplers(self, register):
            names = registry.names(SamplerSpec)
            register(SamplerSpec(name=f"after-{len(names)}", factory="x:y"))

    before = registry.names(SamplerSpec)
    registry.register(Curious())
    assert registry.names(SamplerSpec) == sorted([*before, f"after-{len(before)}"])
    assert caplog.text == "", "it was not loaded a second time within"


def test_register_serves_only_within_its_hook():
    kept = []

    class Late:
        @hookimpl
        def register_samplers(self, register):
            kept.append(register)

    registry = Registry()
    registry.register(Late())
    with pytest.raises(PluginError, match="only within the hook"):
        kept[0](SamplerSpec(name="leap", factory="x:y"))


def test_an_interrupted_load_leaves_nothing_and_may_be_tried_again():
    interruptions = [KeyboardInterrupt()]

    class Slow:
        @hookimpl
        def register_grids(self, register):
            register(GridSpec(name="slow", factory="x:y"))
            if interruptions:
                raise interruptions.pop()

    registry, plugin = Registry(), Slow()
    with pytest.raises(KeyboardInterrupt):
        registry.register(plugin, "slow")
    assert registry.plugins(load=True)[-1].status == "active"
    assert registry.find(GridSpec, "slow").name == "slow"


def test_observers_are_all_told_and_a_failing_one_is_logged(caplog):
    class Observer:
        def __init__(self, fails):
            self.fails, self.told = fails, []

        @hookimpl
        def step_finished(self, step, metrics):
            self.told.append((step, metrics))
            if self.fails:
                raise RuntimeError("disk full")

    registry, observers = Registry(), [Observer(False), Observer(True), Observer(False)]
    for index, observer in enumerate(observers):
        registry.register(observer, f"observer-{index}")
    with caplog.at_level(logging.ERROR):
        registry.notify("step_finished", run=None, step=3, metrics={"loss": 0.5})
    assert [observer.told for observer in observers] == 3 * [[(3, {"loss": 0.5})]]
    assert "'observer-1' failed in step_finished" in caplog.text and "disk full" in caplog.text
    assert caplog.text.count("failed in") == 1


def test_an_unknown_observer_hook_is_an_error():
    with pytest.raises(PluginError, match="did you mean 'run_started'"):
        Registry().notify("run_start", run=None)


def test_a_plugin_that_is_slow_to_import_is_told(install, installed, monkeypatch):
    monkeypatch.setattr(loader, "SLOW", 0.05)
    install("runes", "import time; time.sleep(0.1)\n" + DOMAIN.format("runes"))
    registry = installed()
    registry.plugins(load=True)
    record = record_of(registry, "runes")
    assert record.status == "active" and record.reason.startswith("importing it took 0.")
    assert record.seconds >= 0.1


def test_while_an_import_hangs_the_log_tells_whose(install, installed, monkeypatch, caplog):
    monkeypatch.setattr(loader, "HANGS", 0.05)
    install("runes", "import time; time.sleep(0.3)\n" + DOMAIN.format("runes"), package="rune-stones", version="3.1")
    installed().plugins(load=True)
    assert "'runes' of rune-stones 3.1 has been importing for" in caplog.text
    assert "SUFFUSE_DISABLE_PLUGINS=runes" in caplog.text


def test_a_plugin_whose_light_module_imports_a_heavy_one_is_told(install, installed, monkeypatch, site):
    (site / "tensorflow.py").write_text("")
    install("runes", "import tensorflow\n" + DOMAIN.format("runes"))
    registry = installed()
    registry.plugins(load=True)
    record = record_of(registry, "runes")
    assert (record.status, record.reason) == ("active", "its module imports tensorflow, which slows every command")


@pytest.mark.parametrize(
    ("bound", "status"), [("suffuse<0.0.1", "incompatible"), ("suffuse[all]>=900", "incompatible"),
                          ("suffuse>=0.0.1", "active"), ("suffuse", "active"), ("suffuse-other<0.0.1", "active")],
)  # fmt: skip
def test_a_package_for_another_suffuse_is_not_imported(bound, status, install, installed):
    module = install("runes", DOMAIN.format("runes"), package="rune-stones", requires=bound)
    registry = installed()
    registry.plugins(load=True)
    assert record_of(registry, "runes").status == status
    assert (module in sys.modules) == (status == "active")
    if status == "incompatible":
        with pytest.raises(PluginError, match="needs suffuse"):
            registry.find(DomainSpec, "runes")
