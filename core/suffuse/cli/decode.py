"""``suffuse decode``."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from suffuse.cli import options as opt
from suffuse.cli.made import tell
from suffuse.cli.screen import item_bar
from suffuse.cli.verb import verb

Noise = Annotated[Path, typer.Argument(metavar="NOISE", help="A file that `suffuse encode` wrote.", show_default=False)]


@verb
def decode(
    model: opt.ModelSource,
    noise: Noise,
    label: opt.LabelOption = None,
    prompt: opt.Prompt = None,
    conditions: opt.Set = None,
    batch: opt.Batch = 64,
    device: opt.Device = None,
    out: opt.Out = None,
    out_options: opt.OutOptions = None,
    as_json: opt.Json = False,
) -> None:
    """Make items of noise that `suffuse encode` wrote; under other conditions, if any are told."""
    from suffuse.state import batch_size
    from suffuse.tasks.encode import decode as carry_back
    from suffuse.tasks.encode import read
    from suffuse.tasks.plan import deal
    from suffuse.tasks.samples import Samples, check_out

    loaded = opt.load_model(model, device)
    place = check_out(loaded, out or opt.fresh_folder(Path("decoded") / opt.title(model)))
    writing = opt.parse_writing(loaded, out_options, place)
    encoded = read(loaded, noise)
    count = batch_size(encoded.states)
    asked = opt.parse_conditions(loaded.conditions, label, prompt, conditions)
    encoded = replace(encoded, conditions={**encoded.conditions, **deal(asked, count)})
    begun = time.perf_counter()
    with item_bar("decode", count) as on_step:
        items = carry_back(loaded, encoded, batch=batch, on_step=on_step)
    samples = Samples(items, list(range(count)), dict(encoded.conditions))
    tell(loaded, samples, place, writing, time.perf_counter() - begun, as_json)
