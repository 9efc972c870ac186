"""Windows of several sensors' readings, some of them missing, as a domain."""

import torch

from suffuse.conditions import Label
from suffuse.domain import Domain, Section
from suffuse.metrics import compare
from suffuse.plots import line_plots
from suffuse.tables import read_tables, write_tables
from suffuse_timeseries.codec import WindowCodec
from suffuse_timeseries.data import Data, splits


def features(state):
    """For each window: the sensors' means, spreads, how they go together, and how much changes from hour to hour."""
    readings = torch.where(state["mask"], state["values"], torch.nan)  # [batch, sensors, time]
    mean = readings.nanmean(2, keepdim=True)
    apart = readings - mean
    together = (apart[:, :, None] * apart[:, None]).nanmean(3)
    steps = readings.diff(dim=2).square().nanmean(2)
    return torch.cat((mean.flatten(1), together.flatten(1), steps), dim=1).nan_to_num()


class TimeSeries(Domain):
    name, writes = "timeseries", (".csv",)
    data_section, codec_section = Data, Section  # Section: the codec has no options

    def splits(self, data):
        return splits(data)

    def conditions(self, splits):
        modes = [example.conditions["mode"] for example in splits.train if example.conditions]
        return {"mode": Label.fit(modes)} if modes else {}

    def fit_codec(self, options, train):
        return WindowCodec.fit((e.item.values for e in train), gaps=True, sensors=train[0].item.names)

    def load_codec(self, data):
        return WindowCodec.from_json(data)

    def write(self, items, path):
        write_tables(items, path)

    def read(self, path):
        return read_tables(path)

    def picture(self, items, columns=None):
        return line_plots([item.values for item in items], items[0].names, columns)

    def evaluate(self, items, conditions, splits, codec):
        parts = [items, *([example.item for example in part] for part in (splits.test, splits.train))]
        return compare(*(features(codec.encode(part)) for part in parts))
