"""Where windows come from: pumps that are made up, or a CSV file of your own."""

from itertools import pairwise
from pathlib import Path

import numpy as np
from pydantic import PositiveInt

from suffuse.domain import Example, Section, Splits
from suffuse.errors import DataError
from suffuse.tables import Table, read_tables

SENSORS = ("flow", "pressure", "temperature")
FLOW = {"idle": (25.0, 6.0), "normal": (45.0, 12.0), "boost": (65.0, 9.0)}  # by mode: mean and daily swing, m³/h


class Data(Section):  # what a recipe's `data` section may hold
    path: Path | None = None  # a CSV file, a row for each time and a column for each sensor; else made-up pumps
    window: PositiveInt = 72  # rows that are seen together
    stride: PositiveInt = 12  # rows from one window of a file to the next
    count: PositiveInt = 2000  # made-up pumps to learn from


def pump(number, hours):
    """Hourly readings of a pump, NaN where one is missing, and its mode; the same number, the same pump."""
    rng = np.random.default_rng(number)
    mode = str(rng.choice(list(FLOW)))
    mean, swing = FLOW[mode]
    time = np.arange(-23, hours)  # with a day before, for what lags behind
    demand = np.convolve(rng.normal(size=len(time) + 11), np.full(12, 12**-0.5), "valid")
    flow = mean + swing * np.sin(2 * np.pi * (time / 24 + rng.random())) + 2.0 * demand
    pressure = 8.0 - 7e-4 * flow**2  # bar: the more a pump delivers, the less it lifts
    lag = np.exp(-np.arange(24) / 6)
    temperature = 25.0 + 0.5 * np.convolve(flow, lag / lag.sum(), "valid")  # °C: the motor warms up slowly
    readings = np.stack((flow[23:], pressure[23:], temperature), axis=1)
    readings += rng.normal(scale=(0.5, 0.05, 0.3), size=readings.shape)
    readings[rng.random(readings.shape) < 0.02] = np.nan
    if rng.random() < 0.5:  # a sensor is silent for hours
        begin, length = rng.integers(hours), rng.integers(6, 25)
        readings[begin : begin + length, rng.integers(3)] = np.nan
    return Example(Table(SENSORS, readings), {"mode": mode})


def splits(data):
    if data.path is None:
        counts = {0: data.count, 10**6: 300, 2 * 10**6: 300}  # by the number of the first pump
        parts = [[pump(first + i, data.window) for i in range(count)] for first, count in counts.items()]
        return Splits(*parts, name="pumps")
    table = read_tables(data.path)[0]
    ends = [0, len(table) * 8 // 10, len(table) * 9 // 10, len(table)]  # what is tested lies after what is learnt
    parts = [[Example(w) for w in table[a:b].windows(data.window, data.stride)] for a, b in pairwise(ends)]
    if not all(parts):
        raise DataError("is too short", field="data.path", expected=f"{10 * data.window} rows", got=len(table))
    return Splits(*parts, name=str(data.path))
