"""What the light tiers import, seen from a fresh interpreter."""

from __future__ import annotations

import subprocess
import sys

HEAVY = ("torch", "torchvision", "numpy", "PIL", "pydantic", "sklearn", "scipy", "matplotlib")


def imported_by(code: str) -> set[str]:
    script = f"{code}\nimport sys\nprint(' '.join(sorted(m for m in sys.modules if '.' not in m)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_the_registry_imports_nothing_heavy():
    loaded = imported_by("import suffuse.registry")
    assert "pluggy" in loaded
    assert not loaded & {*HEAVY}


def test_no_installed_plugin_imports_anything_heavy_before_it_is_used():
    code = "import suffuse.registry as r\nassert r.all_specs('domain') is not None and r.names('sampler')"
    assert not imported_by(code) & {*HEAVY}


def test_names_import_no_plugin():
    loaded = imported_by("import suffuse.registry as r\nassert 'images' in r.names('domain')")
    assert "suffuse_images" not in loaded
