"""Tables in files: CSV, TSV, Parquet, Arrow, JSON lines and npz, whole or some rows at a time."""

from suffuse_tabular.files.lines import parse
from suffuse_tabular.files.reading import READERS, count, find, read, read_all, stream
from suffuse_tabular.files.writing import WRITERS, write

__all__ = ["READERS", "WRITERS", "count", "find", "parse", "read", "read_all", "stream", "write"]
