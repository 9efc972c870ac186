"""The kinds of data that a plugin can be begun with."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """A kind of data; its folder in ``templates`` has the same name.

    Arguments:
        name: as ``--kind`` takes it.
        summary: what an item is, for lists and in the new package's own words.
        own: how an author's own data look, and how they are named to ``data.path``.
        path: an example of that.
    """

    name: str
    summary: str
    own: str
    path: str


KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind(
            "grid",
            "fields on a grid",
            "A folder of arrays of one shape, `[height, width]`, each a `.npy` file; its subfolders are the labels.",
            "fields",
        ),
        Kind(
            "sequence",
            "sequences of symbols",
            "A text file with a sequence on each line; every character is a symbol.",
            "sequences.txt",
        ),
        Kind(
            "vector",
            "vectors of numbers",
            "A table of numbers without a header, as `.csv` or `.npy`, with a row for each vector.",
            "rows.csv",
        ),
        Kind(
            "graph",
            "graphs of nodes and bonds",
            'A `.json` file with a list of graphs, as `{"nodes": ["C", "O"], "bonds": [[0, 1, "double"]]}`.',
            "graphs.json",
        ),
        Kind(
            "table",
            "rows of a table",
            "A `.csv` file with a header. Columns in which all is numbers are numbers, the others categories; an empty "
            "cell is missing.",
            "rows.csv",
        ),
    )
}
"""By name."""
