"""Molecules drawn by RDKit, on sheets and in files; broken ones as the graphs that they are, with the reason."""

from __future__ import annotations

import io
import math
import re
import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from PIL import Image
from rdkit import rdBase
from rdkit.Chem.Draw import rdMolDraw2D
from rdkit.Geometry import Point2D

from suffuse.errors import DomainInputError
from suffuse.files import write_text, write_with
from suffuse_molecules.chemistry import Mol, fault, pieces, smiles
from suffuse_molecules.files import name_of
from suffuse_molecules.files.spatial import drawn

WIDE, HIGH = 200, 180
"""A cell of a sheet, in pixels."""

MOST = 400
"""Molecules on a sheet; of the rest it is told how many there are."""

LETTERS, LINES = 32, 2
"""Of what stands under a molecule: letters in a line, and lines."""

BROKEN = (0.75, 0.1, 0.1)
PLAIN = (0.25, 0.25, 0.25)


def sheet(items: Sequence[Mol], columns: int | None = None) -> Image.Image:
    """A grid of molecules, left to right, then down; as square as can be unless told otherwise.

    Under a molecule stands its name, how many pieces it is in if these are several, or why it is broken, in red.

    Raises:
        DomainInputError: there is no molecule.
    """
    shown, columns, size = _laid_out(items, columns)
    page = Image.new("RGB", size, "white")
    for i, (mol, note) in enumerate(shown):
        cell = rdMolDraw2D.MolDraw2DCairo(WIDE, HIGH)
        _draw(cell, mol, note)
        picture = Image.open(io.BytesIO(cell.GetDrawingText())).convert("RGB")
        page.paste(picture, ((i % columns) * WIDE, (i // columns) * HIGH))
    return page


def write_png(items: Sequence[Mol], path: Path) -> None:
    """Write a sheet; the file appears whole or not at all."""
    write_with(path, sheet(items).save)


def write_svg(items: Sequence[Mol], path: Path) -> None:
    """As :func:`write_png`, of lines and letters."""
    shown, columns, (width, height) = _laid_out(items, None)
    cells = [_svg(mol, note, (i % columns) * WIDE, (i // columns) * HIGH) for i, (mol, note) in enumerate(shown)]
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">'
    write_text(path, "\n".join([head, *cells, "</svg>\n"]))


WRITERS: dict[str, Callable[[Sequence[Mol], Path], None]] = {".png": write_png, ".svg": write_svg}
"""How pictures are written, by the suffix of the file."""


def _laid_out(items: Sequence[Mol], columns: int | None) -> tuple[list[tuple[Mol, str]], int, tuple[int, int]]:
    """What is shown with what stands under it, how many in a row, and the size of the sheet in pixels."""
    if not len(items):
        raise DomainInputError("is empty", field="items", expected="at least one molecule")
    shown = [(mol, _note(mol)) for mol in items[:MOST]]
    if len(items) > MOST:
        mol, _ = shown[-1]
        shown[-1] = (mol, f"and {len(items) - MOST} more")
    across = min(len(shown), columns or math.ceil(math.sqrt(len(shown))))
    return shown, across, (across * WIDE, -(-len(shown) // across) * HIGH)


def _note(mol: Mol) -> str:
    reason = fault(mol)
    if reason is not None:
        return _short(reason)
    count = pieces(mol)
    return _short(name_of(mol)) or (f"{count} pieces" if count > 1 else "")


def _short(text: str) -> str:
    """Text in lines that fit under a molecule."""
    return "\n".join(textwrap.wrap(text, LETTERS, max_lines=LINES, placeholder=" …"))


def _draw(cell: Any, mol: Mol, note: str) -> None:
    """Draw a molecule on RDKit's canvas; a broken one is not prepared, which it could not be."""
    broken = fault(mol) is not None
    options = cell.drawOptions()
    options.legendColour = BROKEN if broken else PLAIN
    options.legendFontSize, options.legendFraction = 12, 0.07 * (1 + note.count("\n"))
    options.fixedBondLength, options.maxFontSize, options.prepareMolsBeforeDrawing = 30, 16, False
    if not mol.GetNumAtoms():
        _write(cell, _short(smiles(mol)), note)
    else:
        with rdBase.BlockLogs():
            ready = drawn(mol) if broken else rdMolDraw2D.PrepareMolForDrawing(mol)
            cell.DrawMolecule(ready, legend=note)
    cell.FinishDrawing()


def _write(cell: Any, text: str, note: str) -> None:
    """What was told in the place of a molecule that has no atoms, and why it is none."""
    cell.ClearDrawing()
    cell.SetFontSize(12)
    for line, (words, colour) in enumerate(
        [(w, PLAIN) for w in text.split("\n")] + [(w, BROKEN) for w in note.split("\n")]
    ):
        cell.SetColour(colour)
        cell.DrawString(words, Point2D(WIDE / 2, HIGH / 3 + 16 * line), 0, True)


def _svg(mol: Mol, note: str, x: int, y: int) -> str:
    """A molecule as a group of an SVG file, its place told."""
    cell = rdMolDraw2D.MolDraw2DSVG(WIDE, HIGH)
    _draw(cell, mol, note)
    inside = re.sub(r"^.*?<svg[^>]*>|</svg>\s*$", "", cell.GetDrawingText(), flags=re.DOTALL)
    return f'<g transform="translate({x} {y})">{inside}</g>'
