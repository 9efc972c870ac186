"""What a new plugin may be called, and what its package is called then."""

from __future__ import annotations

import re
from importlib import metadata
from importlib.util import find_spec

from packaging.utils import canonicalize_name

from suffuse.errors import PluginError
from suffuse.registry import all_specs, plugins
from suffuse.registry.catalog import NAME


def package_name(name: str) -> str:
    """The package that pip installs: ``suffuse-NAME``."""
    return f"suffuse-{name}"


def module_name(name: str) -> str:
    """The module that Python imports: ``suffuse_NAME``."""
    return package_name(name).replace("-", "_")


def check_name(name: str) -> None:
    """Refuse a name that no plugin may have, or that another has.

    A ready recipe's name is taken too: ``suffuse train NAME`` could not tell which of the two is meant.

    Raises:
        PluginError: with what to do.
    """
    if not NAME.fullmatch(name):
        guess = "-".join(re.findall(r"[a-z0-9]+", name.lower()))
        raise PluginError(
            "is no name for a plugin", field="NAME", expected="lower case letters, digits and hyphens, as sea-ice",
            got=repr(name), fix=f"call it {guess!r}" if guess else None,
        )  # fmt: skip
    owner = _owner(name)
    if owner is not None:
        raise PluginError(
            f"is taken: {owner}", field="NAME", expected="a name that nothing has yet", got=repr(name),
            fix="choose another; `suffuse plugins list` tells what is installed",
        )  # fmt: skip


def _owner(name: str) -> str | None:
    """What already has a name, if anything does."""
    for record in plugins(load=True):
        if record.name == name:
            return f"there is a plugin {name!r} of {record.package or record.module}"
    for domain in all_specs("domain"):
        if domain.name == name:
            return f"there is a domain {name!r}, {domain.summary}"
    for recipe in all_specs("recipe"):
        if recipe.name == name:
            return f"there is a recipe {recipe.domain}/{name}"
    if package_name(name) in {canonicalize_name(d.name) for d in metadata.distributions() if d.name}:
        return f"the package {package_name(name)} is installed"
    return f"the module {module_name(name)} is installed" if find_spec(module_name(name)) else None
