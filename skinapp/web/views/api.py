"""The plain HTTP interface for people: api/openapi.json, which programs read, as a page."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from skinapp.guards.security_headers import FRAMES
from skinapp.i18n.messages import Language
from skinapp.web import STATIC
from skinapp.web.render import render

DESCRIPTION = STATIC / "api" / "openapi.json"
STYLES = ("page", "api")
DARK = re.compile(r"^\.dark (\{.*?^\})", re.MULTILINE | re.DOTALL)
"""The colours of the dark page, which a script chooses there; here is none."""
FORM = "multipart/form-data"
POLICY = f"default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; {FRAMES}"
"""What the page may load: its looks, and the shapes in them."""


@dataclass(frozen=True)
class Field:
    """A parameter or a field: what it is called, which values it has, whether it must be there, and what it means; of a parameter
    where it stands."""

    name: str
    values: str
    is_required: bool
    text: str
    place: str = ""


@dataclass(frozen=True)
class Answer:
    """What comes back: a status, what it means, the kinds of content, and the schemas that these are made of."""

    status: str
    text: str
    kinds: Sequence[str]
    schemas: Sequence[str]


@dataclass(frozen=True)
class Operation:
    """One call; `body` is empty where it takes none."""

    method: str
    path: str
    summary: str
    parameters: Sequence[Field]
    body: str
    kinds: Sequence[str]
    example: str
    answers: Sequence[Answer]


@dataclass(frozen=True)
class Schema:
    """What a JSON answer is made of; one that `extends` others has their fields as well."""

    name: str
    extends: str
    fields: Sequence[Field]


@dataclass(frozen=True)
class Description:
    """The whole page; `base` is where the interface's other addresses lie, `home` the page of the program."""

    operations: Sequence[Operation]
    schemas: Sequence[Schema]
    base: str
    home: str


def page(language: Language, origin: str, base: str, home: str) -> str:
    """The page; `origin` is where the visitor's browser found it, which its examples call."""
    known = _described()
    view = Description(
        operations=list(_operations(known, origin)),
        schemas=[
            Schema(name, _values({"anyOf": schema.get("anyOf", [])}), list(_fields(schema)))
            for name, schema in known["components"]["schemas"].items()
        ],
        base=base,
        home=home,
    )
    return render("api.document", language, view)


@cache
def stylesheet() -> str:
    """How it looks: as the program's page, light or dark as the visitor's system is."""
    sheets = "\n".join((STATIC / "styles" / f"{name}.css").read_text(encoding="utf-8") for name in STYLES)
    return DARK.sub(r"@media (prefers-color-scheme: dark) { :root \1 }", sheets)


@cache
def _described() -> dict[str, Any]:
    known: dict[str, Any] = json.loads(DESCRIPTION.read_text(encoding="utf-8"))
    return known


def _operations(known: Mapping[str, Any], origin: str) -> Iterator[Operation]:
    for path, methods in known["paths"].items():
        for method, call in methods.items():
            body = call.get("requestBody", {})
            yield Operation(
                method=method.upper(),
                path=path,
                summary=call["summary"],
                parameters=[
                    Field(one["name"], _values(one["schema"]), one.get("required", False), one["description"], one["in"])
                    for one in call.get("parameters", [])
                ],
                body=body.get("description", ""),
                kinds=list(body.get("content", {})),
                example=_example(f"{origin}{path}", body.get("content", {})),
                answers=[_answer(known, status, answer) for status, answer in call["responses"].items()],
            )


def _example(address: str, content: Mapping[str, Any]) -> str:
    """A line for a shell: every field of a form is a file."""
    files = [f"-F {name}=@{name}.jpg" for name in content[FORM]["schema"]["properties"]] if FORM in content else []
    return " ".join(["curl -sS", *files, address])


def _answer(known: Mapping[str, Any], status: str, answer: Mapping[str, Any]) -> Answer:
    shared = known["components"]["responses"][_name(answer)] if "$ref" in answer else {}
    full = {**shared, **answer}
    return Answer(status, full["description"], list(full["content"]), list(dict.fromkeys(_named(full["content"]))))


def _named(part: Any) -> Iterator[str]:
    """The schemas that a part of the description names, wherever in it."""
    if isinstance(part, dict):
        if "$ref" in part:
            yield _name(part)
        for inner in part.values():
            yield from _named(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from _named(inner)


def _fields(schema: Mapping[str, Any]) -> Iterator[Field]:
    required = schema.get("required", [])
    for name, one in schema["properties"].items():
        yield Field(name, _values(one), name in required, one.get("description", ""))


def _values(schema: Mapping[str, Any]) -> str:
    """Which values there are, in the notation of TypeScript."""
    if "$ref" in schema:
        return _name(schema)
    for choice in ("oneOf", "anyOf"):
        if choice in schema:
            return " | ".join(map(_values, schema[choice]))
    if "const" in schema:
        return json.dumps(schema["const"])
    if "enum" in schema:
        return " | ".join(map(json.dumps, schema["enum"]))
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    return " | ".join(_of_kind(kind, schema) for kind in kinds)


def _of_kind(kind: str, schema: Mapping[str, Any]) -> str:
    if kind == "array":
        return f"{_values(schema['items'])}[]"
    if kind == "object" and "properties" in schema:
        return f"{{ {', '.join(f'{name}: {_values(one)}' for name, one in schema['properties'].items())} }}"
    if kind == "object" and "additionalProperties" in schema:
        return f"{{ [name]: {_values(schema['additionalProperties'])} }}"
    return kind


def _name(reference: Mapping[str, Any]) -> str:
    return str(reference["$ref"]).rpartition("/")[2]
