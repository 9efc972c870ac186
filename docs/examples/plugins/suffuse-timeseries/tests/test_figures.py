"""How well a model fills gaps, forecasts and finds faults, beside simple rules.

``python tests/test_figures.py runs/pumps`` measures a model; as a test it trains the recipe first: two minutes in all.
"""

import sys

import numpy as np
import torch

import suffuse
from suffuse.metrics import auroc
from suffuse.tables import Table
from suffuse.tasks.evaluate import open_splits

GAP = 18  # hours in which one sensor is silent
AHEAD = 24  # hours to forecast
FAULT = 24  # hours in which a sensor tells something wrong
COMPLETIONS = 8


def error(made, truth, hidden, scale):
    """The root mean square error of what was hidden, in deviations of each sensor."""
    apart = ((made - truth) / scale)[hidden & ~np.isnan(truth)]
    return float(np.sqrt(np.mean(apart**2)))


def completed(model, windows, hidden):
    """The mean of several completions: what the model expects."""
    given = [Table(w.names, np.where(h, np.nan, w.values)) for w, h in zip(windows, hidden, strict=True)]
    made = model.inpaint(given, count=COMPLETIONS)
    values = np.stack([table.values for table in made])
    return values.reshape(len(windows), COMPLETIONS, *values.shape[1:]).mean(1)


def column_mean(values):
    return np.where(np.isnan(values), np.nanmean(values, axis=1, keepdims=True), values)


def last_value(values):
    """Each reading, or the last one before it; before the first one, the first one."""
    made = values.copy()
    for hours in (range(1, made.shape[1]), range(made.shape[1] - 2, -1, -1)):
        step = hours.step
        for hour in hours:
            made[:, hour] = np.where(np.isnan(made[:, hour]), made[:, hour - step], made[:, hour])
    return made


def straight_line(values):
    made = values.copy()
    for window in made:
        for column in window.T:
            missing = np.isnan(column)
            column[missing] = np.interp(np.flatnonzero(missing), np.flatnonzero(~missing), column[~missing])
    return made


def day_before(values):
    made = last_value(values)
    for hour in range(values.shape[1] - AHEAD, values.shape[1]):
        made[:, hour] = made[:, hour - 24]
    return made


def imputation(model, windows, scale):
    truth = np.stack([w.values for w in windows])
    rng, hidden = np.random.default_rng(0), np.zeros(truth.shape, dtype=bool)
    for place in hidden:
        begin = rng.integers(6, truth.shape[1] - GAP - 6)
        place[begin : begin + GAP, rng.integers(truth.shape[2])] = True
    seen = np.where(hidden, np.nan, truth)
    found = {"model": completed(model, windows, hidden)}
    found |= {rule.__name__: rule(seen) for rule in (column_mean, last_value, straight_line)}
    return {name: error(made, truth, hidden, scale) for name, made in found.items()}


def forecast(model, windows, scale):
    truth = np.stack([w.values for w in windows])
    hidden = np.zeros(truth.shape, dtype=bool)
    hidden[:, -AHEAD:] = True
    seen = np.where(hidden, np.nan, truth)
    found = {"model": completed(model, windows, hidden), "last_value": last_value(seen), "day_before": day_before(seen)}
    return {name: error(made, truth, hidden, scale) for name, made in found.items()}


def with_fault(window, number, scale):
    """For a day a sensor is stuck, or drifts away by half a deviation; every reading stays in its usual range."""
    values, rng = window.values.copy(), np.random.default_rng(number)
    sensor, begin = rng.integers(values.shape[1]), rng.integers(len(values) - FAULT)
    part = values[begin : begin + FAULT, sensor]
    if number % 2:
        part[~np.isnan(part)] = part[~np.isnan(part)][:1]
    else:
        part += 0.5 * scale[sensor] * np.linspace(0, 1, FAULT)
    return Table(window.names, values)


def largest_z(values, mean, scale):
    return np.nanmax(np.abs(values - mean) / scale)


def largest_step(values, mean, scale):
    return np.nanmax(np.abs(np.diff(values, axis=0)) / scale)


def faults(model, windows, mean, scale):
    both = [*windows, *(with_fault(window, number, scale) for number, window in enumerate(windows))]
    scores = {"model": model.score(both, reference="data").values}
    scores |= {rule.__name__: [rule(w.values, mean, scale) for w in both] for rule in (largest_z, largest_step)}
    halves = {name: torch.tensor(found).split(len(windows)) for name, found in scores.items()}
    return {name: auroc(*half) for name, half in halves.items()}


def measure(model, count):
    test = open_splits(model.recipe).test
    windows = [test[i].item for i in range(count)]
    mean, scale = np.array(model.codec.mean), np.array(model.codec.std)
    return {
        "imputation": imputation(model, windows, scale),
        "forecast": forecast(model, windows, scale),
        "faults": faults(model, windows, mean, scale),
    }


def test_better_than_simple_rules(tmp_path):
    run = suffuse.train("pumps", out=tmp_path / "run")
    found = measure(suffuse.load(run.folder), count=50)
    for figures in (found["imputation"], found["forecast"]):
        best_rule = min(figure for name, figure in figures.items() if name != "model")
        assert figures["model"] < 0.85 * best_rule, found
    assert found["imputation"]["model"] < 0.1, found
    assert found["faults"]["model"] > 0.9 > max(found["faults"]["largest_step"], found["faults"]["largest_z"]), found


if __name__ == "__main__":
    for task, figures in measure(suffuse.load(sys.argv[1]), count=100).items():
        print(task, *(f"{name} {figure:.3f}" for name, figure in figures.items()), sep="\n  ")
