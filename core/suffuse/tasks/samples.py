"""What a verb makes, and how it is written down."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

from PIL import Image

from suffuse.domain import Item, Section
from suffuse.errors import DomainInputError, StorageError
from suffuse.files import check_writable, write_json, write_with
from suffuse.recipe import read_section
from suffuse.registry import all_specs, full_name, make
from suffuse.tasks.account import Account
from suffuse.tasks.embed import fingerprint
from suffuse.tasks.layout import LISTING, SHEET, manifest_of
from suffuse.tasks.plan import at_places
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
        each: what else is told of each item, by name, as how alike it is to its source.
    """

    items: list[Item]
    seeds: list[int]
    conditions: dict[str, list[Any]] = field(default_factory=dict)
    frames: list[list[Item]] | None = None
    sources: list[str] | None = None
    rows: list[list[Item]] | None = None
    account: Account | None = None
    each: dict[str, list[Any]] = field(default_factory=dict)

    @property
    def drops(self) -> Mapping[str, int]:
        """How many items were dropped for each reason."""
        return {} if self.account is None else self.account.dropped


def check_out(model: Trained, out: str | Path) -> Path:
    """Where samples can be written: a folder, a file whose suffix the domain or a renderer knows, or a picture.

    Ask before generating.

    Raises:
        DomainInputError: an unknown suffix.
        StorageError: nothing can be written there; or a folder is where a file should be, or the other way round.
    """
    out = Path(out)
    known = dict.fromkeys((*model.domain.writes, *renderers(model.recipe.domain), PICTURE))
    if out.suffix:
        _check_suffix(out, tuple(known), "a folder, or a file")
    if out.is_dir() if out.suffix else out.is_file():
        is_one, wanted = ("a folder", "a file") if out.suffix else ("a file", "a folder, or a file with a suffix")
        raise StorageError(f"is {is_one}", field=str(out), expected=wanted, fix="give it another name")
    check_writable(out)
    return out


def check_apart(out: str | Path, read: Iterable[Path]) -> None:
    """Refuse to write over what is read: into one of these files, or into the folder in which one lies.

    Raises:
        StorageError: it would be.
    """
    out = Path(out)
    for file in read:
        place = file if out.suffix else file.parent
        if out.exists() and place.exists() and place.samefile(out):
            raise StorageError(
                "is a file that is read" if out.suffix else "is the folder of a file that is read", field=str(out),
                expected=f"another {'file' if out.suffix else 'folder'} than that of the items", got=str(file),
                fix="give --out another name",
            )  # fmt: skip


def check_animation(model: Trained, path: str | Path) -> Path:
    """Where a trajectory can be written. Ask before generating.

    Raises:
        DomainInputError: an unknown suffix.
    """
    check_writable(path)
    return _check_suffix(Path(path), model.domain.animates, "a file")


def _check_suffix(path: Path, known: tuple[str, ...], what: str) -> Path:
    if path.suffix.lower() not in known:
        raise DomainInputError(
            "cannot be written", field=str(path), expected=f"{what} ending in {', '.join(known)}", got=repr(path.suffix)
        )
    return path


def check_writing(model: Trained, options: Mapping[str, Any], out: str | Path | None = None) -> Section:
    """How items are to be written, as the domain has it. Ask before generating.

    Arguments:
        model: of whose domain they are.
        options: of the domain's :attr:`~suffuse.domain.Domain.writing_section`.
        out: where they go, if that is known: files of its suffix must be able to have them.

    Raises:
        RecipeError: an option that the domain does not have, or a value that it does not take.
        DomainInputError: one that such files cannot have.
    """
    section = read_section(model.domain.writing_section, options, "writing")
    suffix = None if out is None else Path(out).suffix.lower() or model.domain.writes[0]
    if suffix in model.domain.writes:
        model.domain.check_writing(section, suffix)
    return section


def save(model: Trained, samples: Samples, out: str | Path, **options: Any) -> list[Path]:
    """Write samples: into one file where ``out`` has a suffix, else into a folder, one file an item, with a sheet.

    A manifest beside them tells how they came about, if that was counted; it is all there is if none passed.

    Arguments:
        model: what made them.
        samples: what it made.
        out: where they go.
        options: of the domain's :attr:`~suffuse.domain.Domain.writing_section`.

    Returns:
        the files, the one to look at first.
    """
    out, how = check_out(model, out), check_writing(model, options, out)
    files = _save_items(model, samples, out, how) if samples.items else []
    if samples.account is not None:
        write_json(manifest_of(out), manifest(model, samples))
        files.append(manifest_of(out))
    return files


def manifest(model: Trained, samples: Samples) -> dict[str, Any]:
    """How samples came about, as JSON-able data."""
    told = {} if samples.account is None else samples.account.to_json()
    made_by = {"domain": model.recipe.domain, "name": model.recipe.name, "digest": fingerprint(model)}
    sources = {} if samples.sources is None else {"sources": samples.sources}
    versions = {"suffuse": metadata.version("suffuse"), "torch": metadata.version("torch")}
    return {
        **told, "seeds": samples.seeds, "conditions": samples.conditions, **sources, **samples.each, "model": made_by,
        "versions": versions,
    }  # fmt: skip


def _save_items(model: Trained, samples: Samples, out: Path, how: Section) -> list[Path]:
    told = samples.each if samples.sources is None else {"source": samples.sources, **samples.each}
    if out.suffix:
        write_items(model, samples.items, out, how, told)
        return [out]
    suffix = model.domain.writes[0]
    files = [out / f"{_stem(samples, i)}{suffix}" for i in range(len(samples.items))]
    for i, (item, path) in enumerate(zip(samples.items, files, strict=True)):
        write_items(model, [item], path, how, at_places(told, [i]))
    sheet = out / SHEET
    write_with(sheet, _sheet(model, samples, [file.stem for file in files]).save)
    listing = out / LISTING
    columns = {"seed": samples.seeds, **told, **samples.conditions}
    rows = [{"file": file.name, **{key: values[i] for key, values in columns.items()}} for i, file in enumerate(files)]
    write_json(listing, rows)
    return [sheet, listing, *files]


def write_items(
    model: Trained,
    items: Sequence[Item],
    path: Path,
    how: Section | None = None,
    told: Mapping[str, Sequence[Any]] | None = None,
) -> None:
    """Write items into one file: by the domain itself, by what a plugin brings for the suffix, or as their picture.

    Arguments:
        model: of their domain.
        items: what it made.
        path: of the file.
        how: they are written, from :func:`check_writing`; ``None``: as the domain does unasked.
        told: what is known of each, by name; for files that can tell it.
    """
    suffix, brought = path.suffix.lower(), renderers(model.recipe.domain)
    items = model.domain.to_write(items, check_writing(model, {}) if how is None else how, told or {})
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


def _sheet(model: Trained, samples: Samples, stems: Sequence[str]) -> Image.Image:
    """A picture of all items, which their files' names tell apart; in a row each is after what it was made of."""
    if samples.rows is None:
        return model.domain.captioned(samples.items, stems)
    shown, columns = [item for row in samples.rows for item in row], len(samples.rows[0])
    if samples.sources is None:
        return model.domain.picture(shown, columns=columns)
    made = len(samples.items) // len(samples.rows)
    captions: list[str] = []
    for first, row in zip(range(0, len(stems), made), samples.rows, strict=True):
        source = Path(samples.sources[first]).stem
        captions += [*[source] * (len(row) - made), *stems[first : first + made]]
    return model.domain.captioned(shown, captions, columns=columns)


def _stem(samples: Samples, index: int) -> str:
    """A file's name: what the item was made from and under, and its seed, filled up with zeros so that files sort."""
    seed = str(samples.seeds[index]).zfill(max(len(str(seed)) for seed in samples.seeds))
    values = [str(v[index]) for v in samples.conditions.values() if v[index] is not None]
    if samples.sources is not None:
        values.insert(0, Path(samples.sources[index]).stem)
    words = "-".join("".join(c if c.isalnum() else "_" for c in value)[:32] for value in values)
    return f"{words}-{seed}" if words else seed
