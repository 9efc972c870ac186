"""Sound files, read and written."""

from suffuse_audio.files.reading import SUFFIXES, Info, bad_sound, blocks, checked, info, read_clip, spans
from suffuse_audio.files.recording import (
    Recording,
    Sound,
    kept,
    mean_power,
    open_sound,
    parts_of,
    require_sound,
    require_whole,
)
from suffuse_audio.files.writing import FORMATS, Writing, check_depth, deepest, prepared, write_clip

__all__ = [
    "FORMATS", "SUFFIXES", "Info", "Recording", "Sound", "Writing", "bad_sound", "blocks", "check_depth", "checked",
    "deepest", "info", "kept", "mean_power", "open_sound", "parts_of", "prepared", "read_clip", "require_sound",
    "require_whole", "spans", "write_clip",
]  # fmt: skip
