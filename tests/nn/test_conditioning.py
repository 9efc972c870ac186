"""Conditions as vectors, tokens and overlays."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from suffuse.conditions import (
    Condition,
    Conditions,
    ConditionSpace,
    Label,
    Number,
    StateCondition,
    Text,
    drop,
    encode_conditions,
    take_conditions,
)
from suffuse.errors import DomainInputError, UnsupportedError
from suffuse.nn.conditioning import ConditionEmbedding, Embedded

SPACE: ConditionSpace = {
    "type": Label(("a", "b", "c")),
    "logp.max": Number(),
    "caption": Text.fit(["a red cat", "a blue dog runs"]),
    "sketch": StateCondition((2, 8, 8)),
}
LIKE = torch.zeros(3, 1, 8, 8)


def given(**other: Condition) -> dict[str, Condition]:
    sketch = torch.linspace(-1, 1, 128).reshape(2, 8, 8)
    values = {
        "type": ["a", "b", "c"],
        "logp.max": [0.1, -2.0, 3.0],
        "caption": ["red cat", "", "a blue dog runs"],
        "sketch": [sketch, -sketch, sketch],
    }
    return {**encode_conditions(SPACE, values, 3), **other}


def embedding(space: ConditionSpace = SPACE) -> ConditionEmbedding:
    torch.manual_seed(0)
    made = ConditionEmbedding(space, 16)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return made.eval()


def attended(embedded: Embedded) -> Tensor:
    """What a cross-attention with one query can see of the tokens."""
    assert embedded.tokens is not None
    assert embedded.token_mask is not None
    scores = embedded.tokens.sum(-1).masked_fill(~embedded.token_mask, -math.inf)
    return (scores.softmax(-1)[..., None] * embedded.tokens).sum(1)


def same(a: Embedded, b: Embedded) -> None:
    torch.testing.assert_close(a.vector, b.vector)
    torch.testing.assert_close(attended(a), attended(b))
    torch.testing.assert_close(a.overlay, b.overlay)


def test_shapes() -> None:
    made = embedding()
    out = made(given(), LIKE)
    assert out.vector.shape == (3, 16)
    assert out.tokens.shape[0] == 3
    assert out.tokens.shape[2] == 16
    assert out.token_mask.shape == out.tokens.shape[:2]
    assert out.overlay.shape == (3, made.overlay_channels, 8, 8) == (3, 3, 8, 8)


def test_tokens_may_have_a_width_of_their_own() -> None:
    out = ConditionEmbedding(SPACE, 16, token_width=8)(given(), LIKE)
    assert out.vector.shape == (3, 16)
    assert out.tokens.shape[2] == 8


def test_an_unconditional_space_gives_zeros() -> None:
    out = ConditionEmbedding({}, 16)({}, LIKE)
    assert out.vector.shape == (1, 16)
    assert not out.vector.any()
    assert (out.tokens, out.token_mask, out.overlay) == (None, None, None)


@pytest.mark.parametrize("name", SPACE)
def test_every_condition_matters(name: str) -> None:
    made, full = embedding(), given()
    a, b = made(full, LIKE), made({**full, **drop({name: full[name]})}, LIKE)
    if name == "sketch":
        assert (a.overlay != b.overlay).any()
    else:
        assert (a.vector - b.vector).abs().amax(1).min() > 1e-3


@pytest.mark.parametrize("name", SPACE)
def test_the_value_of_an_absent_condition_does_not_matter(name: str) -> None:
    made, full = embedding(), given()
    present = torch.tensor([True, False, True])
    poison = full[name].value.clone()
    poison[1] = math.nan if poison.is_floating_point() else 99
    clean = replace(full[name], present=present)
    same(made({**full, name: clean}, LIKE), made({**full, name: replace(clean, value=poison)}, LIKE))


def test_a_condition_left_out_is_absent() -> None:
    made = embedding()
    same(made({}, LIKE), made(drop(given()), LIKE))


def test_no_row_of_the_token_mask_is_empty() -> None:
    out = embedding()(drop(given(), torch.tensor([True, True, False])), LIKE)
    assert out.token_mask.any(1).all()


def test_an_empty_text_is_not_an_absent_one() -> None:
    made, full = embedding(), given()
    absent = replace(full["caption"], present=torch.tensor([True, False, True]))
    a, b = made(full, LIKE), made({**full, "caption": absent}, LIKE)
    assert (attended(a) - attended(b))[1].abs().max() > 1e-3


def test_what_the_padding_of_a_text_holds_does_not_matter() -> None:
    made, full = embedding(), given()
    caption = full["caption"]
    poison = torch.where(caption.mask, caption.value, 5)
    longer = Condition(
        torch.nn.functional.pad(poison, (0, 4), value=7), caption.present, torch.nn.functional.pad(caption.mask, (0, 4))
    )
    same(made(full, LIKE), made({**full, "caption": longer}, LIKE))


def test_the_order_of_words_matters() -> None:
    made = embedding()
    text = SPACE["caption"]
    a, b = (made({"caption": text.encode([s] * 3, "caption")}, LIKE) for s in ("red cat", "cat red"))
    assert (a.vector - b.vector).abs().max() > 1e-4


def test_batches_equal_singles() -> None:
    made, full = embedding(), given()
    whole = made(full, LIKE)
    for i in range(3):
        one = made(take_conditions(full, slice(i, i + 1)), LIKE[:1])
        torch.testing.assert_close(one.vector[0], whole.vector[i], atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(one.tokens[0], whole.tokens[i], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("axes", [(12,), (12, 5), (4, 12, 5)])
def test_a_state_of_another_size_is_interpolated(axes: tuple[int, ...]) -> None:
    kind = StateCondition((1, *(3,) * len(axes)))
    condition = Condition(torch.full((2, *kind.shape), 0.5), torch.tensor([True, False]))
    overlay = ConditionEmbedding({"low": kind}, 4)({"low": condition}, torch.zeros(2, 1, *axes)).overlay
    assert overlay.shape == (2, 2, *axes)
    torch.testing.assert_close(overlay[0, 0], torch.full(axes, 0.5))
    assert overlay[0, 1].all()
    assert not overlay[1].any()


def test_a_state_with_other_axes_is_refused() -> None:
    conditions: Conditions = {"low": Condition(torch.zeros(2, 1, 4), torch.ones(2, dtype=torch.bool))}
    with pytest.raises(UnsupportedError, match="as many axes"):
        ConditionEmbedding({"low": StateCondition((1, 4))}, 4)(conditions, torch.zeros(2, 1, 4, 4))


def test_an_unknown_condition_is_refused() -> None:
    with pytest.raises(DomainInputError, match="did you mean 'caption'"):
        embedding()({"captoin": given()["caption"]}, LIKE)


def test_weights_do_not_depend_on_the_order_of_the_space() -> None:
    other = ConditionEmbedding(dict(reversed(SPACE.items())), 16)
    made = embedding()
    other.load_state_dict(made.state_dict())
    same(made(given(), LIKE), other(given(), LIKE))
