"""The document as a page to read, in Markdown."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sandbox.codes import CODES, RULES
from sandbox.json_schema import Schema
from sandbox.web.openapi.levers import TAG
from sandbox.web.openapi.refusals import ANY

Document = Mapping[str, Any]

_HEAD = """\
# Reference

{about}

This page is made from the declarations of the records, the routes and the levers. To write it anew:

```console
balanced-sandbox openapi --reference > docs/reference.md
```

The same as an OpenAPI 3.1 document is served at `/_sandbox/openapi.json` and printed by `balanced-sandbox openapi`.
"""

_GENERAL = {kind.category_code for kind in ANY}
_ALWAYS = ("400", "401", "403", "404", "408", "413", "415", "417", "500", "503")


def written(document: Document) -> str:
    """Return the page."""
    return "\n".join(_Page(document).lines()).rstrip() + "\n"


class _Page:
    def __init__(self, document: Document) -> None:
        self._document = document
        self._components = document["components"]

    def lines(self) -> Iterator[str]:
        yield _HEAD.format(about=self._document["info"]["description"])
        yield from self._lists()
        yield from self._refusals()
        for tag in self._document["tags"]:
            yield from self._chapter(tag)
        yield from self._shapes()

    def _lists(self) -> Iterator[str]:
        yield "## Lists\n"
        yield "Every list is a page: `items`, how many there are in `total`, and where the other pages are."
        yield "What it can be asked for besides is said where it is. A filter is written `field=value` or"
        yield "`field[operator]=value`, and `meta.key=text` asks for one entry of `meta`.\n"
        yield "| parameter | |"
        yield "| --- | --- |"
        for name in ("limit", "offset"):
            parameter = self._components["parameters"][f"query.{name}"]
            yield f"| `{name}` | {parameter['description']} |"
        yield ""

    def _refusals(self) -> Iterator[str]:
        yield "## What any request may be refused with\n"
        yield "| status | of the API | of the levers |"
        yield "| --- | --- | --- |"
        for status in _ALWAYS:
            response = self._components["responses"][status]
            codes = response["content"]["application/json"]["schema"]["properties"]["category_code"]["enum"]
            named = ", ".join(f"`{code}`" for code in codes)
            yield f"| {status} | {named}: {response['description']} | a problem document |"
        yield ""

    def _chapter(self, tag: Mapping[str, str]) -> Iterator[str]:
        operations = [
            (method.upper(), path, operation)
            for path, methods in self._document["paths"].items()
            for method, operation in methods.items()
            if operation["tags"] == [tag["name"]]
        ]
        yield f"## {tag['name'].replace('_', ' ').capitalize()}\n"
        yield f"{tag['description']}\n"
        if tag["name"] != TAG and (shown := self._main(operations)):
            yield from self._fields(shown)
            yield from self._example(operations, shown)
        alike: dict[str, list[tuple[str, str, Schema]]] = {}
        for method, path, operation in operations:
            alike.setdefault(self._told(method, operation), []).append((method, path, operation))
        for same in alike.values():
            yield from self._operation(same)

    def _shapes(self) -> Iterator[str]:
        """Yield what levers take and show, by name."""
        yield "## What levers show\n"
        for name, schema in self._components["schemas"].items():
            properties = schema.get("properties", {})
            if "." in name or "_type" in properties or "_uris" in properties:
                continue
            yield f"### {_linked(name).capitalize()}\n"
            yield f"{schema['description']}\n"
            yield "| key | type | |"
            yield "| --- | --- | --- |"
            needed = schema.get("required", ())
            for key, one in properties.items():
                yield f"| `{key}` | {self._type(one)} | {'' if key in needed else 'may be absent'} |"
            yield ""

    def _main(self, operations: Sequence[tuple[str, str, Schema]]) -> str:
        """Return the name of the record that a chapter is about; none for levers."""
        names = [name for _, _, operation in operations if (name := _named(_schema(operation)))]
        schemas = self._components["schemas"]
        return next((name for name in names if schemas[name]["properties"].get("_type", {}).get("const") != "page"), "")

    def _fields(self, name: str) -> Iterator[str]:
        record = name.partition(".")[0]
        views = [one for one in self._components["schemas"] if one.split(".")[0] == record and "described" not in one]
        schema = self._components["schemas"][name]
        yield "| field | type | |"
        yield "| --- | --- | --- |"
        for field, one in schema["properties"].items():
            if field != "_uris":
                yield f"| `{field}` | {self._type(one)} | {self._about(field, schema, views)} |"
        yield ""

    def _example(self, operations: Sequence[tuple[str, str, Schema]], name: str) -> Iterator[str]:
        """Yield a record as it is answered, without what it says of its links and most of what stands inside."""
        for _, _, operation in operations:
            for response in operation["responses"].values():
                content = response.get("content", {}).get("application/json", {})
                if _named(content.get("schema", {})) == name:
                    yield from _json(_short(content["example"]))
                    return

    def _about(self, field: str, schema: Schema, views: Sequence[str]) -> str:
        """Return when a field is not there, or only its link is."""
        shown = {view: self._components["schemas"][view]["properties"] for view in views}
        lacking = [view for view in views if field not in shown[view]]
        said = [] if field in schema["required"] else ["may be absent"]
        said += [f"not in the view of {view.rpartition('.')[2]}" for view in lacking if ".inside" not in view]
        if any(f"{field}_uri" in shown[view] for view in lacking if ".inside" in view):
            said.append(f"inside another only `{field}_uri`")
        return "; ".join(said)

    def _told(self, method: str, operation: Schema) -> str:
        """Return all that would be said of an operation but its path."""
        body = (
            self._resolved(operation["requestBody"]["content"]["application/json"]["schema"])
            if "requestBody" in operation
            else None
        )
        return json.dumps([method, operation["summary"], body, [*self._query(operation)], [*self._answers(operation)]])

    def _operation(self, same: Sequence[tuple[str, str, Schema]]) -> Iterator[str]:
        """Yield what is said of an operation, once for all the paths it can be asked at."""
        operation = same[0][2]
        yield f"### {operation['summary']}\n"
        yield "| | | |"
        yield "| --- | --- | --- |"
        yield from (f"| {method} | `{path}` | {one['x-evidence']} |" for method, path, one in same)
        yield ""
        yield from self._query(operation)
        if "requestBody" in operation:
            yield from self._body(operation["requestBody"])
        yield from self._answers(operation)

    def _query(self, operation: Schema) -> Iterator[str]:
        asked = [self._resolved(one) for one in operation["parameters"]]
        names = [
            one["name"] for one in asked if one["in"] == "query" and one["name"] not in ("limit", "offset", "world")
        ]
        plain = [one for one in names if "[" not in one]
        if plain:
            parts = []
            for name in plain:
                operators = [one.partition("[")[2].rstrip("]") for one in names if one.startswith(f"{name}[")]
                parts.append(f"`{name}`" + (f" ({' '.join(f'`{one}`' for one in operators)})" if operators else ""))
            yield f"Query: {', '.join(parts)}.\n"

    def _body(self, body: Schema) -> Iterator[str]:
        content = body["content"]["application/json"]
        schema = self._resolved(content["schema"])
        forms = [self._resolved(one) for one in schema.get("anyOf", [schema])]
        for number, form in enumerate(form for form in forms if form.get("type") != "null"):
            if number:
                yield "Or instead:\n"
            yield "| takes | type | |"
            yield "| --- | --- | --- |"
            yield from self._taken(form, "")
            yield ""
        if "example" in content:
            yield from _json(content["example"])

    def _taken(self, schema: Schema, within: str) -> Iterator[str]:
        schema = self._resolved(schema)
        required = schema.get("required", [])
        rules = [rule["anyOf"] for rule in schema.get("allOf", [])]
        either = [one["required"][0] for rule in rules if all("required" in one for one in rule) for one in rule]
        for name, one in schema.get("properties", {}).items():
            needed = "required" if name in required else "this or its other name is required" if name in either else ""
            kind = (
                self._type(one) if len(one) != 1 or "description" not in one else one["description"].lower().rstrip(".")
            )
            yield f"| `{within}{name}` | {kind} | {needed} |"
            if "properties" in one and "object" in one.get("type", ()):
                yield from self._taken(one, f"{within}{name}.")

    def _answers(self, operation: Schema) -> Iterator[str]:
        rows = []
        for status, given in operation["responses"].items():
            response = self._resolved(given)
            if status[0] == "2":
                content = response.get("content", {})
                what = [self._answer(kind, one["schema"]) for kind, one in content.items()] or ["nothing"]
                rows.append(f"{status}: {' or '.join(what)}.")
            elif status not in _ALWAYS or not given["$ref"].endswith((f"/{status}", ".problem")):
                codes = [code for code in _codes(response) if code in RULES and code not in _GENERAL]
                rows.append(f"{status}:" if codes else f"{status}: {response['description']}")
                rows += [f"  `{code}`" + (f": {CODES[code].sentence}" if code in CODES else "") for code in codes]
        yield from (f"  - {row[2:]}" if row.startswith("  ") else f"- {row}" for row in rows)
        yield ""

    def _answer(self, kind: str, schema: Schema) -> str:
        """Return an answer in words; a lever's key by key."""
        if not kind.endswith("json"):
            return f"`{kind}`"
        resolved = self._resolved(schema)
        known = resolved.get("properties", {})
        if not known or "_uris" in known:
            return self._type(schema)
        return ", ".join(f"`{name}` ({self._type(one)})" for name, one in known.items())

    def _type(self, schema: Schema) -> str:
        """Return the type of a value in words."""
        if "$ref" in schema:
            return _linked(schema["$ref"].rpartition("/")[2])
        if "const" in schema:
            return f"`{json.dumps(schema['const'])}`"
        if "enum" in schema:
            return " ".join(f"`{json.dumps(word)}`" for word in schema["enum"])
        if "anyOf" in schema:
            return " or ".join(dict.fromkeys(self._type(one) for one in schema["anyOf"]))
        types = schema.get("type", "anything")
        kinds = types if isinstance(types, list) else [types]
        if kinds[:1] == ["array"]:
            return f"list of {self._type(schema['items'])}"
        if "format" in schema and kinds[0] == "string":
            words = {"date-time": "time", "uri-reference": "uri", "email": "email address"}
            kinds = [words.get(schema["format"], schema["format"]), *kinds[1:]]
        bounds = _bounds(schema)
        scalars = [one for one in kinds if one not in ("number", "boolean")] if "string" in kinds else kinds
        return " or ".join(scalars) + (f", {bounds}" if bounds else "")

    def _resolved(self, one: Schema) -> Schema:
        if "$ref" not in one:
            return one
        _, _, kind, name = one["$ref"].split("/", 3)
        found: Schema = self._components[kind][name]
        return found


def _codes(response: Schema) -> list[str]:
    """Return the codes a refusal may have."""
    schema = response["content"].get("application/json", {}).get("schema", {})
    codes: list[str] = schema.get("properties", {}).get("category_code", {}).get("enum", [])
    return codes


def _schema(operation: Schema) -> Schema:
    """Return the schema of an operation's good answer."""
    good: Schema = next((one for status, one in operation["responses"].items() if status[0] == "2"), {})
    schema: Schema = good.get("content", {}).get("application/json", {}).get("schema", {})
    return schema


def _named(schema: Schema) -> str:
    return str(schema.get("$ref", "")).rpartition("/")[2]


def _linked(name: str) -> str:
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name.replace("Page.", "page of ").partition(".")[0]).lower()
    if name.startswith("Page."):
        words = "page of " + re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name.split(".")[1]).lower()
    return f"{words}, inside" if ".inside" in name else words


def _bounds(schema: Schema) -> str:
    least, most = schema.get("minimum"), schema.get("maximum")
    shortest, longest = schema.get("minLength"), schema.get("maxLength")
    said = []
    if least is not None or most is not None:
        said.append(" ".join(part for part in (_from("from", least), _from("to", most)) if part))
    if shortest or (longest is not None and longest != 255):
        said.append(" ".join(part for part in (_from("from", shortest), _from("to", longest), "characters") if part))
    return ", ".join(said)


def _from(word: str, bound: Any) -> str:
    return "" if bound is None else f"{word} {bound}"


def _short(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return a record without ``_uris``, and of those inside only where they are."""
    inside = {
        name: {"_type": value["_type"], "uri": value.get("uri")}
        for name, value in record.items()
        if isinstance(value, dict) and "_type" in value
    }
    return {name: inside.get(name, value) for name, value in record.items() if name != "_uris"}


def _json(value: Any) -> Iterator[str]:
    yield "```json"
    yield json.dumps(value, indent=2, ensure_ascii=False)
    yield "```\n"
