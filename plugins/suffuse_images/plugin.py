"""What pictures bring to suffuse."""

from __future__ import annotations

from collections.abc import Callable

from suffuse.registry import hookimpl
from suffuse.registry.specs import DatasetSpec, DomainSpec, Features, RecipeSpec, StarterSpec


@hookimpl
def register_domains(register: Callable[[DomainSpec], None]) -> None:
    """Pictures."""
    register(
        DomainSpec(
            name="images",
            summary="pictures: photographs, drawings, icons, in grey or colour",
            factory="suffuse_images.domain:Images",
            requires=("torchvision",),
            install="suffuse[images]",
            suffixes=(".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff"),
            features=Features(tolerance=0.0, anomalies=True),
        )
    )


@hookimpl
def register_datasets(register: Callable[[DatasetSpec], None]) -> None:
    """Named sets of pictures, and folders."""
    for name, factory, offline, summary in (
        ("digits", "sets:digits", True, "1,797 handwritten digits, 8 × 8 grey; comes with scikit-learn"),
        ("fashion-mnist", "sets:fashion_mnist", False, "70,000 pieces of clothing, 28 × 28 grey, ten classes"),
        ("mnist", "sets:mnist", False, "70,000 handwritten digits, 28 × 28 grey"),
        ("cifar10", "sets:cifar10", False, "60,000 photographs, 32 × 32 in colour, ten classes"),
        ("folder", "folder:folder", True, "your own pictures; classes from subfolders, captions from a table"),
    ):
        register(
            DatasetSpec(
                name=name,
                domain="images",
                factory=f"suffuse_images.{factory}",
                offline=offline,
                summary=summary,
            )
        )


@hookimpl
def register_recipes(register: Callable[[RecipeSpec], None]) -> None:
    """Ready recipes."""
    for name, quickstart, summary in (
        ("digits", 0, "handwritten digits, two minutes on two cores"),
        ("fashion-mnist", None, "clothing, small: half an hour on two cores"),
        ("fashion-mnist-base", None, "clothing, base: hours on a CPU, minutes on a GPU"),
        ("fashion-mnist-dit", None, "clothing with a transformer"),
        ("mnist", None, "28 × 28 handwritten digits, small"),
        ("cifar10", None, "small photographs, base: for a GPU"),
        ("folder", None, "your own pictures: data.path=FOLDER"),
    ):
        register(
            RecipeSpec(
                name=name,
                domain="images",
                factory=f"suffuse_images:recipes/{name}.yaml",
                quickstart=quickstart,
                summary=summary,
            )
        )


@hookimpl
def register_starters(register: Callable[[StarterSpec], None]) -> None:
    """A trained model that comes along."""
    register(
        StarterSpec(
            name="fashion",
            domain="images",
            factory="suffuse_images:starters/fashion.safetensors",
            summary="clothing, 28 × 28 grey, ten classes; its card lies beside it",
        )
    )
