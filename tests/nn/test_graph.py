"""The graph transformer: elements, pairs of them and wholes, with masks and without."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from suffuse.conditions import (
    ConditionSpace,
    Label,
    Number,
    StateCondition,
    Text,
    drop,
    encode_conditions,
    take_conditions,
)
from suffuse.denoise import precondition
from suffuse.errors import DomainInputError, RecipeError, UnsupportedError
from suffuse.features import Features, inner_layer
from suffuse.nn import graph
from suffuse.nn.elements import ELEMENTS, PAIRS, WHOLE, axes_of
from suffuse.process import Absorbing, Categorical, Gaussian, Marginal, Product, Uniform
from suffuse.rng import Rng
from suffuse.sampling import DDPM, UniformTime, sample
from suffuse.state import State, map_all

OPTIONS = {"width": 16, "depth": 2, "heads": 2}
SPACE: ConditionSpace = {"label": Label(("a", "b")), "number": Number(), "text": Text.fit(["a red cat", "a blue dog"])}
COUNTS = (5, 3, 1, 4)
LONGEST = 6
LEVELS = torch.linspace(-1.5, 1.5, len(COUNTS))


def given() -> dict[str, Any]:
    values = {"label": [*"abba"], "number": [0.3, -1.0, 2.0, 0.0], "text": ["red cat", "", "a blue dog", "a cat"]}
    return encode_conditions(SPACE, values, 4)


def turned(x: Tensor) -> Tensor:
    """A field of pairs, transposed."""
    return x.transpose(1, 2)


def shaped(counts: tuple[int, ...] = COUNTS, symmetric: bool = False, longest: int = LONGEST) -> dict[str, Tensor]:
    """Elements with a vector and with a number, pairs with a vector and with a number, and a whole."""
    size = len(counts)
    mask = torch.arange(longest) < torch.tensor(counts)[:, None]
    both = mask[:, :, None] & mask[:, None, :]
    pairs = {"bond": torch.randn(size, longest, longest, 3), "distance": torch.randn(size, longest, longest)}
    if symmetric:
        pairs = {name: x + turned(x) for name, x in pairs.items()}
    x = {"kind": torch.randn(size, longest, 4), "charge": torch.randn(size, longest), **pairs}
    masks = {"mask": mask, "bond.mask": both, "distance.mask": both, "cell.mask": torch.ones(size, dtype=torch.bool)}
    return {**padded_with(x, {**masks}, 0.0), "cell": torch.randn(size, 2), **masks}


def padded_with(x: dict[str, Tensor], masks: dict[str, Tensor], value: float) -> dict[str, Tensor]:
    found = {name: masks.get(f"{name}.mask", masks["mask"]) for name in x}
    return {n: torch.where(m.reshape(m.shape + (1,) * (x[n].ndim - m.ndim)), x[n], value) for n, m in found.items()}


def awake(template: State, space: ConditionSpace = SPACE, **options: Any) -> nn.Module:
    """A network with every weight perturbed, since what begins at zero hides what lies behind it."""
    network = graph.build(template, space, **{**OPTIONS, **options})
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape))
    return network.eval()


def only_fields(out: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: x for name, x in out.items() if not name.endswith("mask")}


def close(a: dict[str, Tensor], b: dict[str, Tensor]) -> None:
    assert a.keys() == b.keys()
    for name in a:
        torch.testing.assert_close(a[name], b[name], atol=2e-5, rtol=1e-4)


def permuted(x: dict[str, Tensor], order: Tensor) -> dict[str, Tensor]:
    """All elements in another order: rows, columns and masks."""
    out = {}
    for name, value in x.items():
        axes = 0 if name.startswith("cell") else 2 if name.startswith(("bond", "distance")) else 1
        for axis in range(1, axes + 1):
            value = value.index_select(axis, order)
        out[name] = value
    return out


symmetries = pytest.mark.parametrize("symmetric", [True, False], ids=["symmetric", "directed"])


# What a field is of.


def test_masks_axes_and_the_option_tell_what_a_field_is_of() -> None:
    mask = torch.ones(2, 3, dtype=torch.bool)
    square, cube = torch.zeros(2, 3, 3), torch.zeros(2, 3, 3, 5)
    assert axes_of(shaped()) == {"kind": ELEMENTS, "charge": ELEMENTS, "bond": PAIRS, "distance": PAIRS, "cell": WHOLE}
    assert axes_of({"a": square, "b": cube, "c": torch.zeros(2, 3), "mask": mask}) == {"a": 1, "b": 2, "c": 1}
    assert axes_of({"a": square, "b": square}, ["b"]) == {"a": 1, "b": 2}
    assert axes_of({"a": square, "a.mask": mask[:, None] & mask[..., None]}) == {"a": 2}
    assert (axes_of(square), axes_of(cube), axes_of(square, [""])) == ({"": 1}, {"": 2}, {"": 2})


@symmetries
def test_a_dict_in_a_dict_out_and_a_tensor_in_a_tensor_out(symmetric: bool) -> None:
    x = shaped()
    out = awake(x, symmetric=symmetric)(x, LEVELS, given())
    assert {k: v.shape for k, v in out.items()} == {k: v.shape for k, v in only_fields(x).items()}
    assert all(v.isfinite().all() for v in out.values())
    for template in (torch.zeros(1, 5, 3), torch.zeros(1, 5), torch.zeros(1, 5, 5, 3)):
        network = awake(template, symmetric=symmetric)
        for count in (1, 2, 9):
            sizes = (count, count) if template.ndim == 4 else (count,)
            z = torch.randn(4, *sizes, *template.shape[1 + len(sizes) :])
            assert network(z, LEVELS, given()).shape == z.shape


def test_a_new_network_predicts_zero() -> None:
    x = shaped()
    assert not any(v.any() for v in graph.build(x, SPACE, **OPTIONS)(x, LEVELS, given()).values())


# Order.


@symmetries
def test_permuting_the_elements_permutes_what_comes_out(symmetric: bool) -> None:
    x, order = shaped(), torch.randperm(LONGEST)
    network = awake(x, symmetric=symmetric)
    close(network(permuted(x, order), LEVELS, given()), permuted(network(x, LEVELS, given()), order))


@pytest.mark.parametrize("positions", ["sinusoidal", "rotary"])
def test_positions_make_a_sequence(positions: str) -> None:
    x, order = torch.randn(4, 6, 3), torch.randperm(6)
    network = awake(x, positions=positions)
    change = network(x[:, order], LEVELS, {}) - network(x, LEVELS, {})[:, order]
    assert change.abs().max() > 1e-3
    longer = network(F.pad(x, (0, 0, 0, 2)), LEVELS, {})  # without a mask, elements at the end count
    assert (longer[:, :6] - network(x, LEVELS, {})).abs().max() > 1e-3


def test_rotary_positions_tell_how_far_apart_elements_are_and_not_where() -> None:
    x = {"a": torch.randn(4, 8, 3), "mask": torch.ones(4, 8, dtype=torch.bool)}
    x["mask"][:, :2] = False  # nothing stands there
    early = {"a": x["a"].roll(-2, 1), "mask": x["mask"].roll(-2, 1)}
    for positions, alike in (("rotary", True), ("sinusoidal", False)):
        network = awake(x, positions=positions)
        there, here = network(x, LEVELS, {})["a"][:, 2:], network(early, LEVELS, {})["a"][:, :6]
        assert ((there - here).abs().max() < 1e-4) == alike


def test_rotary_positions_need_pairs_of_features() -> None:
    with pytest.raises(RecipeError, match="even multiple"):
        graph.build(torch.randn(1, 4, 3), {}, width=6, heads=2, depth=1, positions="rotary")


def test_pairs_without_direction_stay_symmetric() -> None:
    x = shaped(symmetric=True)
    out = awake(x)(x, LEVELS, given())
    for name in ("bond", "distance"):
        assert out[name].abs().max() > 1e-2
        torch.testing.assert_close(out[name], turned(out[name]), atol=1e-6, rtol=1e-6)
    directed = awake(x, symmetric=False)(x, LEVELS, given())["bond"]
    assert (directed - turned(directed)).abs().max() > 1e-3


def test_transposing_pairs_without_direction_transposes_what_comes_out() -> None:
    """So noise that is not symmetric leaves room for a prediction that is not, as v and ε are."""
    x = shaped()
    network = awake(x)
    other = network({**x, "bond": turned(x["bond"]), "distance": turned(x["distance"])}, LEVELS, {})
    out = network(x, LEVELS, {})
    assert (out["bond"] - turned(out["bond"])).abs().max() > 1e-3
    close(other, {**out, "bond": turned(out["bond"]), "distance": turned(out["distance"])})


# Padding.


@symmetries
@pytest.mark.parametrize("value", [1.0, math.nan])
def test_what_padding_holds_changes_nothing(symmetric: bool, value: float) -> None:
    x = shaped()
    masks = {name: m for name, m in x.items() if m.dtype == torch.bool}
    garbage = {**x, **padded_with({n: x[n] for n in ("kind", "charge", "bond", "distance")}, masks, value)}
    network = awake(x, symmetric=symmetric)
    out, other = network(x, LEVELS, given()), network(garbage, LEVELS, given())
    for name in out:
        assert torch.equal(out[name], other[name]), name
        hidden = ~masks.get(f"{name}.mask", masks["mask"])
        assert not out[name][hidden].any(), name
    sum(v.square().sum() for v in other.values()).backward()
    assert all(p.grad is None or p.grad.isfinite().all() for p in network.parameters())


@symmetries
def test_a_batch_equals_its_samples_one_by_one_without_padding(symmetric: bool) -> None:
    x = shaped()
    network = awake(x, symmetric=symmetric)
    out = network(x, LEVELS, given())
    for i, count in enumerate(COUNTS):
        one = slice(i, i + 1)
        alone = map_all(lambda v, one=one: v[one], x)
        short = {k: v if k.startswith("cell") else v[:, :count] for k, v in alone.items()}
        short |= {k: v[:, :, :count] for k, v in short.items() if k.startswith(("bond", "distance"))}
        mine = network(short, LEVELS[one], take_conditions(given(), one))
        for name, v in mine.items():
            part = out[name][tuple(slice(size) for size in (i + 1, *v.shape[1:]))][i:]
            torch.testing.assert_close(v, part, atol=2e-5, rtol=1e-4)


@symmetries
def test_a_mask_that_is_true_everywhere_is_as_none(symmetric: bool) -> None:
    x = {k: v for k, v in shaped((6, 6, 6, 6)).items() if not k.startswith("cell")}
    network = awake(x, symmetric=symmetric, pairs=["distance"])
    close(network(x, LEVELS, {}), network(only_fields(x), LEVELS, {}))


@symmetries
@pytest.mark.parametrize("counts", [(0, 3, 1, 0), (0, 0, 0, 0)])
def test_a_sample_without_elements_is_finite(symmetric: bool, counts: tuple[int, ...]) -> None:
    x = shaped(counts)
    network = awake(x, symmetric=symmetric)
    out = network(x, LEVELS, given())
    assert all(v.isfinite().all() for v in out.values())
    assert not any(out[name][0].any() for name in out if name != "cell")
    sum(v.square().sum() for v in out.values()).backward()
    assert all(p.grad is None or p.grad.isfinite().all() for p in network.parameters())
    none = network(shaped(counts, longest=0), LEVELS, given())
    assert none["bond"].shape == (4, 0, 0, 3) and none["cell"].isfinite().all()


def test_a_mask_over_elements_hides_their_pairs() -> None:
    x = {k: v for k, v in shaped().items() if not k.startswith(("cell", "distance"))}
    network = awake(x)
    close(network(x, LEVELS, {}), network({k: v for k, v in x.items() if k != "bond.mask"}, LEVELS, {}))


def test_a_value_that_is_missing_is_not_a_zero() -> None:
    """A mask of a field's own hides its value alone; the element stays."""
    x = {"a": torch.randn(4, 5, 2), "b": torch.randn(4, 5, 1)}
    shown = {**x, "b.mask": torch.ones(4, 5, dtype=torch.bool), "mask": torch.ones(4, 5, dtype=torch.bool)}
    gap = shown["b.mask"].clone()
    gap[:, 2] = False
    zero = {**shown, "b": torch.where(gap[..., None], x["b"], 0.0)}
    network = awake(shown)
    missing, nought = network({**shown, "b.mask": gap}, LEVELS, {})["a"], network(zero, LEVELS, {})["a"]
    assert (missing - nought).abs().max() > 1e-3
    assert missing[:, 2].abs().min() > 0.0


# What it looks at.


@symmetries
def test_fields_level_and_conditions_matter_to_all_that_comes_out(symmetric: bool) -> None:
    x = shaped((5, 5, 5, 5))
    network = awake(x, symmetric=symmetric)
    out = network(x, LEVELS, given())

    @torch.no_grad()
    def moved(other: dict[str, Tensor]) -> float:
        return min(float((other[n] - out[n]).abs().flatten(1).amax(1).min()) for n in out)

    for name in only_fields(x):
        assert moved(network({**x, name: 1.3 * x[name]}, LEVELS, given())) > 1e-4, name
    assert moved(network(x, LEVELS + 0.1, given())) > 1e-4
    for name in SPACE:
        rest = {**given(), **drop({name: given()[name]})}
        change = network(x, LEVELS, rest)["kind"] - out["kind"]
        assert change.abs().flatten(1).amax(1).max() > 1e-4, name


def test_degrees_are_seen() -> None:
    """Attention alone, a weighted mean over elements that are all alike, could not count edges."""
    edges = torch.zeros(2, 4, 4, 2)
    edges[..., 0] = 1.0
    edges[1, 0, 1:] = edges[1, 1:, 0] = torch.tensor([0.0, 1.0])
    x = {"nodes": torch.zeros(2, 4, 1), "edges": edges}
    out = awake(x, {})(x, torch.zeros(2), {})["nodes"]
    assert (out[1, 0] - out[1, 1]).abs() > 1e-3
    assert (out[1, 2] - out[1, 1]).abs() < 1e-5


@symmetries
@pytest.mark.parametrize("positions", ["none", "sinusoidal", "rotary"])
def test_every_parameter_learns(symmetric: bool, positions: str) -> None:
    x = shaped()
    network = graph.build(x, SPACE, **OPTIONS, symmetric=symmetric, positions=positions)
    optimizer = torch.optim.Adam(network.parameters(), 0.01)
    conditions = {**given(), **drop(given(), torch.tensor([True, True, True, False]))}
    for _ in range(3):
        optimizer.zero_grad()
        out = network(x, LEVELS, conditions)
        sum((v - torch.randn(v.shape)).square().mean() for v in out.values()).backward()
        optimizer.step()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None and parameter.grad.isfinite().all() and parameter.grad.any(), name


@pytest.mark.parametrize("left", ["kind", "bond"])
def test_every_parameter_learns_with_one_field(left: str) -> None:
    x = {k: v for k, v in shaped().items() if k in (left, f"{left}.mask", "mask")}
    network = graph.build(x, {}, **OPTIONS)
    optimizer = torch.optim.Adam(network.parameters(), 0.01)
    for _ in range(6):  # pairs tell their elements nothing at first, and these are all alike until then
        optimizer.zero_grad()
        (network(x, LEVELS, {})[left] - torch.randn(x[left].shape)).square().mean().backward()
        optimizer.step()
    assert not [n for n, p in network.named_parameters() if p.grad is None or not p.grad.any()]


# Precisions.


def test_bfloat16_autocast_and_weights_of_another_precision() -> None:
    x = shaped()
    network = awake(x)
    single = network(x, LEVELS, given())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        half = network(x, LEVELS, given())
    for name, exact in single.items():
        assert (half[name].float() - exact).norm() < 0.05 * exact.norm(), name
    sum(v.float().square().mean() for v in half.values()).backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())
    wide = {k: v.double() if v.is_floating_point() else v for k, v in x.items()}
    double = network.double()(wide, LEVELS, given())
    assert {v.dtype for v in double.values()} == {torch.float64}
    close({k: v.float() for k, v in double.items()}, single)


# Heads, features, learning.


@pytest.mark.parametrize("kernel", [Uniform, Absorbing], ids=["uniform", "absorbing"])
def test_categorical_heads_take_its_output(kernel: Callable[[int], Any]) -> None:
    """A belief of symmetric pairs is symmetric, sums to one where it is real, and to nothing in the padding."""
    x = {k: v for k, v in shaped(symmetric=True).items() if not k.startswith(("cell", "distance", "charge"))}
    x["bond"] = F.one_hot(x["bond"].argmax(-1), 3).float() * x["bond.mask"][..., None]
    process = Product({"kind": Gaussian(), "bond": Categorical(kernel(3), symmetric=True)})
    denoiser = precondition(awake(x, {}), process, "flow")
    noised = process.corrupt(x, 0.7, Rng.of([0] * 4))
    mean = denoiser(noised, 0.7).mean
    assert isinstance(mean, dict)
    torch.testing.assert_close(mean["bond"], turned(mean["bond"]))
    torch.testing.assert_close(mean["bond"].sum(-1), x["bond.mask"].float())
    made = sample(DDPM(), denoiser, process, UniformTime(4), rng=Rng.of([1] * 4), like=x)
    assert isinstance(made, dict)
    assert torch.equal(made["bond"].sum(-1), x["bond.mask"].float()) and torch.equal(made["bond"], turned(made["bond"]))


def test_features_do_not_see_padding() -> None:
    x = {k: v for k, v in shaped().items() if k in ("bond", "bond.mask")}
    network = awake(x, {})
    process = Product({"bond": Gaussian()})
    denoiser = precondition(network, process, "flow")
    layer = inner_layer(network, lambda: denoiser(x, 0.5))
    read = Features(network, denoiser, process, layer)
    wider = {k: F.pad(v, (0, 0, 0, 2, 0, 2) if v.ndim == 4 else (0, 2, 0, 2)) for k, v in x.items()}
    assert layer.startswith("blocks.") and read(x, {}).shape == (4, 3 * 16)
    torch.testing.assert_close(read(wider, {}), read(x, {}), atol=1e-4, rtol=1e-3)


def colourings(count: int, generator: torch.Generator) -> dict[str, Tensor]:
    """Graphs of 3 to 5 nodes of two colours; the colours are thrown, and an edge joins just those that are unlike."""
    counts = torch.randint(3, 6, (count,), generator=generator)
    colour = torch.randint(2, (count, 5), generator=generator)
    mask = torch.arange(5) < counts[:, None]
    both = mask[:, :, None] & mask[:, None, :] & ~torch.eye(5, dtype=torch.bool)
    joined = (colour[:, :, None] != colour[:, None, :]).long()
    nodes, edges = F.one_hot(colour, 2).float() * mask[..., None], F.one_hot(joined, 2).float() * both[..., None]
    return {"nodes": nodes, "edges": edges, "mask": mask, "edges.mask": both}


def right(x: dict[str, Tensor]) -> float:
    """The share of graphs in which an edge joins just the nodes of unlike colours."""
    colour, joined = x["nodes"].argmax(-1), x["edges"].argmax(-1).bool()
    wrong = (joined != (colour[:, :, None] != colour[:, None, :])) & x["edges.mask"]
    return float((~wrong.flatten(1).any(1)).float().mean())


def test_it_learns_graphs_whose_edges_follow_from_their_nodes() -> None:
    """Independent marginals get a graph of four nodes right once in 2⁶."""
    generator = torch.Generator().manual_seed(0)
    process = Product(
        {"nodes": Categorical(Marginal((0.5, 0.5))), "edges": Categorical(Marginal((0.5, 0.5)), symmetric=True)}
    )
    network = graph.build(colourings(1, generator), {}, width=32, depth=2, heads=2)
    denoiser = precondition(network, process)
    optimizer = torch.optim.Adam(network.parameters(), 3e-3)
    for step in range(250):
        x0 = colourings(64, generator)
        t = torch.rand(64, generator=generator, dtype=torch.float64).clamp_min(0.01)
        x_t = process.corrupt(x0, t, Rng.of(step, 64))
        loss = process.loss(denoiser(x_t, t), x0, x_t, t).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    like = colourings(200, generator)
    with torch.no_grad():
        made = sample(DDPM(), denoiser, process, UniformTime(24), rng=Rng.of(9, 200), like=like)
    independent = process.prior(like, Rng.of(5, 200))
    assert isinstance(made, dict) and isinstance(independent, dict)
    assert right(independent) < 0.15
    assert right(made) > 0.6


def test_wrong_states_and_options_are_told() -> None:
    x = shaped()
    network = awake(x, {})
    with pytest.raises(DomainInputError, match="other fields"):
        network({**x, "kind": torch.zeros(4, LONGEST, 7)}, LEVELS, {})
    with pytest.raises(DomainInputError, match="other fields"):
        network({k: v for k, v in x.items() if k != "charge"}, LEVELS, {})
    with pytest.raises(DomainInputError, match="unlike numbers"):
        network({**x, "kind": torch.zeros(4, LONGEST + 1, 4)}, LEVELS, {})
    for template in (
        torch.zeros(1, 2, 3, 4),
        torch.zeros(1, 2, 2, 2, 2),
        torch.zeros(3),
        {"a": x["cell"], "a.mask": x["cell.mask"]},
    ):
        with pytest.raises(UnsupportedError, match="this network needs"):
            graph.build(template, {})
    gaps = {"a": torch.zeros(1, 3, 2), "a.mask": torch.ones(1, 3, 2, dtype=torch.bool)}
    with pytest.raises(UnsupportedError, match="single features"):
        graph.build(gaps, {})
    with pytest.raises(UnsupportedError, match="takes no state"):
        graph.build(torch.zeros(1, 3, 1), {"sketch": StateCondition((1, 4))})
    wrong = {
        "width": 0, "depth": 1.5, "heads": 0, "pair_width": 0, "mlp_ratio": -1.0, "dropout": 1.0,
        "positions": "learnt", "symmetric": 1, "pairs": ["edges"], "patch": 2,
    }  # fmt: skip
    for name, value in wrong.items():
        with pytest.raises(RecipeError, match=f"network.{name}"):
            graph.build(torch.zeros(1, 3, 1), {}, **{name: value})
    with pytest.raises(RecipeError, match=r"network\.width"):
        graph.build(torch.zeros(1, 3, 1), {}, width=30, heads=4)
