"""A transformer over sets, sequences and graphs: elements, pairs of elements, and what belongs to the whole.

Elements attend to each other, biased by what the pairs hold, and pairs are updated by the products of their elements,
as in the graph transformer of Vignac et al. 2023 (DiGress); noise level and conditions modulate both as in a DiT
(adaLN-zero, Peebles & Xie 2023). Without pairs it is a set transformer, or, with positions, a sequence transformer.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from suffuse.conditions import Conditions, ConditionSpace
from suffuse.errors import DomainInputError, RecipeError, UnsupportedError, unknown_name
from suffuse.nn.attention import zero_
from suffuse.nn.conditioning import ConditionEmbedding, Embedded
from suffuse.nn.dit import NOISE_FEATURES, DiTBlock, DiTOptions, modulate
from suffuse.nn.elements import ELEMENTS, PAIRS, WHOLE, Real, axes_of, mean, shown
from suffuse.nn.embeddings import axial_positions, noise_features, rotary_positions
from suffuse.nn.options import parse, positive, require, whole
from suffuse.nn.pairs import Half, Pairs, Square
from suffuse.nn.structure import Structure
from suffuse.state import State, fields, masked_axes


@dataclass(frozen=True)
class GraphOptions:
    """Options of a graph transformer.

    Arguments:
        width: of the elements' tokens; a multiple of ``heads``.
        depth: how many blocks.
        heads: of each attention.
        pair_width: of the pairs' tokens; ``None``: a quarter of ``width``.
        mlp_ratio: the hidden width of each MLP, in units of the width of its tokens.
        dropout: at the end of each branch.
        positions: ``"none"``: elements have no order, and permuting them permutes the output; ``"sinusoidal"``: they
            are a sequence, each told its place; ``"rotary"``: a sequence, in which attention is told how far two are
            apart (Su et al. 2021).
        symmetric: pairs have no direction: transposing what goes in transposes what comes out, so that symmetric
            fields stay symmetric. ``False`` tells i → j from j → i.
        halved: what comes in is symmetric, as bonds are, and pairs i ≤ j alone are looked at: half the work, with the
            same weights. What is not symmetric is taken as its upper triangle says.
        pairs: names of fields of pairs that no mask tells (see :func:`axes_of`); ``""`` for a bare tensor.
        edges: the field of pairs whose classes are edges, the first none, of which elements and pairs are told what
            :mod:`suffuse.nn.structure` reads off it; ``None``: nothing is.
        walks: how many steps the random walks on these edges have at most.
        weights: what the classes of edges weigh, as the orders of bonds do; ``None``: the first 0, all others 1.
    """

    width: int = 128
    depth: int = 6
    heads: int = 4
    pair_width: int | None = None
    mlp_ratio: float = 4.0
    dropout: float = 0.0
    positions: Literal["none", "sinusoidal", "rotary"] = "none"
    symmetric: bool = True
    halved: bool = False
    pairs: tuple[str, ...] = ()
    edges: str | None = None
    walks: int = 8
    weights: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        self.block()
        width = self.pair_width
        require(width is None or whole(width, 1), "pair_width", width, "an integer of at least 1, or null")
        known = ("none", "sinusoidal", "rotary")
        require(self.positions in known, "positions", self.positions, " or ".join(known))
        paired = self.positions != "rotary" or self.width // self.heads % 2 == 0
        require(paired, "width", self.width, f"an even multiple of {self.heads}, the heads, for rotary positions")
        require(isinstance(self.symmetric, bool), "symmetric", self.symmetric, "true or false")
        fits = isinstance(self.halved, bool) and (self.symmetric or not self.halved)
        require(fits, "halved", self.halved, "false, or true where pairs are symmetric")
        names = isinstance(self.pairs, tuple) and all(isinstance(name, str) for name in self.pairs)
        require(names, "pairs", self.pairs, "a list of names of fields")
        require(whole(self.walks, 1), "walks", self.walks, "an integer of at least 1")
        weighed = self.weights is None or (self.weights[:1] == (0,) and all(map(positive, self.weights[1:])))
        require(weighed, "weights", self.weights, "numbers, the first 0, all others above 0")

    def block(self) -> DiTOptions:
        """Those of the elements' blocks, which are a DiT's."""
        return DiTOptions(self.width, self.depth, self.heads, 1, self.mlp_ratio, self.dropout)

    @property
    def pair_tokens(self) -> int:
        """The width of the pairs' tokens."""
        return self.pair_width or max(1, self.width // 4)

    @property
    def sides(self) -> int:
        """How many numbers tell a pair's two directions apart: 1 where they are the same."""
        return 1 if self.symmetric else 2


class Embed(nn.Module):
    """Tokens from the fields of one kind: two layers for each field, added up, and a vector of their own.

    A field that is masked adds nothing, not even its bias, which so tells a missing value from a zero.
    """

    def __init__(self, channels: Mapping[str, int], width: int) -> None:
        super().__init__()
        # A list, not a ModuleDict: that one forbids names such as "a.b" and "type".
        self.names = tuple(channels)
        self.fields = nn.ModuleList(
            nn.Sequential(nn.Linear(count, width), nn.GELU(), nn.Linear(width, width)) for count in channels.values()
        )
        self.own = nn.Parameter(torch.randn(width) * width**-0.5)

    def forward(self, values: Mapping[str, Tensor], masks: Mapping[str, Tensor]) -> Tensor:
        """Arguments: ``values [batch, *elements, channels]`` by name, zero in the padding; gives tokens."""
        total: Tensor = self.own
        for name, enter in zip(self.names, self.fields, strict=True):
            total = total + shown(enter(values[name]), masks.get(name))
        return total


class Leave(nn.Module):
    """Fields of one kind from their tokens; begins at zero."""

    def __init__(self, channels: Mapping[str, int], width: int, embedding: int) -> None:
        super().__init__()
        self.channels = dict(channels)
        self.modulation = nn.Linear(embedding, 2 * width)
        self.linear = nn.Linear(width, sum(channels.values()))
        zero_(self.modulation)
        zero_(self.linear)

    def forward(self, tokens: Tensor, embedding: Tensor) -> dict[str, Tensor]:
        """Arguments: ``tokens [batch, *elements, width]``; gives ``[batch, *elements, channels]`` by name."""
        out = self.linear(modulate(tokens, *self.modulation(embedding).chunk(2, dim=-1)))
        return dict(zip(self.channels, out.split(list(self.channels.values()), dim=-1), strict=True))


class GraphBlock(nn.Module):
    """A DiT's block over the elements, and, where there are pairs, what goes from pairs to elements and back.

    To elements: a bias for each head's attention, and the mean over their pairs (which attention, a weighted mean of
    the elements' own values, could not count). To pairs: an MLP of their tokens and of the product of their elements'.
    """

    def __init__(self, options: GraphOptions, context: int | None, pairs: bool) -> None:
        super().__init__()
        self.elements = DiTBlock(options.block(), context)
        self.pairs = PairBlock(options) if pairs else None

    def forward(
        self,
        h: Tensor,
        e: Tensor | None,
        embedding: Tensor,
        embedded: Embedded,
        real: Real,
        layout: Pairs,
        rotary: Tensor | None,
    ) -> tuple[Tensor, Tensor | None]:
        """New tokens of elements ``[batch, n, width]`` and of pairs ``[batch, *pairs, pair_width]``."""
        if self.pairs is None or e is None:
            return self.elements(h, embedding, embedded, real.keys, rotary=rotary), None
        shift, scale, gate = self.pairs.modulation(embedding).chunk(3, dim=-1)
        normal = modulate(e, shift, scale)
        bias, message = self.pairs.tell(normal, real.pairs, layout)
        h = self.elements(h + message, embedding, embedded, real.keys, bias, rotary)
        each = (slice(None), *(None,) * (e.ndim - 2))
        return h, torch.addcmul(e, gate[each], self.pairs(normal, h, layout))


class PairBlock(nn.Module):
    """What pairs tell their elements, and their update by these."""

    def __init__(self, options: GraphOptions) -> None:
        super().__init__()
        width, pair, sides = options.width, options.pair_tokens, options.sides
        hidden = max(1, round(pair * options.mlp_ratio))
        self.symmetric = options.symmetric
        self.modulation = nn.Linear(width, 3 * pair)
        self.bias = nn.Linear(sides * pair, options.heads, bias=False)  # a constant would not change attention
        self.message = nn.Linear(sides * pair, width)
        self.product = nn.Linear(width, sides * hidden)
        self.enter = nn.Linear(pair, hidden)
        self.leave = nn.Linear(hidden, pair)
        self.dropout = nn.Dropout(options.dropout)
        zero_(self.modulation)
        zero_(self.message)

    def tell(self, e: Tensor, real: Tensor | None, layout: Pairs) -> tuple[Tensor, Tensor]:
        """The attention's bias ``[batch, heads, n, n]``, and a message to each element ``[batch, n, width]``."""
        turned = layout.turned(e)
        both = 0.5 * (e + turned) if self.symmetric else torch.cat((e, turned), dim=-1)
        seen = None if real is None else layout.laid(real | real.transpose(1, 2))
        return layout.square(self.bias(both)).movedim(-1, 1), self.message(layout.mean(both, seen))

    def forward(self, e: Tensor, h: Tensor, layout: Pairs) -> Tensor:
        """What is added to pairs ``e [batch, *pairs, pair_width]``, given elements ``h [batch, n, width]``."""
        sides = self.product(F.layer_norm(h, h.shape[-1:], eps=1e-6).to(h.dtype))
        here, there = (sides, sides) if self.symmetric else sides.chunk(2, dim=-1)
        hidden = layout.with_product(self.enter(e), here, there)
        out: Tensor = self.dropout(self.leave(F.gelu(hidden)))
        return out


class GraphTransformer(nn.Module):
    """A graph transformer for states of any number of elements: a dict in, a dict out, or a tensor in, a tensor out.

    Every field enters by layers of its own. What padding holds changes nothing, and comes out as zero.

    Arguments:
        template: any states of the fields.
        conditions: what the network can be steered by: labels, numbers, texts.
        options: see :class:`GraphOptions`.

    Raises:
        RecipeError: ``pairs`` names no field.
        UnsupportedError: a field has other axes than a batch's, its elements' and at most one of features.
    """

    def __init__(self, template: State, conditions: ConditionSpace, options: GraphOptions) -> None:
        super().__init__()
        self.options = options
        self.width = width = options.width
        self.shapes = {name: tuple(x.shape[1:]) for name, x in fields(template)}
        for name in options.pairs:
            if name not in self.shapes:
                raise unknown_name("field", name, self.shapes, RecipeError, field="network.pairs")
        self.axes = axes_of(template, options.pairs)
        for name, shape in self.shapes.items():
            _check(name, shape, self.axes[name], masked_axes(template, name))
        self.level_embedding = nn.Sequential(nn.Linear(NOISE_FEATURES, width), nn.SiLU(), nn.Linear(width, width))
        self.conditions = ConditionEmbedding(conditions, width)
        context = width if self.conditions.text_names else None
        of_whole, of_elements, of_pairs = (self._channels(count) for count in (WHOLE, ELEMENTS, PAIRS))
        self.structure = None if options.edges is None else _structure(options, of_pairs)
        seen_elements, seen_pairs = dict(of_elements), {name: 2 * channels for name, channels in of_pairs.items()}
        if self.structure is not None:
            seen_elements[STRUCTURE], seen_pairs[STRUCTURE] = self.structure.of_elements, self.structure.of_pairs
        self.enter_whole = Embed(of_whole, width) if of_whole else None
        self.enter_elements = Embed(seen_elements, width)
        self.enter_pairs = Embed(seen_pairs, options.pair_tokens) if of_pairs else None  # both of its directions
        self.blocks = nn.ModuleList(GraphBlock(options, context, bool(of_pairs)) for _ in range(options.depth))
        self.leave_whole = Leave(of_whole, width, width) if of_whole else None
        self.leave_elements = Leave(of_elements, width, width) if of_elements else None
        self.leave_pairs = Leave(of_pairs, options.pair_tokens, width) if of_pairs else None

    def _channels(self, axes: int) -> dict[str, int]:
        """The features of the fields of one kind, by name."""
        return {name: math.prod(self.shapes[name][count:]) for name, count in self.axes.items() if count == axes}

    def forward(self, x: State, noise_level: Tensor, conditions: Conditions) -> State:
        """Predict.

        Arguments:
            x: the template's fields, with any number of elements, and their masks.
            noise_level: ¼ log(σ/α), float ``[batch]``.
            conditions: by name; what is left out is absent.

        Returns:
            The fields, shaped like those of ``x``, of the dtype in which the network computes; zero in the padding.

        Raises:
            DomainInputError: the state has other fields than the template, or fields of unlike numbers of elements.
        """
        given = dict(fields(x))
        count = self._count(given)
        real = Real.of(x, self.axes)
        values = {n: self._features(shown(value, real.fields.get(n)), n) for n, value in given.items()}
        some = next(iter(values.values()))
        embedded = self.conditions(conditions, some)
        vector = self.level_embedding(noise_features(noise_level, NOISE_FEATURES).to(some.dtype)) + embedded.vector
        if self.enter_whole is not None:
            vector = vector + self.enter_whole(values, real.fields)
        embedding = F.silu(vector)

        told, layout = self._told(values), Half.of(count, some.device) if self.options.halved else Square()
        masks = {**real.fields, STRUCTURE: real.elements} if real.elements is not None else real.fields
        h = self.enter_elements({**values, **told[0]}, masks).expand(some.shape[0], count, -1)
        if self.options.positions == "sinusoidal":
            h = h + axial_positions((count,), self.width, h.device).to(h.dtype)
        rotary = None
        if self.options.positions == "rotary":
            rotary = rotary_positions(count, self.width // self.options.heads, h.device)
        e = None if self.enter_pairs is None else self._pairs(values, told[1], real, layout)
        for block in self.blocks:
            h, e = block(h, e, embedding, embedded, real, layout, rotary)

        out = {} if self.leave_elements is None else self.leave_elements(h, embedding)
        if self.leave_pairs is not None:
            out |= {name: layout.square(x) for name, x in self.leave_pairs(e, embedding).items()}
        if self.leave_whole is not None:
            out |= self.leave_whole(mean(h, real.elements, 1), embedding)
        shaped = {n: shown(out[n].reshape(value.shape), real.fields.get(n)) for n, value in given.items()}
        return shaped[""] if isinstance(x, Tensor) else shaped

    def _pairs(self, values: Mapping[str, Tensor], told: Mapping[str, Tensor], real: Real, layout: Pairs) -> Tensor:
        """The tokens of pairs, of whose features each sees its own and those of its reverse, side by side."""
        assert self.enter_pairs is not None
        laid = {name: layout.laid(x) for name, x in values.items() if self.axes[name] == PAIRS}
        both = {name: torch.cat((x, layout.turned(x)), dim=-1) for name, x in laid.items()}
        masks = dict(real.fields) if real.pairs is None else {**real.fields, STRUCTURE: real.pairs}
        seen = {name: layout.laid(mask) for name, mask in masks.items() if self.axes.get(name, PAIRS) == PAIRS}
        tokens: Tensor = self.enter_pairs({**both, **{name: layout.laid(x) for name, x in told.items()}}, seen)
        return tokens

    def _told(self, values: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """What the edges say of elements and of pairs, as fields of their own."""
        if self.structure is None or self.options.edges is None:
            return {}, {}
        elements, pairs = self.structure(values[self.options.edges])
        return {STRUCTURE: elements}, {STRUCTURE: pairs}

    def _features(self, x: Tensor, name: str) -> Tensor:
        """``[batch, *elements, features]``: an axis for features, also of a field that has none."""
        return x if x.ndim == self.axes[name] + 2 else x[..., None]

    def _count(self, given: Mapping[str, Tensor]) -> int:
        """How many elements there are, padding included."""
        sizes = {name: tuple(x.shape[1 : 1 + self.axes[name]]) for name, x in given.items() if name in self.axes}
        counts = {count for size in sizes.values() for count in size}
        features = {name: tuple(x.shape[1 + self.axes.get(name, 0) :]) for name, x in given.items()}
        expected = {name: shape[self.axes[name] :] for name, shape in self.shapes.items()}
        if features != expected:
            raise DomainInputError(
                "has other fields than the network was made for", field="state", expected=expected, got=features
            )
        if len(counts) > 1:
            raise DomainInputError(
                "has fields of unlike numbers of elements", field="state", expected="one number", got=sizes
            )
        return counts.pop()


STRUCTURE = "<structure>"
"""The name, which no field has, of what the edges say."""


def _structure(options: GraphOptions, pairs: Mapping[str, int]) -> Structure:
    edges = str(options.edges)
    if edges not in pairs:
        raise unknown_name("field of pairs", edges, pairs, RecipeError, field="network.edges")
    classes = pairs[edges]
    weights = options.weights or (0.0, *(1.0,) * (classes - 1))
    require(len(weights) == classes, "weights", weights, f"a number for each of the {classes} classes of edges")
    return Structure(tuple(map(float, weights)), options.walks)


def _check(name: str, shape: tuple[int, ...], axes: int, masked: int) -> None:
    if masked > axes:
        raise UnsupportedError(
            "this network cannot tell single features that are missing", field=f"state.{name}", expected="[batch, n]",
            got="a mask over features too", fix="make a field, with a mask of its own, of each that may be missing",
        )  # fmt: skip
    square = axes != PAIRS or (len(shape) > 1 and shape[0] == shape[1])
    if axes > PAIRS or not square or len(shape) - axes not in (0, 1):
        raise UnsupportedError(
            "this network needs elements, pairs of them, or one vector for the whole", field=f"state.{name}",
            expected="[batch, n, features], [batch, n, n, features] or, with a mask [batch], [batch, features]",
            got=f"[batch, {', '.join(map(str, shape))}]", fix="take unet or dit for grids, mlp for states of one size",
        )  # fmt: skip


def build(template: State, conditions: ConditionSpace, **options: Any) -> GraphTransformer:
    """A graph transformer for states like a template.

    Arguments:
        template: states of elements ``[batch, n, *features]``, pairs ``[batch, n, n, *features]`` or wholes, each with
            at most one axis of features; see :func:`axes_of`. How many elements they have does not matter.
        conditions: what the network can be steered by.
        options: see :class:`GraphOptions`.

    Raises:
        RecipeError: an option is unknown or wrong.
        UnsupportedError: a field is of another kind, no field has elements, or a condition is a state.
    """
    made = GraphTransformer(template, conditions, parse(GraphOptions, options))
    if not any(made.axes.values()):
        raise UnsupportedError(
            "this network needs elements", field="state", expected="[batch, n, features]", got="none"
        )
    if made.conditions.overlay_names:
        raise UnsupportedError(
            "takes no state for a condition", field="network.name", expected="labels, numbers and texts",
            got=", ".join(made.conditions.overlay_names),
        )  # fmt: skip
    return made
