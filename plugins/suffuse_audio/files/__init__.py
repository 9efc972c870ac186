"""Sound files, read and written."""

from suffuse_audio.files.reading import SUFFIXES, Info, bad_sound, blocks, checked, info, read_clip
from suffuse_audio.files.writing import FORMATS, Writing, check_depth, deepest, prepared, write_clip

__all__ = [
    "FORMATS", "SUFFIXES", "Info", "Writing", "bad_sound", "blocks", "check_depth", "checked", "deepest", "info",
    "prepared", "read_clip", "write_clip",
]  # fmt: skip
