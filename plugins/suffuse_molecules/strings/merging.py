"""Which runs of pieces a file has often: byte-pair merges over SMILES (SMILES pair encoding, Li & Fourches 2021)."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

FIRST = 0xF0000
"""The first of the private letters that stand for pieces and runs: 131,000 of them."""

LEAST = 2
"""How often a pair has to occur to be merged."""


def signs_of(pieces: Iterable[str]) -> dict[str, str]:
    """A letter of its own for each piece."""
    return {piece: chr(FIRST + i) for i, piece in enumerate(dict.fromkeys(pieces))}


def learnt(texts: Sequence[Sequence[str]], count: int) -> list[str]:
    """The runs that merging makes: again and again the most frequent pair of neighbours becomes one.

    Of pairs that are as frequent the one whose texts come first is taken.

    Arguments:
        texts: each as pieces.
        count: merges; there are fewer where no pair occurs :data:`LEAST` times.

    Returns:
        the runs, in the order in which they were made.
    """
    signs = signs_of(piece for text in texts for piece in text)
    meant = {sign: piece for piece, sign in signs.items()}
    words = ["".join(map(signs.__getitem__, text)) for text in texts]
    pairs, places = Counter[tuple[str, str]](), defaultdict[tuple[str, str], set[int]](set)
    for i, word in enumerate(words):
        for pair in pairwise(word):
            pairs[pair] += 1
            places[pair].add(i)
    made: list[str] = []
    while len(made) < count and (best := _best(pairs, meant)) is not None:
        run = chr(FIRST + len(meant))
        meant[run] = meant[best[0]] + meant[best[1]]
        made.append(meant[run])
        before, after = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
        for i in places.pop(best):
            merged = words[i].replace("".join(best), run)
            before.update(pairwise(words[i]))
            after.update(pairwise(merged))
            words[i] = merged
            for pair in pairwise(merged):
                if run in pair:
                    places[pair].add(i)
        for pair in before.keys() | after.keys():
            pairs[pair] += after[pair] - before[pair]
    return list(dict.fromkeys(made))


def _best(pairs: Mapping[tuple[str, str], int], meant: Mapping[str, str]) -> tuple[str, str] | None:
    most = max(pairs.values(), default=0)
    if most < LEAST:
        return None
    return min((pair for pair, n in pairs.items() if n == most), key=lambda pair: (meant[pair[0]], meant[pair[1]]))
