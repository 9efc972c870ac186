"""What molecules bring to suffuse."""

from __future__ import annotations

from collections.abc import Callable

from suffuse.registry import hookimpl
from suffuse.registry.specs import DatasetSpec, DomainSpec, Features, FilterSpec, RecipeSpec, StarterSpec


@hookimpl
def register_domains(register: Callable[[DomainSpec], None]) -> None:
    """Molecules."""
    register(
        DomainSpec(
            name="molecules",
            summary="small molecules, as graphs or as strings, from SMILES, CSV and SDF files",
            factory="suffuse_molecules.domain:Molecules",
            requires=("rdkit",),
            install="suffuse[molecules]",
            suffixes=(".smi", ".smiles", ".txt", ".csv", ".tsv", ".sdf", ".gz"),
            features=Features(tolerance=0.0, sizes=True, unordered=True),
        )
    )


@hookimpl
def register_datasets(register: Callable[[DatasetSpec], None]) -> None:
    """Named sets of molecules, and files."""
    for name, factory, summary in (
        ("enumerated", "enumerated:enumerated", "small organic molecules, enumerated; needs no download"),
        ("qm9", "sets:qm9", "128,000 molecules of up to nine heavy atoms, eight computed properties"),
        ("moses", "sets:moses", "1.6 million drug-like molecules of 8 to 27 heavy atoms"),
        ("chembl", "sets:chembl", "21,000 molecules of ChEMBL: charges, halogens, stereo"),
        ("esol", "sets:moleculenet", "1,128 molecules and their solubility in water"),
        ("freesolv", "sets:moleculenet", "642 molecules and their free energy of hydration"),
        ("lipo", "sets:moleculenet", "4,200 molecules and their lipophilicity"),
        ("file", "data:from_files", "your own: SMILES, CSV, SDF, also gzipped"),
    ):
        register(
            DatasetSpec(
                name=name,
                domain="molecules",
                factory=f"suffuse_molecules.{factory}",
                offline=name in ("enumerated", "file"),
                summary=summary,
            )
        )


@hookimpl
def register_recipes(register: Callable[[RecipeSpec], None]) -> None:
    """Ready recipes."""
    for name, quickstart, summary in (
        ("enumerated-small", 90, "small organic molecules that the plugin enumerates, about a minute"),
        ("enumerated", None, "the same, half an hour on two cores; the starter is such a model"),
        ("molecules", None, "your own molecules: data.path=FILE"),
        ("qm9", None, "up to nine heavy atoms: an hour on one core"),
        ("moses", None, "drug-like molecules: for a GPU"),
        ("strings", None, "your own molecules as strings, for large sets: data.path=FILE"),
        ("moses-strings", None, "drug-like molecules as strings: for a GPU"),
    ):
        register(
            RecipeSpec(
                name=name,
                domain="molecules",
                factory=f"suffuse_molecules:recipes/{name}.yaml",
                quickstart=quickstart,
                summary=summary,
            )
        )


@hookimpl
def register_filters(register: Callable[[FilterSpec], None]) -> None:
    """What is let through of the molecules that a model makes."""
    for name, attribute, summary in (
        ("valid", "valid", "whole molecules"),
        ("connected", "connected", "in one piece"),
        ("pains", "pains", "no pan-assay interference compounds"),
        ("mcf", "mcf", "none of the patterns that MOSES leaves out of medicines"),
        ("alerts", "alerts", "none of a catalogue of structural alerts: catalog=BRENK"),
        ("rings", "rings", "no odd rings: smallest=3, largest=8; nor what bredt drops"),
        ("bredt", "bredt", "no double bond at a bridgehead of small rings: smallest=8"),
        ("smarts", "smarts", "with a part, or without: pattern=SMARTS, match=true, least=1"),
        ("property", "property_within", "of a computed property: descriptor=logp, low=…, high=…"),
    ):
        register(
            FilterSpec(
                name=name, domain="molecules", factory=f"suffuse_molecules.filters:{attribute}", requires=("rdkit",),
                install="suffuse[molecules]", summary=summary,
            )
        )  # fmt: skip


@hookimpl
def register_starters(register: Callable[[StarterSpec], None]) -> None:
    """A trained model that comes along."""
    register(
        StarterSpec(
            name="molecules",
            domain="molecules",
            factory="suffuse_molecules:starters/molecules.safetensors",
            summary="small organic molecules, up to nine heavy atoms; its card lies beside it",
        )
    )
