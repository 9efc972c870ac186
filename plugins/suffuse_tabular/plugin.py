"""What tables bring to suffuse."""

from __future__ import annotations

from collections.abc import Callable

from suffuse.registry import hookimpl
from suffuse.registry.specs import DatasetSpec, DomainSpec, Features, RecipeSpec


@hookimpl
def register_domains(register: Callable[[DomainSpec], None]) -> None:
    """Tables."""
    register(
        DomainSpec(
            name="tabular",
            summary="rows of a table: numbers, categories, ordinals, dates, some cells empty",
            factory="suffuse_tabular.domain:Tabular",
            requires=("pyarrow",),
            install="suffuse[tabular]",
            suffixes=(".csv", ".tsv", ".parquet", ".arrow", ".feather", ".jsonl", ".ndjson", ".npz"),
            features=Features(tolerance=1e-3, gaps=True, anomalies=True),
        )
    )


@hookimpl
def register_datasets(register: Callable[[DatasetSpec], None]) -> None:
    """Named tables, and files."""
    for name, factory, summary in (
        ("breast-cancer", "sets:breast_cancer", "569 tumours, 30 numbers; malignant ones are the anomalies"),
        ("wine", "sets:wine", "178 wines, 13 numbers; those of the third grower are the anomalies"),
        ("orders", "sets:orders", "made-up orders: numbers, categories, sizes, times, empty cells"),
        ("adbench", "sets:adbench", "an ADBench set by name (data.table), from $SUFFUSE_DATA/tabular"),
        ("file", "data:from_files", "your own: CSV, Parquet, Arrow, JSON lines, npz"),
    ):
        register(
            DatasetSpec(
                name=name,
                domain="tabular",
                factory=f"suffuse_tabular.{factory}",
                offline=True,
                summary=summary,
            )
        )


@hookimpl
def register_recipes(register: Callable[[RecipeSpec], None]) -> None:
    """Ready recipes."""
    for name, quickstart, summary in (
        ("breast-cancer", 60, "benign tumours, half a minute: malignant ones score high"),
        ("wine", None, "wines of two growers: those of the third score high"),
        ("orders", None, "a mixed table: numbers and categories, each with noise of its own kind"),
        ("tabular", None, "your own table: data.path=FILE"),
        ("neighbours", None, "no training: the exact belief of the training rows, for scores"),
    ):
        register(
            RecipeSpec(
                name=name,
                domain="tabular",
                factory=f"suffuse_tabular:recipes/{name}.yaml",
                quickstart=quickstart,
                checked=name == "orders",  # it has cells of every kind, and empty ones
                summary=summary,
            )
        )
