"""``suffuse encode``."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from suffuse.cli import options as opt
from suffuse.cli.screen import item_bar, results
from suffuse.cli.verb import print_json, verb

NoiseFile = Annotated[Path | None, typer.Option("--out", "-o", help="The file of the noise, ending in .safetensors.")]
Check = Annotated[bool, typer.Option("--check/--no-check", help="Decode again, to tell what a round trip loses.")]
FlowSteps = Annotated[int, typer.Option("--steps", min=1, help="Steps to noise, four evaluations each.")]


@verb
def encode(
    model: opt.ModelSource,
    items: opt.Items,
    label: opt.LabelOption = None,
    prompt: opt.Prompt = None,
    conditions: opt.Set = None,
    steps: FlowSteps = 20,
    check: Check = True,
    batch: opt.Batch = 64,
    device: opt.Device = None,
    out: NoiseFile = None,
    as_json: opt.Json = False,
) -> None:
    """Carry items to the noise that they come from, deterministically."""
    from suffuse.errors import DomainInputError
    from suffuse.tasks.encode import encode as carry
    from suffuse.tasks.encode import save
    from suffuse.tasks.items import read_items

    loaded = opt.load_model(model, device)
    place = out or opt.fresh_folder(Path("encoded") / opt.title(model)) / "noise.safetensors"
    if place.suffix != ".safetensors":
        raise DomainInputError("cannot be written", field=str(place), expected="a file ending in .safetensors")
    asked = opt.parse_conditions(loaded.conditions, label, prompt, conditions)
    originals, names = read_items(loaded, items)
    begun = time.perf_counter()
    with item_bar("encode", len(originals)) as on_step:
        encoded = carry(loaded, originals, steps=steps, conditions=asked, check=check, batch=batch, on_step=on_step)
    save(loaded, encoded, place)
    lost = None if encoded.error is None else dict(zip(names, encoded.error.tolist(), strict=True))
    if as_json:
        print_json({"file": place, "round_trip_error": lost, "seconds": round(time.perf_counter() - begun, 3)})
        return
    console = results()
    console.print(f"encoded {len(originals)} in {time.perf_counter() - begun:.1f} s")
    if encoded.error is not None:
        console.print(f"a round trip loses {encoded.error.max():.2g} deviations at most")
    console.print(f"  {place}")
