"""The named data sets: two that come with scikit-learn, one that is made up, and ADBench's, where these lie."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from sklearn.datasets import load_breast_cancer, load_wine

from suffuse.domain import Splits
from suffuse.errors import DataError, unknown_name
from suffuse.folders import data_folder
from suffuse_tabular import files
from suffuse_tabular.data import Data, split
from suffuse_tabular.files.binary import LABEL
from suffuse_tabular.rows import Rows


def breast_cancer(data: Data) -> Splits:
    """569 breast masses, 30 measurements of cell nuclei (Street, Wolberg & Mangasarian 1993).

    The 357 benign ones are usual, the 212 malignant ones odd.
    """
    return _of_sklearn(data, "breast-cancer", load_breast_cancer(), odd="malignant")


def wine(data: Data) -> Splits:
    """178 wines of three growers, 13 chemical measurements (Aeberhard & Forina 1991); those of the third are odd."""
    return _of_sklearn(data, "wine", load_wine(), odd="class_2")


def _of_sklearn(data: Data, name: str, bunch: Any, odd: str) -> Splits:
    columns = [str(column).replace(" ", "_").replace("/", "_per_") for column in bunch.feature_names]
    rows = Rows.of(bunch.data, columns)
    label = pa.array([str(bunch.target_names[i]) for i in bunch.target])
    table = rows.table.append_column("class", label)
    told = {"label": data.label or "class", "anomaly": data.anomaly or ((odd,) if data.label is None else ())}
    return split(data.model_copy(update=told), name, Rows(table))


ORDERS = 6000
"""How many orders are made up."""


def orders(data: Data) -> Splits:
    """Made-up orders of a shop, whose columns hang together; in one row of six a cell is empty."""
    return split(data, "orders", made_up_orders(ORDERS))


def made_up_orders(count: int, seed: int = 0) -> Rows:
    """Orders whose columns depend on one another.

    The product tells what sizes there are and what a piece costs, the country how and how long a parcel travels, the
    day of the week how much is bought, and whether it is a gift hangs on the month.
    """
    rng = np.random.default_rng(seed)
    product = rng.choice(4, count, p=[0.4, 0.3, 0.2, 0.1])
    country = rng.choice(5, count, p=[0.45, 0.25, 0.15, 0.1, 0.05])
    size = np.clip(rng.binomial(3, np.array([0.4, 0.5, 0.7, 0.2])[product]), 0, 3)
    hour = rng.integers(0, 365 * 24, count)
    weekend = (hour // 24 + 3) % 7 >= 5
    amount = 1 + rng.poisson(np.where(weekend, 2.0, 0.6) * np.array([1.0, 0.5, 0.3, 2.0])[product])
    price = np.array([20.0, 60.0, 120.0, 5.0])[product] * (1 + 0.1 * size) * rng.normal(1.0, 0.05, count)
    carrier = np.where(country == 0, 0, np.where(rng.random(count) < 0.8, 1, 2))
    days = 1 + np.array([0, 2, 4, 6, 9])[country] + rng.poisson(np.array([0.5, 1.0, 0.2])[carrier])
    gift = rng.random(count) < np.where(hour // 24 >= 330, 0.5, 0.05)
    columns = {
        "ordered": pa.array(np.datetime64("2025-01-01T00", "s") + hour * np.timedelta64(3600, "s")),
        "product": pa.array(np.array(["shirt", "trousers", "coat", "socks"])[product]),
        "size": pa.array(np.array(["S", "M", "L", "XL"])[size]),
        "amount": pa.array(amount),
        "total": pa.array(np.round(price * amount, 2)),
        "country": pa.array(np.array(["DE", "FR", "PL", "SE", "PT"])[country]),
        "carrier": pa.array(np.array(["van", "rail", "air"])[carrier]),
        "days": pa.array(days),
        "gift": pa.array(gift),
    }
    empty = np.where(rng.random(count) < 1 / 6, rng.integers(0, len(columns), count), -1)
    return Rows(pa.table({n: _emptied(cells, empty == i) for i, (n, cells) in enumerate(columns.items())}))


def _emptied(cells: pa.Array, where: np.ndarray) -> pa.Array:
    return pa.compute.if_else(pa.array(where), None, cells)


def adbench(data: Data) -> Splits:
    """A set of ADBench (Han et al. 2022) by its name, with its number or without: ``data.table=cardio``."""
    folder = data.path if isinstance(data.path, Path) else data_folder() / "tabular"
    held = {file.stem: file for file in sorted(folder.glob("*.npz"))} if folder.is_dir() else {}
    if not held:
        raise DataError(
            "holds no sets of ADBench", field=str(folder), expected="files as 6_cardio.npz",
            fix="get them from github.com/Minqi824/ADBench, and tell where they lie: data.path=FOLDER or SUFFUSE_DATA",
        )  # fmt: skip
    asked = data.table or ""
    found = [file for name, file in held.items() if asked in (name, name.partition("_")[2])]
    if not found:
        raise unknown_name("set of ADBench", asked, held, DataError, field="data.table")
    told = {"label": data.label or LABEL, "anomaly": data.anomaly or (1,)}
    return split(data.model_copy(update=told), found[0].stem, files.read(found[0]))
