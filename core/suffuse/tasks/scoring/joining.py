"""Tables of several files as one: a column that is of numbers here and of text there is of text."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa


def unified(schemas: Sequence[pa.Schema]) -> pa.Schema:
    """A schema for tables of several: their columns in the order in which they come up, of types that hold all."""
    names = dict.fromkeys(name for schema in schemas for name in schema.names)
    return pa.schema([_field([schema.field(name) for schema in schemas if name in schema.names]) for name in names])


def joined(tables: Sequence[pa.Table]) -> pa.Table:
    """Tables one below the other; cells of a column that a table lacks are empty."""
    schema = unified([table.schema for table in tables])
    return pa.concat_tables([spelt(table, schema) for table in tables], promote_options="permissive")


def spelt(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """A table whose columns are texts where the schema has texts."""
    for place, field in enumerate(table.schema):
        if pa.types.is_string(schema.field(field.name).type) and not pa.types.is_string(field.type):
            table = table.set_column(place, field.name, table.column(place).cast(pa.string()))
    return table


def _field(fields: Sequence[pa.Field]) -> pa.Field:
    try:
        return pa.unify_schemas([pa.schema([field]) for field in fields], promote_options="permissive").field(0)
    except pa.ArrowTypeError:  # nothing but text holds both
        return pa.field(fields[0].name, pa.string())
