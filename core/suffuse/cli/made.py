"""How verbs end that make items out of others: written, and told."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from suffuse.cli.screen import results
from suffuse.cli.verb import print_json

if TYPE_CHECKING:
    from suffuse.model import Model
    from suffuse.tasks.samples import Samples


def tell(model: Model, samples: Samples, place: Path, seconds: float, as_json: bool) -> None:
    """Write what was made, and print where it lies."""
    from suffuse.tasks.samples import save

    files = save(model, samples, place)
    if as_json:
        told = {"files": files, "sources": samples.sources, "seeds": samples.seeds, "conditions": samples.conditions}
        print_json({**told, "seconds": round(seconds, 3)})
        return
    console = results()
    console.print(f"made {len(samples.items)} in {seconds:.1f} s")
    for path in files[:2]:
        console.print(f"  {path}")
    if len(files) > 2:
        console.print(f"  and {len(files) - 2} more in {files[-1].parent}")
