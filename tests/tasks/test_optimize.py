"""``optimize``, and what is sampled with when nobody chooses."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from suffuse.budgets import CONTINUOUS, DISCRETE, MIXED, Budget, Component, choose
from suffuse.errors import RecipeError
from suffuse.model import Model, load
from suffuse.process import Categorical, Gaussian, Product, RectifiedFlow, Uniform
from suffuse.recipe import validate
from suffuse.sampling import DDIM, DDPM, DPMpp, Karras, Levels, UniformTime
from suffuse.tasks.optimize import optimize
from suffuse.tasks.plan import Sampling, make_plan
from tests.toy import recipe

SOLVERS = (Component("dpmpp", {"order": 2}), Component("ddim"))


def test_the_best_is_kept_and_used(model: Model, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    found = optimize(model, (3, 6), samples=6, solvers=SOLVERS, on_step=lambda *done: told.append(done))
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]
    for steps, budget in found.budgets.items():
        trials = [t for t in found.trials if t.steps == steps]
        assert {(t.sampler, t.grid) for t in trials} >= {
            (s, g) for s in SOLVERS for g in ("optimized", "log-snr", "karras", "flow")
        }
        assert budget.error == min(t.error for t in trials)
    assert found.budgets[6].error < found.budgets[3].error
    kept = load(found.apply(model).save(tmp_path / "m.safetensors"))
    assert kept.budgets == found.budgets
    plan = make_plan(kept, Sampling(steps=6))
    assert plan.sampler == found.budgets[6].sampler.make("sampler")
    assert plan.times == pytest.approx(Levels(found.budgets[6].levels)(kept.process.schedule))
    assert kept.generate(2, steps=6) != model.generate(2, steps=6)


def test_what_was_chosen_is_kept(model: Model) -> None:
    budgets = {5: Budget(Component("ddim"), (80.0, 10.0, 3.0, 1.0, 0.3), 0.1)}
    process = model.process
    sampler, grid = choose(process, budgets, 5, DPMpp(3))
    assert (sampler, grid) == (DPMpp(3), Levels(budgets[5].levels))
    assert choose(process, budgets, 5, None, Karras(7))[1] == Karras(7)
    assert choose(process, budgets, 5, DDPM(), UniformTime(3)) == (DDPM(), UniformTime(3))


def test_another_number_of_steps_follows_the_same_curve() -> None:
    budget = Budget(Component("ddim"), (80.0, 10.0, 1.0), 0.1)
    assert budget.grid(3).levels == (80.0, 10.0, 1.0)
    five = budget.grid(5).levels
    assert five == pytest.approx((80.0, math.sqrt(800.0), 10.0, math.sqrt(10.0), 1.0))
    assert budget.grid(1).levels == pytest.approx((80.0,))
    assert Budget(Component("ddim"), (80.0,), 0.1).grid(2).levels[0] == pytest.approx(80.0)


def test_the_common_table_knows_every_kind_of_process() -> None:
    categories = Categorical(Uniform(3))
    mixed = Product({"x": Gaussian(RectifiedFlow()), "c": categories})
    for process, table in ((Gaussian(), CONTINUOUS), (mixed, MIXED), (categories, DISCRETE)):
        for steps in (1, 5, 7, 8, 20, 1000):
            row = next(row for row in table if steps <= row.most)
            sampler, grid = choose(process, {}, steps)
            assert sampler == row.sampler.make("sampler")
            assert grid == row.grid.make("grid", steps=steps)


def test_nonsense_is_told(model: Model) -> None:
    with pytest.raises(RecipeError, match="steps"):
        optimize(model, (0,))
    with pytest.raises(RecipeError, match="samples"):
        optimize(model, (3,), samples=0)


def test_a_recipe_may_leave_the_choice_or_make_it() -> None:
    from suffuse.registry import isolated
    from tests.toy import Plugin

    with isolated(Plugin()):
        assert validate(recipe()).sample.sampler.name == "auto"
        chosen = validate(recipe(sample={"sampler": "ddim", "grid": "karras"})).sample
        assert (chosen.sampler.name, chosen.grid.name) == ("ddim", "karras")
        with pytest.raises(RecipeError, match=r"sample\.sampler"):
            validate(recipe(sample={"sampler": {"name": "auto", "order": 2}}))


def test_ddim_stays_what_was_asked_for(model: Model) -> None:
    assert make_plan(model, Sampling(sampler=DDIM())).sampler == DDIM()
