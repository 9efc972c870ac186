"""The domain of clouds of points: an item is an array ``[n, 2]``, whose rows have no order."""

from dataclasses import asdict, dataclass

import numpy as np
import torch
from PIL import Image, ImageDraw

from suffuse.conditions import Label
from suffuse.domain import Codec, Domain, Section, Splits
from suffuse.errors import DataError, DomainInputError
from suffuse.files import write_with
from suffuse.metrics import compare
from suffuse_pointclouds.shapes import SEGMENTS, Shapes

HELD_OUT = 10**6  # the number of the first cloud that no model is trained on


class Data(Section):
    """The ``data`` section of a recipe."""

    count: int = 4096  # clouds to train on


class Options(Section):
    """The ``codec`` section of a recipe."""

    rotate: bool = True  # show each cloud another way up every time


@dataclass(frozen=True)
class CloudCodec(Codec):
    """Points divided by the deviation of all training points, which lie about the origin; padded under a mask."""

    std: float
    sizes: tuple[int, ...]  # quantiles of the number of points of training clouds
    rotate: bool

    def encode(self, items, rng=None):
        if len(items) == 0:
            raise DomainInputError("is empty", field="items", expected="at least one cloud")
        clouds = [checked(item, f"items[{i}]") / self.std for i, item in enumerate(items)]
        if rng is not None and self.rotate:
            angles = 2 * np.pi * rng.uniform(shape=()).numpy()
            clouds = [cloud @ turned(angle) for cloud, angle in zip(clouds, angles, strict=True)]
        state = empty([len(cloud) for cloud in clouds])
        for row, cloud in zip(state["points"], clouds, strict=True):
            row[: len(cloud)] = torch.from_numpy(cloud)
        return state

    def decode(self, state):
        clouds = state["points"].float().cpu().numpy() * np.float32(self.std)
        return [cloud[real] for cloud, real in zip(clouds, state["mask"].cpu().numpy(), strict=True)]

    def like(self, count, rng=None):
        if rng is None:
            return empty([max(self.sizes)] * count)
        return empty([self.sizes[int(u * len(self.sizes))] for u in rng.uniform(shape=())])

    def merge(self, original, made, known):
        return np.where(known["points"][0, : len(original)].cpu().numpy(), original, made)

    def to_json(self):
        return asdict(self)


def checked(item, field):
    """An item as float64 ``[n, 2]``."""
    try:
        cloud = np.asarray(item, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DomainInputError("is no cloud of points", field=field, expected="numbers [n, 2]") from error
    if cloud.ndim != 2 or cloud.shape[1] != 2 or len(cloud) == 0:
        raise DomainInputError("is no cloud of points", field=field, expected="[n, 2]", got=list(cloud.shape))
    if not np.isfinite(cloud).all():
        raise DomainInputError("holds what is no number", field=field, expected="finite coordinates")
    return cloud


def turned(angle):
    return np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])


def empty(sizes):
    mask = torch.arange(max(sizes)) < torch.tensor(sizes)[:, None]
    return {"points": torch.zeros(*mask.shape, 2), "mask": mask}


class PointClouds(Domain):
    name, writes = "pointclouds", (".csv",)
    data_section, codec_section = Data, Options

    def splits(self, data):
        return Splits(Shapes(0, data.count), Shapes(HELD_OUT, 500), Shapes(HELD_OUT + 500, 1000), "shapes")

    def conditions(self, splits):
        return {"shape": Label(tuple(SEGMENTS))}

    def fit_codec(self, options, train):
        clouds = [train[i].item for i in range(len(train))]
        sizes = np.quantile([len(cloud) for cloud in clouds], np.linspace(0, 1, 101), method="nearest")
        return CloudCodec(float(np.concatenate(clouds).std(dtype=np.float64)), tuple(sizes.tolist()), options.rotate)

    def load_codec(self, data):
        return CloudCodec(data["std"], tuple(data["sizes"]), data["rotate"])

    def write(self, items, path):
        rows = np.concatenate([np.column_stack([np.full(len(cloud), i), cloud]) for i, cloud in enumerate(items)])
        form = {"delimiter": ",", "header": "cloud,x,y", "comments": "", "fmt": ("%d", "%.9g", "%.9g")}
        write_with(path, lambda temporary: np.savetxt(temporary, rows, **form))

    def read(self, path):
        try:
            rows = np.loadtxt(path, delimiter=",", skiprows=1, ndmin=2)
        except (OSError, ValueError) as error:
            raise DataError(f"cannot be read: {error}", field=str(path), expected="lines cloud,x,y") from error
        if rows.shape[1] != 3:
            raise DataError("holds no clouds", field=str(path), expected="lines cloud,x,y")
        return [rows[rows[:, 0] == i, 1:].astype(np.float32) for i in np.unique(rows[:, 0])]

    def picture(self, items, columns=None):
        columns = columns or min(len(items), 8)
        sheet = Image.new("L", (CELL * columns, CELL * -(-len(items) // columns)), "white")
        draw, reach = ImageDraw.Draw(sheet), max([1.0, *(float(np.abs(cloud).max()) for cloud in items)])
        for index, cloud in enumerate(items):
            middle = CELL * (np.array([index % columns, index // columns]) + 0.5)
            for x, y in middle + np.asarray(cloud) * (1, -1) * 0.45 * CELL / reach:
                draw.ellipse((x - DOT, y - DOT, x + DOT, y + DOT), fill="black")
        return sheet.resize((sheet.width // 2, sheet.height // 2), Image.Resampling.LANCZOS)

    def evaluate(self, items, conditions, splits, codec):
        train = [splits.train[i] for i in range(min(len(splits.train), 4000))]
        test = [splits.test[i] for i in range(len(splits.test))]
        made, known, real = spread(items), spread([e.item for e in train]), spread([e.item for e in test])
        nearest = torch.cdist(made, known).argmin(1).tolist()
        hits = [train[i].conditions["shape"] == asked for i, asked in zip(nearest, conditions["shape"], strict=True)]
        return {"class_accuracy": float(np.mean(hits)), **compare(made, real, known)}


CELL, DOT = 192, 4  # pixels of a cloud and of a point's radius, before the sheet is halved


def spread(clouds):
    """Of each cloud 32 quantiles of the distances between its points: no order, way up or place changes them."""
    shares = torch.linspace(0, 1, 32)
    return torch.stack([torch.pdist(torch.as_tensor(cloud, dtype=torch.float32)).quantile(shares) for cloud in clouds])
