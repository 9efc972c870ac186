"""Finding by name, and importing no more than that takes."""

from __future__ import annotations

import sys
import textwrap

import pytest

from suffuse.errors import PluginError, RecipeError
from suffuse.registry import Registry, face, find, isolated, make, names, resolve, resource
from suffuse.registry.hooks import REGISTRATION
from suffuse.registry.resolve import missing_requirements
from suffuse.registry.specs import (
    SPECS,
    DatasetSpec,
    DomainSpec,
    GridSpec,
    RecipeSpec,
    SamplerSpec,
    ScheduleSpec,
    StarterSpec,
)

from .conftest import DOMAIN


def test_every_kind_of_spec_has_one_hook():
    assert sorted(REGISTRATION.values(), key=repr) == sorted(SPECS, key=repr)


def test_names_of_domains_are_told_without_importing(install, installed):
    modules = [install("runes", DOMAIN.format("runes")), install("knots", "raise RuntimeError")]
    assert installed().names(DomainSpec) == ["knots", "runes"]
    assert not {*modules} & {*sys.modules}


def test_once_imported_a_plugin_counts_for_what_it_brought(install, installed):
    install("solvers", "@hookimpl\ndef register_grids(register): pass")
    install("knots", DOMAIN.format("ropes"))
    registry = installed()
    registry.plugins(load=True)
    assert registry.names(DomainSpec) == ["ropes"]


def test_asking_for_a_domain_imports_its_plugin_only(install, installed):
    runes, knots = install("runes", DOMAIN.format("runes")), install("knots", DOMAIN.format("knots"))
    assert installed().find(DomainSpec, "runes").summary == "runes"
    assert runes in sys.modules
    assert knots not in sys.modules


def test_asking_for_a_part_of_a_domain_imports_its_plugin_only(install, installed):
    dataset = 'register(DatasetSpec(name="folder", domain="{0}", factory="x:y"))'
    code = DOMAIN + "@hookimpl\ndef register_datasets(register): " + dataset
    for name in ("runes", "knots"):
        install(name, code.format(name))
    registry = installed()
    assert registry.find(DatasetSpec, "runes/folder").domain == "runes"
    assert not any(module.startswith("knots_plugin") for module in sys.modules)
    with pytest.raises(PluginError, match="several domains") as caught:
        registry.find(DatasetSpec, "folder")
    assert "knots/folder, runes/folder" in str(caught.value)
    assert registry.names(DatasetSpec) == ["knots/folder", "runes/folder"]


def test_a_domain_whose_entry_point_has_another_name_is_found_all_the_same(install, installed):
    install("carvings", DOMAIN.format("runes"))
    registry = installed()
    assert registry.find(DomainSpec, "runes").name == "runes"
    (record,) = [r for r in registry.plugins() if r.name == "carvings"]
    assert record.status == "active" and "slow to find" in record.reason


def test_the_core_s_own_are_found_without_importing_a_plugin(install, installed):
    module = install("runes", DOMAIN.format("runes"))
    registry = installed()
    assert registry.find(SamplerSpec, "heun").factory == "suffuse.sampling:Heun"
    assert registry.find(ScheduleSpec, "cosine").factory == "suffuse.process.schedule:Cosine"
    assert module not in sys.modules


def test_an_unknown_sampler_imports_the_plugins(install, installed):
    register = 'register(SamplerSpec(name="leap", factory="x:Leap"))'
    install("runes", f"@hookimpl\ndef register_samplers(register): {register}")
    registry = installed()
    assert registry.find(SamplerSpec, "leap").factory == "x:Leap"
    assert "leap" in registry.names(SamplerSpec)
    assert {"ddim", "leap"} <= {spec.name for spec in registry.all_specs(SamplerSpec)}


def test_an_unknown_name_is_told_the_nearest(install, installed):
    install("runes", DOMAIN.format("runes"))
    with pytest.raises(PluginError, match="did you mean 'runes'"):
        installed().find(DomainSpec, "rune")
    with pytest.raises(PluginError, match="did you mean 'heun'"):
        installed().find(SamplerSpec, "huen")
    with pytest.raises(PluginError, match="did you mean 'sampler'"):
        find("samplers", "heun")


def test_an_unknown_name_with_none_near_may_be_of_a_package_that_is_not_installed(install, installed):
    install("runes", DOMAIN.format("runes"))
    for kind in (RecipeSpec, DomainSpec):
        with pytest.raises(PluginError, match=f"no {kind.kind} named 'doodles'") as caught:
            installed().find(kind, "doodles")
        assert "may not be installed: `suffuse plugins list`" in caught.value.fix


def test_an_unknown_name_that_a_broken_plugin_may_have_brought(install, installed):
    install("runes", "raise RuntimeError('no')")
    with pytest.raises(PluginError, match="runes could not be loaded"):
        installed().find(GridSpec, "zzz")


def test_the_records_tell_package_version_module_and_time(install, installed):
    module = install("runes", DOMAIN.format("runes"), package="rune-stones", version="3.1")
    registry = installed()
    (before,) = [r for r in registry.plugins() if r.name == "runes"]
    assert (before.package, before.version, before.module) == ("rune-stones", "3.1", module)
    assert (before.status, before.seconds) == ("available", None)
    (after,) = [r for r in registry.plugins(load=True) if r.name == "runes"]
    assert after.status == "active" and after.seconds is not None and after.seconds > 0
    assert [spec.name for spec in registry.specs_of(after)] == ["runes"]


def test_the_core_s_own_plugin_is_a_plugin_like_any():
    record = Registry().plugins()[0]
    assert (record.name, record.package, record.status, record.reason) == ("builtin", "suffuse", "active", "")
    assert {"unet", "dit"} <= {spec.name for spec in Registry().specs_of(record)}


def test_isolated_hides_the_installed_and_brings_them_back():
    with isolated() as registry:
        assert names("domain") == []
        assert face.current() is registry
    assert face.current() is not registry


def test_make_calls_the_factory(site):
    (site / "leaps.py").write_text(
        "class Leap:\n    def __init__(self, height=1, *, far=False): self.height, self.far = height, far\n"
        "def jump(height): return height\n"
        "def free(template, **options): return template, options\n"
    )
    with isolated(_leaps()):
        assert make("sampler", "leap", height=3, far=True).height == 3
        assert make("sampler", "free", 7, kind="a", name="b") == (7, {"kind": "a", "name": "b"})
        with pytest.raises(RecipeError) as wrong:
            make("sampler", "leap", heigth=3)
        assert wrong.value.field == "leap.heigth" and wrong.value.fix == "did you mean 'height'?"
        with pytest.raises(RecipeError, match="give height") as lacking:
            make("sampler", "jump")
        assert lacking.value.field == "jump.height"
        with pytest.raises(RecipeError, match="no option"):  # the first input is height already
            make("sampler", "jump", 1, height=2)


def _leaps():
    from suffuse.registry import hookimpl

    class Leaps:
        @hookimpl
        def register_samplers(self, register):
            register(SamplerSpec(name="leap", factory="leaps:Leap"))
            register(SamplerSpec(name="jump", factory="leaps:jump"))
            register(SamplerSpec(name="free", factory="leaps:free"))

    return Leaps()


def test_resolve_tells_what_is_missing(site):
    (site / "halves.py").write_text("import no_such_module_here")
    with pytest.raises(PluginError, match="did you mean 'Mapping'"):
        resolve(SamplerSpec(name="x", factory="collections.abc:Maping"))
    with pytest.raises(PluginError, match="no_such_module_here"):
        resolve(SamplerSpec(name="x", factory="halves:y"))
    assert resolve(SamplerSpec(name="x", factory="os:path.join")) is __import__("os").path.join


def test_a_missing_requirement_gives_the_install_hint(site):
    (site / "molecule.py").write_text("import no_such_chemistry")
    spec = DomainSpec(
        name="molecules", factory="molecule:M", requires=("os", "no_such_chemistry"), install="suffuse[molecules]"
    )
    assert missing_requirements(spec) == ["no_such_chemistry"]
    with pytest.raises(PluginError, match="needs no_such_chemistry") as caught:
        resolve(spec)
    assert caught.value.fix == 'pip install "suffuse[molecules]"'


def test_load_domain_makes_one_instance_and_checks_it(site):
    (site / "runes_domain.py").write_text(
        textwrap.dedent(
            """
            from suffuse.domain import Domain

            class Runes(Domain):
                name = "runes"

            Runes.__abstractmethods__ = frozenset()

            class Other(Runes):
                name = "other"
            """
        )
    )
    registry = Registry()
    registry.register(_domain("runes", "runes_domain:Runes"), "runes")
    registry.register(_domain("misnamed", "runes_domain:Other"), "misnamed")
    registry.register(_domain("number", "fractions:Fraction"), "number")
    assert registry.load_domain("runes") is registry.load_domain("runes")
    for name in ("misnamed", "number"):
        with pytest.raises(PluginError, match="makes something else"):
            registry.load_domain(name)


def _domain(name, factory):
    from suffuse.registry import hookimpl

    class Plugin:
        @hookimpl
        def register_domains(self, register):
            register(DomainSpec(name=name, factory=factory))

    return Plugin()


def test_resource_finds_files_of_packages(site):
    (site / "stones" / "recipes").mkdir(parents=True)
    (site / "stones" / "__init__.py").touch()
    (site / "stones" / "recipes" / "a.yaml").write_text("domain: runes")
    path = resource(RecipeSpec(name="a", domain="runes", factory="stones:recipes/a.yaml"))
    assert path.read_text() == "domain: runes"
    with pytest.raises(PluginError, match="missing"):
        resource(StarterSpec(name="b", domain="runes", factory="stones:b.safetensors"))
    with pytest.raises(PluginError, match="not installed"):
        resource(StarterSpec(name="b", domain="runes", factory="no_such_stones:b.safetensors"))


def test_all_that_the_core_registers_is_there():
    registry = Registry()
    for kind in SPECS:
        for spec in registry.all_specs(kind):
            assert callable(resolve(spec)), spec
            assert spec.summary, spec
