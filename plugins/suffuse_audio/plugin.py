"""What sound brings to suffuse."""

from __future__ import annotations

from collections.abc import Callable

from suffuse.registry import hookimpl
from suffuse.registry.specs import DatasetSpec, DomainSpec, Features, OperatorSpec, RecipeSpec, StarterSpec


@hookimpl
def register_domains(register: Callable[[DomainSpec], None]) -> None:
    """Sounds."""
    register(
        DomainSpec(
            name="audio",
            summary="sounds: speech, notes, drums, noises, mono or not, of any rate",
            factory="suffuse_audio.domain:Audio",
            requires=("soundfile", "torchaudio"),
            install="suffuse[audio]",
            suffixes=(
                ".wav",
                ".flac",
                ".ogg",
                ".oga",
                ".opus",
                ".mp3",
                ".aif",
                ".aiff",
                ".aifc",
                ".au",
                ".caf",
                ".w64",
            ),
            features=Features(tolerance=1e-3, anomalies=True),
        )
    )


@hookimpl
def register_datasets(register: Callable[[DatasetSpec], None]) -> None:
    """Named sets of sounds, and folders."""
    for name, factory, offline, summary in (
        ("sounds", "sets:sounds", True, "plucked strings, bells, flutes, sung vowels and drums, made here"),
        ("folder", "folder:folder", True, "your own sounds; classes from subfolders, conditions from a table"),
        ("fsdd", "sets:fsdd", False, "3,000 spoken digits of six speakers, 8 kHz"),
        ("notes", "sets:notes", False, "1,475 notes of three wind instruments, 16 kHz"),
        ("drums", "sets:drums", False, "189 strokes of drums, mono and stereo, 44.1 to 96 kHz"),
        ("esc10", "sets:esc10", False, "400 sounds of ten kinds from around us, 8 kHz"),
        ("waves", "sets:waves", False, "4,161 single cycles of 512 samples"),
    ):
        register(
            DatasetSpec(name=name, domain="audio", factory=f"suffuse_audio.{factory}", offline=offline, summary=summary)
        )


@hookimpl
def register_operators(register: Callable[[OperatorSpec], None]) -> None:
    """What happens to sounds."""
    for name, factory, summary in (
        ("noisy-sound", "noisy_sound", "white noise, or that of recordings, of a loudness drawn for each sound"),
        ("clipped-sound", "clipped_sound", "samples beyond a share of the peak are set to it"),
        ("gap-sound", "gap_sound", "a stretch of samples is set to zero"),
        ("narrow-sound", "narrow_sound", "frequencies above a cutoff are lost"),
    ):
        register(OperatorSpec(name=name, factory=f"suffuse_audio.operators:{factory}", summary=summary))


@hookimpl
def register_recipes(register: Callable[[RecipeSpec], None]) -> None:
    """Ready recipes."""
    for name, quickstart, summary in (
        ("sounds", 0, "generated sounds, two minutes on two cores"),
        ("fsdd", None, "spoken digits, an hour on two cores"),
        ("notes", None, "notes of wind instruments by instrument and pitch, an hour on two cores"),
        ("drums", None, "strokes of drums, an hour on two cores"),
        ("esc10", None, "rain, fire, dogs and others, hours on two cores"),
        ("denoise", None, "speech out of noise, a bridge: an hour on two cores"),
        ("restore", None, "speech that is noisy, clipped or narrow, a bridge: an hour on two cores"),
        ("audio", None, "your own sounds: data.path=FOLDER"),
    ):
        register(
            RecipeSpec(
                name=name,
                domain="audio",
                factory=f"suffuse_audio:recipes/{name}.yaml",
                quickstart=quickstart,
                summary=summary,
            )
        )


@hookimpl
def register_starters(register: Callable[[StarterSpec], None]) -> None:
    """A trained model that comes along."""
    register(
        StarterSpec(
            name="digits-audio",
            domain="audio",
            factory="suffuse_audio:starters/digits-audio.safetensors",
            summary="spoken digits of six speakers, 8 kHz; its card lies beside it",
        )
    )
