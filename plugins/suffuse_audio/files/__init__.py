"""Sound files, read and written."""

from suffuse_audio.files.reading import SUFFIXES, Info, bad_sound, blocks, checked, info, read_clip, spans
from suffuse_audio.files.recording import Depth, Recording, Sound, kept, mean_power, open_sound, parts_of, require_sound
from suffuse_audio.files.writing import FORMATS, Writing, prepared, write_clip

__all__ = [
    "FORMATS", "SUFFIXES", "Depth", "Info", "Recording", "Sound", "Writing", "bad_sound", "blocks", "checked", "info",
    "kept", "mean_power", "open_sound", "parts_of", "prepared", "read_clip", "require_sound", "spans", "write_clip",
]  # fmt: skip
