"""The contract of a domain: what a plugin brings so that every verb works on its data.

A domain says how its *items* (what a person has: a picture, a clip, a molecule, a row) are read and written, and how a
*codec*, fitted on training data, turns them into *states* (what a network sees) and back. The verbs, the processes and
the samplers are the core's; a domain never sees noise.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Protocol, runtime_checkable

from PIL import Image
from pydantic import BaseModel, ConfigDict
from torch import Tensor, nn

from suffuse.conditions import ConditionSpace
from suffuse.errors import DataError, DomainInputError, SuffuseError, UnsupportedError
from suffuse.parts import Parts
from suffuse.rng import Rng
from suffuse.similarity import Similarity
from suffuse.state import State
from suffuse.windows import Several

Item = Any


class Section(BaseModel):
    """A section of a recipe: immutable, and no key may be misspelt."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True)
class Example:
    """One datum: an item, and the values of its conditions by name."""

    item: Item
    conditions: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Examples:
    """Several examples.

    Arguments:
        items: in a sequence of the domain's own kind, if it has one; slices of it are of that kind.
        conditions: for each condition by name, a value for each item, ``None`` where it has none.
    """

    items: Sequence[Item]
    conditions: Mapping[str, Sequence[Any]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.items)


class Dataset(Protocol):
    """Random access to examples; the order never changes. May be used from several threads.

    One that holds its items in columns may also have ``examples_at(indices) -> Examples``, which the function of that
    name calls.
    """

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> Example: ...


@runtime_checkable
class Columnar(Protocol):
    """A data set that gives many examples at once."""

    def examples_at(self, indices: Sequence[int]) -> Examples: ...


def examples_at(dataset: Dataset, indices: Sequence[int]) -> Examples:
    """The examples of these numbers, in their order."""
    if isinstance(dataset, Columnar):
        return dataset.examples_at(indices)
    found = [dataset[i] for i in indices]
    names = dict.fromkeys(name for example in found for name in example.conditions)
    return Examples([e.item for e in found], {name: [e.conditions.get(name) for e in found] for name in names})


@dataclass(frozen=True)
class Unreadable:
    """Stands in a list of items for one that could not be read, and so does not stand in the way of the others.

    Arguments:
        error: why not.
    """

    error: SuffuseError


@dataclass(frozen=True, eq=False)
class Taken:
    """Items as a model takes them.

    Arguments:
        items: in their order; an :class:`Unreadable` for one that the model's data leave out.
        left: what of an item is left off, by its place, in a few words that are the same for all that lose the same.
    """

    items: Sequence[Item]
    left: Mapping[int, str] = field(default_factory=dict)


@runtime_checkable
class Picked(Protocol):
    """A sequence of items that gives some of them, by their places, as one of its own kind."""

    def take(self, indices: Sequence[int]) -> Sequence[Item]: ...


def items_at(items: Sequence[Item], places: Sequence[int]) -> Sequence[Item]:
    """Some items, by their places; of the sequence's own kind where it has ``take(indices)``, else a list."""
    return items.take(places) if isinstance(items, Picked) else [items[i] for i in places]


@dataclass(frozen=True)
class Splits:
    """The parts of a data set.

    Arguments:
        train: what the model learns from.
        validation: for the validation loss, never trained on.
        test: for ``evaluate``, never looked at before; the validation part where there is none.
        name: what the data set is called in logs and reports.
        anomalies: items that are known to be odd, if there are any. Nothing is ever fitted, trained or calibrated on
            them; they tell how well a score finds what is odd.
        faults: why what was left out cannot be read, one for each file or item, its ``field`` naming it.
    """

    train: Dataset
    validation: Dataset
    test: Dataset
    name: str = ""
    anomalies: Dataset | None = None
    faults: Sequence[SuffuseError] = ()


@dataclass(frozen=True)
class Categories:
    """What a codec says of a categorical field, whose states are one-hot ``[batch, *positions, classes]``.

    Arguments:
        frequencies: how often each class is in the training data, in the order of the last axis.
        symmetric: whether the field is of pairs, ``[batch, n, n, classes]``, with x_ij = x_ji.
    """

    frequencies: tuple[float, ...]
    symmetric: bool = False


@dataclass(frozen=True)
class Unit:
    """What people measure an axis of states in.

    Arguments:
        axis: of those behind the batch and, in bare states, the channels; from 0.
        places: of the axis, to one unit.
        margin: the places on either side that know of a place: where states overlap, these are filled with it.
    """

    axis: int
    places: float
    margin: float = 0.0


class Entrance(nn.Module):
    """From items told as plain numbers to states, as a module: where a graph begins that needs no suffuse.

    Arguments:
        names: of the numbers of an item, in their order.
    """

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__()
        self.names = tuple(names)

    @abstractmethod
    def examples(self, count: int) -> Tensor:
        """So many made-up items, float64 ``[count, numbers]``."""

    @abstractmethod
    def forward(self, items: Tensor) -> State:
        """What :meth:`Codec.encode` makes of items, float64 ``[batch, numbers]``.

        Nothing is refused: what cannot be taken must not come in.
        """


@dataclass(frozen=True, eq=False)
class Grown:
    """What :meth:`Codec.grow` gives.

    Arguments:
        states: with what is kept at its place, and room for what is to be made, which its masks tell as real.
        known: bool, true where a state is kept, and in the padding; of the states' shapes, but a categorical field's is
            without the axis of its classes. Elements that are kept come first, where their order means nothing.
    """

    states: State
    known: State


class Codec(ABC):
    """Turns items into standardized states (mean zero, variance one over the training data) and back.

    Fitted, immutable, and round-tripped through JSON by :meth:`to_json` and :meth:`Domain.load_codec`.
    """

    ordered: ClassVar[bool] = False
    """Whether the order of elements means something although the domain declares ``Features.unordered``, which is of
    its other codecs: a string that tells a graph."""

    @abstractmethod
    def encode(self, items: Sequence[Item], rng: Rng | None = None) -> State:
        """A batch of states, float32 on the CPU.

        Arguments:
            items: at least one.
            rng: streams for augmentation, one for each item; ``None``: none.

        Raises:
            DomainInputError: an item that the domain cannot take; the message says why.
        """

    @abstractmethod
    def decode(self, state: State) -> list[Item]:
        """Items from a batch of states, on any device; values out of range are brought into it."""

    @abstractmethod
    def like(self, count: int, rng: Rng | None = None) -> State:
        """Zero states that lend sampling its shapes and masks; where sizes vary they are drawn from ``rng``."""

    def like_under(self, conditions: Mapping[str, Sequence[Any]], count: int, rng: Rng | None = None) -> State:
        """As :meth:`like`, of items that are asked for under conditions; for codecs whose sizes depend on these.

        Arguments:
            conditions: by name, the value that is asked for each item, ``None`` where none is.
            count: how many items.
            rng: as for :meth:`like`.
        """
        return self.like(count, rng)

    def seen(self, condition: str) -> tuple[float, float] | None:
        """The least and the largest value of a condition that training items had; ``None``, as by default: as it says.

        Whoever asks for others is warned.
        """
        return None

    def key(self, item: Item) -> Hashable | None:
        """As :meth:`Domain.key`, which is asked where this gives ``None``, as by default.

        For a codec that holds more, or less, of an item than others of its domain.
        """
        return None

    def faults(self, items: Sequence[Item]) -> dict[int, DomainInputError]:
        """Which items cannot be encoded, by their places, and why; the others :meth:`encode` takes together.

        Here they are found by halving. A codec that knows at once what is wrong with which item should say so itself.

        Raises:
            DomainInputError: it is no matter of single items: nothing of this kind can be encoded, as rows that lack a
                column.
        """
        return _faults(self, items, 0)

    def left_off(self, item: Item) -> Sequence[str]:
        """What of an item its state does not hold, in a few words that are the same for all that lose the same.

        Verbs whose results lack it warn of it. By default nothing.
        """
        return ()

    def categorical(self) -> Mapping[str, Categories]:
        """Which fields of its states are categorical, by name (``""`` for a bare tensor); none by default.

        These get categorical noise, all others Gaussian.
        """
        return {}

    def parts(self) -> Parts | None:
        """The named parts of its items, as the columns of a row; ``None``: they have no names.

        They are what ``explain`` speaks of, and what ``inpaint`` fills by name.
        """
        return None

    def units(self) -> Mapping[str, Unit]:
        """By which units parts of its states are told, as ``0.25s:0.5s``, by their names; none by default.

        The first is the usual one.
        """
        return {}

    def extent(self, item: Item) -> Mapping[str, float]:
        """How far an item reaches, in its :meth:`units` by name, where it may be smaller than its state.

        What lies beyond in the state is not the item's, though no mask says so: ``explain`` does not blame it, and
        ``inpaint`` refuses to fill there. By default an item fills its state.
        """
        return {}

    def as_module(self) -> Entrance | None:
        """Itself as a module, for ``export``; ``None``, as by default, where items are more than plain numbers."""
        return None

    def known(self, items: Sequence[Item]) -> State | None:
        """Where items are given, if some may have gaps: bool, broadcasting over their states; ``None``: everywhere.

        A categorical field's is without the axis of its classes. In padding it is true: nothing is lacking there. What
        :meth:`encode` does with a gap is the codec's choice; one that masks it, as padding, has it neither trained on
        nor scored.
        """
        return None

    def encode_gaps(self, items: Sequence[Item]) -> State:
        """States of items of which something may be lacking, with zeros there: ``inpaint`` fills it.

        By default these are the states of :meth:`encode`. A codec that has no mask for what is lacking refuses such
        items there, and takes them here alone.
        """
        return self.encode(items)

    def merge(self, original: Item, made: Item, known: State) -> Item:
        """An item that was filled in, with what was known of it exactly as it was.

        The states agree there already; this is for codecs that lose something on the way to a state and back.

        Arguments:
            original: the item with the gap.
            made: decoded.
            known: bool, true where the original was kept: a batch of one that is shaped like the item's own state, any
                padding cut off, but for the axis of a categorical field's classes, which is 1 long.
        """
        return made

    def emptied(self, item: Item, known: State) -> Item | None:
        """An item with gaps where it is not kept, to be looked at beside the item itself.

        ``None``, as by default: the item has no gaps, and both are shown as their states are decoded.

        Arguments:
            item: that is filled in.
            known: as for :meth:`merge`.
        """
        return None

    def pieces(self, item: Item) -> Several[Item]:
        """An item as the model can take it: in several, in their order, where it is larger than states are.

        By default it is whole. ``bridge`` takes pieces in turn, once for each result, and hands what was made of them
        to :meth:`join`. Where an item may be larger than memory, they should be read as they are asked for.
        """
        return [item]

    def join(self, made: Iterable[Item], item: Item) -> Item:
        """What was made of the :meth:`pieces` of an item, as one: like the item in all that the model knows nothing of.

        Arguments:
            made: of each piece, made as it is asked for; none may be left out.
            item: the item.
        """
        (one,) = made
        return one

    def grow(
        self, items: Sequence[Item], keep: str | None, conditions: Mapping[str, Sequence[Any]], rng: Rng
    ) -> Grown | None:
        """Items that are to be larger than they are: a part is kept, and the rest made anew, of a size that is drawn.

        Arguments:
            items: what there is, each once for every completion.
            keep: which part is kept, in the domain's own words; ``None``: all of items that tell by themselves where
                they go on.
            conditions: as of :meth:`like_under`.
            rng: streams for what is drawn, one for each item.

        Returns:
            ``None``, as by default where no part is told, if these items are whole.

        Raises:
            UnsupportedError: no part of such items can be told in words, as by default.
            DomainInputError: there is no such part, nothing can be added to it, or some items are whole and others not.
        """
        if keep is None:
            return None
        raise UnsupportedError(
            "is not understood by this domain", field="keep", got=keep, fix="tell what is filled, by fill or a mask"
        )

    @abstractmethod
    def to_json(self) -> dict[str, Any]:
        """Everything that was fitted or configured, as JSON-able data."""


class Domain(ABC):
    """A kind of data. Stateless: one instance serves every model.

    The two section classes say what a recipe's ``data`` and ``codec`` sections may hold.
    """

    name: ClassVar[str]
    data_section: ClassVar[type[Section]]
    codec_section: ClassVar[type[Section]]
    writes: ClassVar[tuple[str, ...]]
    """The suffixes of files that :meth:`write` makes, as ``.png``; the first is that of a single item by default."""

    animates: ClassVar[tuple[str, ...]] = (".gif", ".webp")
    """The suffixes of files that :meth:`animate` makes."""

    reel: ClassVar[str] = ""
    """The suffix of files that hold several items one after the other, and that a browser plays; empty: there is none,
    since items are looked at."""

    writing_section: ClassVar[type[Section]] = Section
    """What may be asked of how items are written; nothing by default."""

    @abstractmethod
    def splits(self, data: Section) -> Splits:
        """Open a data set.

        Raises:
            DataError: it is missing, empty or broken; the message tells how to get or mend it.
        """

    @abstractmethod
    def conditions(self, splits: Splits) -> ConditionSpace:
        """What a model of this data can be steered by, found from the training part."""

    @abstractmethod
    def fit_codec(self, options: Section, train: Dataset) -> Codec:
        """Fit a codec on training data."""

    @abstractmethod
    def load_codec(self, data: Mapping[str, Any]) -> Codec:
        """The inverse of :meth:`Codec.to_json`."""

    @abstractmethod
    def write(self, items: Sequence[Item], path: Path) -> None:
        """Write items into one file (one item, or a sheet of many); its suffix is one of :attr:`writes`."""

    def to_write(self, items: Sequence[Item], options: Section, told: Mapping[str, Sequence[Any]]) -> Sequence[Item]:
        """The items that a file is to hold, from those that a verb made; here these as they are.

        Arguments:
            items: what was made.
            options: of :attr:`writing_section`.
            told: what is known of each item, by name, as its ``source``; for files that can tell it.
        """
        return items

    def check_writing(self, options: Section, suffix: str) -> None:  # noqa: B027 - there need be nothing to refuse
        """Refuse what files of a suffix cannot have, before there are items; by default they can have everything.

        Arguments:
            options: of :attr:`writing_section`.
            suffix: one of :attr:`writes`.

        Raises:
            DomainInputError: they cannot.
        """

    @abstractmethod
    def read(self, path: Path) -> list[Item]:
        """Read the items of one file."""

    def taken(self, items: Sequence[Item], data: Section, codec: Codec) -> Taken:
        """Items that were read, as a model of such data takes them: whatever is left off is told. Here all is taken.

        What the data set does to an item before it is learnt from belongs here, as leaving off the counter-ions of a
        salt, and what the codec cannot hold, where an item is scored or varied without it rather than refused.

        Arguments:
            items: that were read, an :class:`Unreadable` perhaps among them.
            data: the section of the model's recipe.
            codec: the model's own.
        """
        return Taken(items)

    def batches(self, path: Path, size: int) -> Iterator[Sequence[Item]]:
        """The items of one file in their order, at most ``size`` at a time; here all are read first.

        A domain whose files hold many items should read them piece by piece, so that a file may be larger than memory.
        Short batches of several files are joined where they can be added (``+``), as lists can. A domain of one item a
        file should give an :class:`Unreadable` for a broken one, which then does not stand in the way of others.

        Raises:
            DataError: the file is broken; the message says where. What was given before holds.
        """
        items = self.read(path)
        for first in range(0, len(items), size):
            yield items[first : first + size]

    def count(self, path: Path) -> int | None:
        """How many items a file holds, if that can be told without reading them; else ``None``."""
        return None

    def parse(self, lines: Iterable[str], size: int) -> Iterator[Sequence[Item]]:
        """Items from text, a JSON value a line, at most ``size`` at a time; for what comes in through a pipe.

        Raises:
            UnsupportedError: this domain's items are not told by text.
            DataError: a line is broken; the message says which. What was given before holds.
        """
        raise UnsupportedError(f"the domain {self.name} reads no text", field="-", fix="name files or folders")

    def from_table(self, table: Any) -> Sequence[Item]:
        """The items that an Arrow table tells of, one a row; here each is in a file of its own, which ``path`` names.

        A domain whose items are rows should take the rows themselves.

        Arguments:
            table: a ``pyarrow.Table`` of at least one row.

        Raises:
            DomainInputError: there is no such column.
        """
        if "path" not in table.column_names:
            raise DomainInputError(
                "lacks a column", field="path", expected="a file of an item in each row", got=table.column_names
            )
        return [_alone(self, path) for path in table.column("path").to_pylist()]

    def key(self, item: Item) -> Hashable | None:
        """What items that are the same have in common, as the canonical name of a molecule, and others have not.

        ``None``, as by default: items are the same whose states are.
        """
        return None

    def similarity(self) -> Similarity | None:
        """How alike items are in the domain's own terms; ``None``, as by default: it has none but a model's."""
        return None

    def columns(self, items: Sequence[Item]) -> Mapping[str, Any]:
        """What a file of scores repeats of items, by column: arrow arrays, or what ``pyarrow.array`` takes.

        Where there is none, an item is told by its file's name and its number.
        """
        return {}

    def reason(self, item: Item, usual: Item, part: str, share: float) -> str:
        """Why an item is odd, in a few words: what one part of it is, and what it is in items like it.

        Arguments:
            item: that was explained.
            usual: the same item with what is odd of it made anew.
            part: the name of the part, one of :meth:`Codec.parts`.
            share: what the part adds to the score, from 0 to 1.
        """
        return f"{part} ({share:.0%} of the score)"

    def read_mask(self, path: Path, codec: Codec) -> State:
        """Read from a file which part of an item is kept: bool, a batch of one that broadcasts over the codec's states.

        Raises:
            UnsupportedError: this domain has no files that tell parts.
        """
        raise UnsupportedError(
            f"the domain {self.name} reads no masks", field=str(path), fix="tell the part with --fill"
        )

    @abstractmethod
    def picture(self, items: Sequence[Item], columns: int | None = None) -> Image.Image:
        """Show items on one sheet, for reports, previews and a glance."""

    def captioned(self, items: Sequence[Item], captions: Sequence[str], columns: int | None = None) -> Image.Image:
        """As :meth:`picture`, with a few words for each item, as its file's name; here without them.

        For domains whose items are not known by their looks.
        """
        return self.picture(items, columns)

    def beside(self, made: Sequence[Item], real: Dataset, codec: Codec) -> Image.Image | None:
        """Made items beside real ones, as the distributions of columns; ``None``: :meth:`picture` shows all there is.

        Arguments:
            made: what a model made.
            real: items that it has not seen.
            codec: the model's own.
        """
        return None

    def animate(self, frames: Sequence[Sequence[Item]], path: Path) -> None:
        """Write how items came out of noise, a frame for each step of the sampler, as an animation."""
        sheets = [self.picture(items) for items in frames]
        hold = [120] * (len(sheets) - 1) + [1500]
        sheets[0].save(path, save_all=True, append_images=sheets[1:], duration=hold, loop=0)

    @abstractmethod
    def evaluate(
        self, items: Sequence[Item], conditions: Mapping[str, Sequence[Any]], splits: Splits, codec: Codec
    ) -> dict[str, float]:
        """Score generated items against a data set.

        Arguments:
            items: what the model made.
            conditions: for each condition by name, the value that each item was asked for.
            splits: the data set.
            codec: the model's own codec, for its size and colours.

        Returns:
            Metrics by name; each name's meaning and better direction stand in the domain's documentation.
        """

    def fidelity(self, items: Sequence[Item], originals: Sequence[Item]) -> dict[str, float]:
        """How near restored items are to what they were before something happened to them; nothing by default.

        Arguments:
            items: what a model of a bridge made of each original, degraded.
            originals: as many, in the same order.
        """
        return {}


def _alone(domain: Domain, path: str | None) -> Item:
    """The item that a file holds, or why it cannot be had."""
    try:
        items = domain.read(Path(path or ""))
    except (SuffuseError, OSError, ValueError) as error:
        return Unreadable(error if isinstance(error, SuffuseError) else DataError(str(error), field=path))
    if len(items) != 1:
        return Unreadable(DataError("is no file of one item", field=path, expected=1, got=len(items)))
    return items[0]


def _faults(codec: Codec, items: Sequence[Item], first: int) -> dict[int, DomainInputError]:
    """The faults among items of which ``first`` is the first one's place."""
    if not items:
        return {}
    try:
        codec.encode(items)
    except DomainInputError as error:
        if len(items) == 1:
            return {first: error}
        half = len(items) // 2
        return _faults(codec, items[:half], first) | _faults(codec, items[half:], first + half)
    return {}
