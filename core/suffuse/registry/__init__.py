"""What is installed, by kind and name.

The functions here ask the registry of this process, which is made from the installed plugins when it is first asked.
A *kind* is ``"domain"``, ``"dataset"``, ``"network"``, ``"schedule"``, ``"sampler"``, ``"grid"``, ``"recipe"`` or
``"starter"``. What belongs to a domain may be named ``"name"`` or, where two domains have one, ``"domain/name"``.
"""

from suffuse.registry.catalog import full_name
from suffuse.registry.face import (
    all_specs,
    find,
    isolated,
    load_domain,
    make,
    names,
    notify,
    plugins,
    register,
    specs_of,
)
from suffuse.registry.hooks import hookimpl
from suffuse.registry.manager import Registry
from suffuse.registry.records import PluginRecord
from suffuse.registry.resolve import resolve, resource

__all__ = [
    "PluginRecord",
    "Registry",
    "all_specs",
    "find",
    "full_name",
    "hookimpl",
    "isolated",
    "load_domain",
    "make",
    "names",
    "notify",
    "plugins",
    "register",
    "resolve",
    "resource",
    "specs_of",
]
