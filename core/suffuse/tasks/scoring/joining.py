"""Tables of several files as one: a column that is of numbers here and of text there is of text."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pyarrow as pa

from suffuse.jsonable import finite


def unified(schemas: Sequence[pa.Schema]) -> pa.Schema:
    """A schema for tables of several: their columns in the order in which they come up, of types that hold all."""
    names = dict.fromkeys(name for schema in schemas for name in schema.names)
    return pa.schema([_field([schema.field(name) for schema in schemas if name in schema.names]) for name in names])


def joined(tables: Sequence[pa.Table]) -> pa.Table:
    """Tables one below the other; cells of a column that a table lacks are empty."""
    schema = unified([table.schema for table in tables])
    return pa.concat_tables([spelt(table, schema) for table in tables])


def spelt(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """A table with the columns of a schema that has all of its own: of the schema's types, empty where it lacks one."""
    if table.schema.equals(schema):
        return table
    has = set(table.column_names)
    columns = [
        _cast(table.column(field.name), field.type) if field.name in has else pa.nulls(table.num_rows, field.type)
        for field in schema
    ]
    return pa.table(columns, schema=schema)


def _field(fields: Sequence[pa.Field]) -> pa.Field:
    name, types = fields[0].name, {field.type for field in fields if not pa.types.is_null(field.type)}
    if len(types) < 2:
        return pa.field(name, next(iter(types), pa.null()))
    if all(pa.types.is_date(t) or (pa.types.is_timestamp(t) and t.tz is None) for t in types):
        return pa.field(name, pa.timestamp("us"))
    if any(map(pa.types.is_decimal, types)) and all(map(_is_number, types)):
        return pa.field(name, pa.float64())
    try:
        return pa.unify_schemas([pa.schema([field]) for field in fields], promote_options="permissive").field(0)
    except pa.ArrowException:  # nothing but text holds all
        return pa.field(name, pa.string())


def _is_number(type: pa.DataType) -> bool:
    return bool(pa.types.is_integer(type) or pa.types.is_floating(type) or pa.types.is_decimal(type))


def _cast(cells: pa.ChunkedArray, type: pa.DataType) -> pa.ChunkedArray:
    """Cells of another type; as text, what Arrow cannot write is JSON."""
    if cells.type == type:
        return cells
    try:
        return cells.cast(type, safe=False)
    except pa.ArrowNotImplementedError:
        told = (None if cell is None else json.dumps(finite(cell), default=str) for cell in cells.to_pylist())
        return pa.chunked_array([pa.array(told, type)])
