"""SMILES as tokens: the smallest pieces that mean something, and runs of these that a training file has often.

The pieces are those of Schwaller et al. 2019 (Molecular Transformer): atoms, bracketed atoms whole, bonds, branches and
the numbers of rings. Of a text the longest run that is known is taken, from left to right. A piece that is unknown, as
an isotope that no training molecule has, is spelled in characters: every SMILES can be written.
"""

from __future__ import annotations

import re
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from suffuse_molecules.strings.merging import signs_of

PIECES = re.compile(r"\[[^\]]+\]|Br|Cl|%\d\d|.", re.DOTALL)

CHARACTERS = string.ascii_letters + string.digits + "()[]=#$:/\\.-+@%*~<>"
"""All that SMILES are written in."""


def pieces(text: str) -> list[str]:
    """The smallest pieces of a SMILES, which joined give it again."""
    return PIECES.findall(text)


@dataclass(frozen=True)
class Alphabet:
    """Cuts SMILES into tokens.

    Arguments:
        tokens: pieces and runs of them, no two the same; all of :data:`CHARACTERS` among them.
    """

    tokens: tuple[str, ...]

    def numbers(self, text: str) -> list[int]:
        """The tokens of a text, by their places among :attr:`tokens`.

        Raises:
            KeyError: a character is none of :data:`CHARACTERS`.
        """
        signs = "".join([self._signs.get(piece) or self._spelled(piece) for piece in pieces(text)])
        found, first = [], 0
        while first < len(signs):
            length = min(self._longest, len(signs) - first)
            while (number := self._numbers.get(signs[first : first + length])) is None:
                length -= 1
            found.append(number)
            first += length
        return found

    def text(self, numbers: Sequence[int]) -> str:
        """The inverse of :meth:`numbers`."""
        return "".join([self.tokens[number] for number in numbers])

    def _spelled(self, piece: str) -> str:
        return "".join([self._signs[character] for character in piece])

    @cached_property
    def _signs(self) -> Mapping[str, str]:
        """A letter for each piece, so that runs of pieces can be looked up as text."""
        return signs_of(token for token in self.tokens if len(pieces(token)) == 1)

    @cached_property
    def _numbers(self) -> Mapping[str, int]:
        """The places of tokens, by the letters of their pieces."""
        return {"".join(map(self._signs.__getitem__, pieces(token))): i for i, token in enumerate(self.tokens)}

    @cached_property
    def _longest(self) -> int:
        return max(map(len, self._numbers))
