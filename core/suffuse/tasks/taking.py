"""Items that were read, as a model takes them; what of them is left off is told, once for each file."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from suffuse.domain import Codec, Item
from suffuse.recipe import sections
from suffuse.trained import Trained

logger = logging.getLogger(__name__)


def taken(model: Trained, items: Sequence[Item], name: str) -> Sequence[Item]:
    """Some items as the model takes them; see :meth:`suffuse.domain.Domain.taken`.

    Arguments:
        model: that takes them.
        items: in whatever sequence they were read.
        name: what they are called together, for the warning of what is left off.
    """
    (found,) = taken_each(model, [items], name)
    return found


def taken_each(model: Trained, batches: Iterable[Sequence[Item]], name: str | None) -> Iterator[Sequence[Item]]:
    """As :func:`taken`, batch by batch; the warning comes after the last.

    Arguments:
        model: that takes them.
        batches: of items.
        name: what they are called together; ``None``: nothing is told, since it was told before.
    """
    data, _ = sections(model.recipe)
    left, count = Counter[str](), 0
    for items in batches:
        found = model.domain.taken(items, data, model.codec)
        left.update(found.left.values())
        count += len(items)
        yield found.items
    if left and name is not None:
        told = ", ".join(f"{what} ({of})" for what, of in left.most_common())
        logger.warning("%s: of %d of %d items something is left off: %s", name, left.total(), count, told)


def warn_of_left(codec: Codec, items: Sequence[Sequence[Item]]) -> None:
    """Warn, once, of what the model cannot hold of items, so that what is made of them lacks it.

    Arguments:
        codec: the model's.
        items: each in its pieces, one by itself where it is not cut.
    """
    lost = [dict.fromkeys(words for piece in pieces for words in codec.left_off(piece)) for pieces in items]
    left = Counter(words for told in lost for words in told)
    if left:
        told = "; ".join(f"{words} ({of} of {len(items)} items)" for words, of in left.most_common())
        logger.warning("what is made lacks what the model cannot hold: %s", told)
