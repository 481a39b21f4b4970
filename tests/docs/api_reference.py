"""docs/api-reference.md, made of the API's own document: `python -m tests.docs.api_reference` writes it anew."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from childproof.control.api import described
from childproof.control.openapi import COMMON

PAGE = Path(__file__).parents[2] / "docs" / "api-reference.md"
Json = dict[str, Any]
HEAD = """# The control API, operation by operation

What each takes, answers and refuses, as `/v1/openapi.json` has it. [api.md](api.md) says how they go together. This page is made of that document.

Any operation may answer these besides its own refusals:

"""


def page(document: Json) -> str:
    """The whole page."""
    return (
        HEAD
        + "\n".join(
            [*_statuses({str(status): {"description": about} for status, about in COMMON.items()}), *_groups(document)]
        )
        + "\n"
    )


def _groups(document: Json) -> Iterator[str]:
    for tag in document["tags"]:
        yield from ("", f"## {tag['name'].capitalize()}", "", tag["description"])
        for path, methods in document["paths"].items():
            for method, operation in methods.items():
                if tag["name"] in operation["tags"]:
                    yield from _operation(f"{method.upper()} {path}", operation)
    yield from ("", "## Bodies", "")
    yield "A name in the tables above that is in capitals at its beginning is one of these."
    for name, schema in sorted(document["components"]["schemas"].items()):
        yield from ("", f"### {name}", "", schema["description"], "")
        yield from _table(_fields(schema))


def _operation(title: str, operation: Json) -> Iterator[str]:
    yield from (
        "",
        f"### {title}",
        "",
        f"`{operation['operationId']}`: {operation['summary']}. {operation['description']}",
        "",
    )
    asked = [
        (f"`{one['name']}`", one["in"], _type(one["schema"]), one.get("description", ""))
        for one in operation.get("parameters", ())
    ]
    if body := operation.get("requestBody"):
        schema = body["content"]["application/json"]["schema"]
        asked.append(("body", "" if body["required"] else "optional", _type(schema), ""))
    if asked:
        yield from ("| takes | where | type | |", "|---|---|---|---|")
        yield from (f"| {' | '.join(one)} |" for one in asked)
        yield ""
    for status, answer in operation["responses"].items():
        if status.startswith("2"):
            media = [
                f"{_type(of['schema'])}{'' if kind == 'application/json' else f' ({kind})'}"
                for kind, of in answer.get("content", {}).items()
            ]
            headers = [f"`{name}`, {about['description']}" for name, about in answer.get("headers", {}).items()]
            yield f"Answers {status}: {'; '.join([*media, *headers]) or 'nothing'}."
    own = {
        status: one
        for status, one in operation["responses"].items()
        if status >= "4" and one["description"] != COMMON.get(int(status))
    }
    if own:
        yield ""
        yield from _statuses(own)


def _statuses(answers: Json) -> Iterator[str]:
    yield from ("| refuses with | when |", "|---|---|")
    yield from (f"| {status} | {_cell(answer['description'])} |" for status, answer in answers.items())


def _fields(schema: Json) -> Iterator[tuple[str, str, str, str]]:
    for field, shape in schema.get("properties", {}).items():
        default = "" if shape.get("default") is None else f"`{_written(shape['default'])}`"
        need = "required" if field in schema.get("required", ()) else default
        yield f"`{field}`", _type(shape), need, _cell(shape.get("description", ""))


def _table(rows: Iterator[tuple[str, ...]]) -> Iterator[str]:
    yield from ("| field | type | default | |", "|---|---|---|---|")
    yield from (f"| {' | '.join(row)} |" for row in rows)


def _type(schema: Json) -> str:
    if "$ref" in schema:
        return str(schema["$ref"].rpartition("/")[2])
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(_type(one) for one in schema["anyOf"] if one != {"type": "null"}))
    if "enum" in schema:
        return " or ".join(f"`{one}`" for one in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}))}"
    low, high = schema.get("minimum"), schema.get("maximum")
    bounds = f" {low} to {high}" if low is not None and high is not None and abs(high) < 2**53 else ""
    return str(schema.get("format") or schema.get("type", "any")) + bounds


def _written(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(page(described()))
