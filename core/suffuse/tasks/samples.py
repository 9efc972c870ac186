"""What a verb makes, and how it is written down."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image

from suffuse.domain import Item
from suffuse.errors import DomainInputError
from suffuse.files import write_json, write_with
from suffuse.registry import all_specs, full_name, make
from suffuse.tasks.account import Account
from suffuse.tasks.embed import fingerprint
from suffuse.tasks.layout import LISTING, SHEET, manifest_of
from suffuse.trained import Trained

PICTURE = ".png"
"""The suffix of a file that shows items of any domain; where it is no form of theirs, it cannot be read again."""


@dataclass(frozen=True)
class Samples:
    """What was made.

    Arguments:
        items: the items.
        seeds: the seed of each; any one can be made again alone.
        conditions: for each condition by name, the value asked for each item.
        frames: with ``trajectory``, what the denoiser believed after each step: ``[step][item]``.
        sources: what each item was made from, by name, if from anything.
        rows: what the sheet shows, row by row; all items, as square as can be, if nothing is told.
        account: how they came about, if that was counted.
    """

    items: list[Item]
    seeds: list[int]
    conditions: dict[str, list[Any]] = field(default_factory=dict)
    frames: list[list[Item]] | None = None
    sources: list[str] | None = None
    rows: list[list[Item]] | None = None
    account: Account | None = None

    @property
    def drops(self) -> Mapping[str, int]:
        """How many items were dropped for each reason."""
        return {} if self.account is None else self.account.dropped


def check_out(model: Trained, out: str | Path) -> Path:
    """Where samples can be written: a folder, a file whose suffix the domain or a renderer knows, or a picture.

    Ask before generating.

    Raises:
        DomainInputError: an unknown suffix.
    """
    out = Path(out)
    known = dict.fromkeys((*model.domain.writes, *renderers(model.recipe.domain), PICTURE))
    return _check_suffix(out, tuple(known), "a folder, or a file") if out.suffix else out


def check_animation(model: Trained, path: str | Path) -> Path:
    """Where a trajectory can be written. Ask before generating.

    Raises:
        DomainInputError: an unknown suffix.
    """
    return _check_suffix(Path(path), model.domain.animates, "a file")


def _check_suffix(path: Path, known: tuple[str, ...], what: str) -> Path:
    if path.suffix.lower() not in known:
        raise DomainInputError(
            "cannot be written", field=str(path), expected=f"{what} ending in {', '.join(known)}", got=repr(path.suffix)
        )
    return path


def save(model: Trained, samples: Samples, out: str | Path) -> list[Path]:
    """Write samples: into one file where ``out`` has a suffix, else into a folder, one file an item, with a sheet.

    Where they had to pass filters, a manifest beside them tells how they came about; it is all there is if none passed.

    Returns:
        the files, the one to look at first.
    """
    out = check_out(model, out)
    files = _save_items(model, samples, out) if samples.items else []
    if samples.account is not None and samples.account.filters:
        write_json(manifest_of(out), manifest(model, samples))
        files.append(manifest_of(out))
    return files


def manifest(model: Trained, samples: Samples) -> dict[str, Any]:
    """How samples came about, as JSON-able data."""
    told = {} if samples.account is None else samples.account.to_json()
    made_by = {"domain": model.recipe.domain, "name": model.recipe.name, "digest": fingerprint(model)}
    return {**told, "seeds": samples.seeds, "conditions": samples.conditions, "model": made_by}


def _save_items(model: Trained, samples: Samples, out: Path) -> list[Path]:
    if out.suffix:
        write_items(model, samples.items, out)
        return [out]
    suffix = model.domain.writes[0]
    files = [out / f"{_stem(samples, i)}{suffix}" for i in range(len(samples.items))]
    for item, path in zip(samples.items, files, strict=True):
        model.domain.write([item], path)
    sheet = out / SHEET
    write_with(sheet, _sheet(model, samples).save)
    listing = out / LISTING
    sources = [{}] * len(files) if samples.sources is None else [{"source": name} for name in samples.sources]
    rows = [
        {"file": f.name, **sources[i], "seed": s, **{k: v[i] for k, v in samples.conditions.items()}}
        for i, (f, s) in enumerate(zip(files, samples.seeds, strict=True))
    ]
    write_json(listing, rows)
    return [sheet, listing, *files]


def write_items(model: Trained, items: Sequence[Item], path: Path) -> None:
    """Write items into one file: by the domain itself, by what a plugin brings for the suffix, or as their picture."""
    suffix, brought = path.suffix.lower(), renderers(model.recipe.domain)
    if suffix in model.domain.writes:
        model.domain.write(items, path)
    elif suffix in brought:
        make("renderer", brought[suffix], items, path)
    else:
        write_with(path, model.domain.picture(items).save)


def renderers(domain: str) -> dict[str, str]:
    """By suffix, the renderers that plugins bring for a domain; of two for one suffix the first."""
    brought = [spec for spec in all_specs("renderer") if spec.domain == domain]
    return {suffix: full_name(spec) for spec in reversed(brought) for suffix in spec.suffixes}


def _sheet(model: Trained, samples: Samples) -> Image.Image:
    if samples.rows is None:
        return model.domain.picture(samples.items)
    return model.domain.picture([item for row in samples.rows for item in row], columns=len(samples.rows[0]))


def _stem(samples: Samples, index: int) -> str:
    """A file's name: what the item was made from and under, and its seed, filled up with zeros so that files sort."""
    seed = str(samples.seeds[index]).zfill(max(len(str(seed)) for seed in samples.seeds))
    values = [str(v[index]) for v in samples.conditions.values() if v[index] is not None]
    if samples.sources is not None:
        values.insert(0, Path(samples.sources[index]).stem)
    words = "-".join("".join(c if c.isalnum() else "_" for c in value)[:32] for value in values)
    return f"{words}-{seed}" if words else seed
