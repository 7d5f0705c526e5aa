"""The JSON Schema (2020-12) of what a form reads; with a form, everything else about a body is ignored."""

from __future__ import annotations

from collections.abc import Mapping
from functools import singledispatch
from typing import Any

from sandbox.fields import Address, Choice, Email, Flag, Form, Integer, Matching, Meta, Month, Nested, Reader, Text, Uri

Schema = dict[str, Any]


class Known:
    """What is known of an annotated value besides its type, in the words of JSON Schema."""

    def __init__(self, **words: Any) -> None:
        self.words = words


SCALARS = ["string", "number", "boolean", "null"]
"""What is taken as text, the way Python prints it; null means not sent."""

_ENTRY: Schema = {"type": SCALARS, "maxLength": 255}
_LONGEST = 255


def schema_of(form: Form) -> Schema:
    """Return the schema of an object that a form reads; another name of a field counts where its own is not there."""
    properties: dict[str, Schema] = {}
    rules: list[Schema] = []
    for name, reader in form.items():
        read = describe(reader)
        names = (name, *reader.also)
        if reader.required and not reader.also:
            read = without_null(read)
        elif reader.required:
            rules.append({"anyOf": [{"required": [one]} for one in names]})
        properties |= {name: read, **{one: {"description": f"Another name of `{name}`."} for one in reader.also}}
        rules += [{"anyOf": [{"required": [name]}, {"properties": {one: read}}]} for one in reader.also]
    needed = [name for name, reader in form.items() if reader.required and not reader.also]
    described: Schema = {"type": ["object", "null"], "properties": properties}
    return described | ({"required": needed} if needed else {}) | ({"allOf": rules} if rules else {})


def without_null(schema: Schema) -> Schema:
    """Return a schema that takes all the same but null."""
    taken = schema.get("type")
    if isinstance(taken, list):
        kinds = [one for one in taken if one != "null"]
        schema = schema | {"type": kinds[0] if len(kinds) == 1 else kinds}
    if "enum" in schema:
        schema = schema | {"enum": [word for word in schema["enum"] if word is not None]}
    return schema


@singledispatch
def describe(reader: Reader) -> Schema:
    """Return the schema of what a reader reads; raises ``TypeError`` for a reader that registered none."""
    raise TypeError(f"no schema is registered for what {type(reader).__name__} reads")


@describe.register
def _(reader: Text) -> Schema:
    least = {"minLength": reader.least} if reader.least else {}
    return {"type": SCALARS, **least, "maxLength": reader.most}


@describe.register
def _(reader: Matching) -> Schema:
    return {"description": f"Must be {reader.should}.", "type": SCALARS, "pattern": f"^(?:{reader.pattern.pattern})$"}


@describe.register
def _(reader: Integer) -> Schema:
    bounds = {"minimum": reader.least, "maximum": reader.most}
    given = {key: bound for key, bound in bounds.items() if bound is not None}
    return {"type": ["integer", "string", "null"], **given, "pattern": "^[+-]?[0-9]{1,30}$"}


@describe.register
def _(reader: Flag) -> Schema:
    words = "[Tt][Rr][Uu][Ee]|[Ff][Aa][Ll][Ss][Ee]|[01]"
    return {"type": ["boolean", "integer", "string", "null"], "minimum": 0, "maximum": 1, "pattern": f"^(?:{words})$"}


@describe.register
def _(reader: Choice) -> Schema:
    return {"enum": [*reader.words, None]}


@describe.register
def _(reader: Email) -> Schema:
    return {"type": ["string", "null"], "format": "email", "maxLength": _LONGEST}


@describe.register
def _(reader: Month) -> Schema:
    return {"type": ["string", "null"], "pattern": r"^[0-9]{4}-(?:0[1-9]|1[0-2])(?:-(?:0[1-9]|[12][0-9]|3[01]))?$"}


@describe.register
def _(reader: Meta) -> Schema:
    return {
        "type": ["object", "null"],
        "additionalProperties": _ENTRY,
        "propertyNames": {"maxLength": _LONGEST},
    }


@describe.register
def _(reader: Address) -> Schema:
    parts: Mapping[str, Schema] = dict.fromkeys(reader.parts, _ENTRY)
    return {"type": ["object", "null"], "properties": parts}


@describe.register
def _(reader: Nested) -> Schema:
    return schema_of(reader.form)


@describe.register
def _(reader: Uri) -> Schema:
    named = reader.word or " or ".join(kind for kind in (reader.kind, reader.or_kind) if kind)
    said = f"The uri of a {named.replace('_', ' ')}."
    return {"description": said, "type": ["string", "null"], "maxLength": _LONGEST, "pattern": "v1/(?:.*/)?[^/]+$"}
