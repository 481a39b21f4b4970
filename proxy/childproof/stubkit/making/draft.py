"""The text of an inferred stub.yaml: what a document tells, each part with what it was inferred from, to read and change.

Nothing is written that would overrule what single operations say otherwise: what differs between operations stays
inferred, and a comment says so. What is only a comment here can be written out, and then holds.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from childproof.stubkit.document.naming import resource_name, thing_of
from childproof.stubkit.document.openapi import OpenApi, Operation
from childproof.stubkit.document.shape import properties
from childproof.stubkit.inference.infer import Inference, Inferred
from childproof.stubkit.inference.refs import references
from childproof.stubkit.reply.lists import ListDialect

_PLAIN = re.compile(r"[A-Za-z_/.$*][A-Za-z0-9_/.$*@+-]*(?: [A-Za-z0-9_/.$*@+-]+)*")
_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "~"})
_WIDTH = 118
_MOST = 30  # operations that a comment names
_KEYS = ("style", "cursor", "before", "items", "more", "next", "total", "url")


class Draft(msgspec.Struct, frozen=True):
    """A stub.yaml, and what could not be inferred, one sentence each."""

    text: str
    notes: tuple[str, ...]


def draft(name: str, api: OpenApi, hosts: Sequence[str], document: str) -> Draft:
    """The inferred stub.yaml of a document."""
    inference = Inference(api)
    operations = [(operation, inference.operation(operation)) for operation in api.operations()]
    resources = list(_resources(api, inference, operations))
    notes: list[str] = []
    parts = [
        "\n".join(
            [
                f"# Inferred from {document}. Everything here may be changed; what isn't here is inferred on each start.",
                f"# childproof stubs check {name}: says what is wrong; stubs coverage {name}: what each operation does.",
            ]
        ),
        "\n".join([f"stub: {flow(name)}", f"hosts: {flow(list(hosts))}", f"openapi: {document}"]),
        _auth(api, notes),
        _dialect(inference, operations, notes),
        _written(api, inference, resources, notes),
        _actions(inference, operations),
        _rest(api, operations, notes),
    ]
    return Draft("\n\n".join(part.strip("\n") for part in parts if part) + "\n", tuple(notes))


def flow(value: Any) -> str:
    """A value on one line, as YAML."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{flow(key)}: {flow(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(flow(inner) for inner in value) + "]"
    if isinstance(value, str) and _PLAIN.fullmatch(value) and value.lower() not in _WORDS and not value.startswith("*"):
        return value
    return json.dumps(value, ensure_ascii=False)


def auth(api: OpenApi) -> Any:
    """`none` for a document without security, else any key where its schemes look for one."""
    places: dict[str, Any] = {}
    for scheme in api.security_schemes():
        kind, where = scheme.get("type"), scheme.get("in")
        if kind == "http" and str(scheme.get("scheme", "")).lower() in {"bearer", "basic"}:
            places[str(scheme["scheme"]).lower()] = "any"
        elif kind == "apiKey" and where in {"header", "query"} and isinstance(scheme.get("name"), str):
            if where == "header" and str(scheme["name"]).lower() == "authorization":
                places["bearer"] = "any"
            else:
                places[str(where)] = scheme["name"]
        elif kind in {"oauth2", "openIdConnect"}:
            places["bearer"] = "any"
    return places or "none"


def _auth(api: OpenApi, notes: list[str]) -> str:
    found = auth(api)
    if found == "none":
        if any(scheme.get("in") == "cookie" for scheme in api.security_schemes()):
            notes.append("auth: a key in a cookie, which no stub asks for")
        else:
            notes.append("auth: the document names no security scheme, so no key is asked for")
    told = (
        "the document has no security schemes"
        if found == "none"
        else "from the document's security schemes; any key will do"
    )
    return f"# {told}\nauth: {flow(found)}"


def _dialect(inference: Inference, operations: Sequence[tuple[Operation, Inferred]], notes: list[str]) -> str:
    lines = []
    first = next((one for one, _ in operations if one.request_schema is not None and one.method != "GET"), None)
    if first is not None:
        style = "form" if "form" in first.request_type else "json"
        lines += [f"  # as {first.name} takes it", f"  body: {style}"]
    error = inference.error_body()
    if error is not None:
        lines += [
            "  # the shape of the document's error replies; kinds: words each error",
            f"  errors: {flow({'body': error})}",
        ]
    elif not any("#" in one.path and "xml" in one.reply_type for one, _ in operations):
        notes.append("errors: no error reply with a message or a code in it, so the kit's own shape is taken")
    lines += _lists([inference.lists(one) for one, done in operations if done.action == "list"])
    lines += [
        "  # for resources whose ids nothing tells of; {prefix} is the resource's `id`, or its name",
        '  ids: "{prefix}_{alnum:14}"',
    ]
    return "dialect:\n" + "\n".join(lines)


def _lists(every: Sequence[ListDialect]) -> Iterator[str]:
    """What all list operations have in common, written; what differs between them, in a comment."""
    if not every:
        yield "  # the document lists nothing"
        return
    same: dict[str, Any] = {}
    differing: list[str] = []
    limits = Counter((one.limit_name, one.default, one.maximum) for one in every)
    if len(limits) == 1:
        found = every[0]
        if found.limit_name:
            same["limit"] = {"name": found.limit_name, "default": found.default, "max": found.maximum}
    else:
        differing.append(_counted("limit", [one.limit_name or "none" for one in every]))
    for key in _KEYS:
        values = [getattr(one, key) for one in every]
        if len(set(values)) == 1:
            if values[0] or key in {"style", "items"}:
                same[key] = values[0]
        else:
            differing.append(_counted(key, [str(value) if value else "none" for value in values]))
    if all(one.extra == every[0].extra for one in every) and every[0].extra:
        same["extra"] = dict(every[0].extra)
    order = [key for key in ("style", "limit", *_KEYS[1:], "extra") if key in same]
    yield f"  # of the parameters and replies of {len(every)} list operation{'s' if len(every) != 1 else ''}"
    for text in differing:
        yield f"  # differs, so each operation's own: {text}"
    if order:
        yield f"  lists: {flow({key: same[key] for key in order})}"


def _counted(key: str, values: Sequence[str]) -> str:
    counts = Counter(values).most_common()
    shown = ", ".join(f"{value} ({count})" for value, count in counts[:4])
    return f"{key}: {shown}{', …' if len(counts) > 4 else ''}"


class _Resource(msgspec.Struct, frozen=True):
    name: str
    schema: str
    path: str
    actions: tuple[str, ...]


def _resources(
    api: OpenApi, inference: Inference, operations: Sequence[tuple[Operation, Inferred]]
) -> Iterator[_Resource]:
    """What is stored: one resource for each schema, at the collection where it is created, by its shortest path."""
    found: dict[str, str] = {}
    creating: dict[str, bool] = {}
    actions: dict[str, dict[str, None]] = {}
    for _, done in operations:
        if done.action == "none" or not done.schema or not done.collection:
            continue
        actions.setdefault(done.schema, {})[done.action] = None
        if not api.has_path(done.collection) or inference.schema_at(done.collection) != done.schema:
            continue
        known = found.get(done.schema)
        better = done.action == "create" and (not creating.get(done.schema) or len(done.collection) < len(known or ""))
        if known is None or better:
            found[done.schema] = done.collection
            creating[done.schema] = done.action == "create"
    names: set[str] = set()
    paths: set[str] = set()
    for schema, path in found.items():
        if path in paths:
            continue
        paths.add(path)
        name = resource_name(api, schema)
        if name in names:
            name = f"{thing_of(path.rpartition('/')[0])}_{name}"
        while name in names:
            name += "_"
        names.add(name)
        yield _Resource(name, schema, path, tuple(actions[schema]))


def _written(api: OpenApi, inference: Inference, resources: Sequence[_Resource], notes: list[str]) -> str:
    if not resources:
        notes.append("resources: nothing that is created, retrieved or listed has an id, so replies have no state")
        return "# resources: the document shows none: nothing in its replies has an id"
    lines = []
    named = {one.schema: one.name for one in resources}
    unknown = []
    for one in resources:
        node = api.schema(one.schema)
        known = properties(api, node).known if node is not None else {}
        field = inference.id_field(one.schema, one.path)
        entry: dict[str, Any] = {"schema": one.schema} if api.declares(one.schema) else {}
        entry["path"] = one.path
        template, source = inference.id_template(one.schema, field, one.path)
        if template:
            entry["id"] = template
        elif field in known:
            unknown.append(one.name)
        if field != "id":
            entry["id_field"] = field
        refs = {at: named[to] for at, to in references(api, inference, known, one.schema).items() if to in named}
        if refs:
            entry["refs"] = refs
        told = [", ".join(one.actions)]
        if template:
            told.append(f"ids from {source}")
        if refs:
            told.append("refs from the fields' names")
        lines += [f"  # {'; '.join(told)}"[:_WIDTH], f"  {one.name}: {flow(entry)}"]
    if unknown:
        notes.append(f"ids: no example, format or pattern for {_some(unknown)}: they look as dialect.ids says")
    return "resources:\n" + "\n".join(lines)


def _actions(inference: Inference, operations: Sequence[tuple[Operation, Inferred]]) -> str:
    acts = [(one, done, inference.change(one)) for one, done in operations if done.action == "act"]
    replaced = [one.name for one, done in operations if done.action == "replace"]
    merged = [one.name for one, done in operations if done.action == "update" and one.method == "PUT"]
    lines = []
    if acts:
        lines.append(
            "# Actions on an entity: they merge what the body names, set what their name means, and reply the entity."
        )
        lines.append(
            "# Written under `operations:`, such a line holds instead; behaviour is a function in a Python file."
        )
        lines += [
            f"#   {one.name}: {flow({'set': change}) if change else 'nothing told what it changes'}"
            for one, _, change in acts[:_MOST]
        ]
        lines += _more(acts)
    if replaced:
        lines.append("# PUT replaces (the document requires fields, or has PATCH for parts):")
        lines += [f"#   {name}" for name in replaced[:_MOST]] + _more(replaced)
    if merged:
        lines.append("# PUT merges, as PATCH would (no field is required and there is no PATCH):")
        lines += [f"#   {name}" for name in merged[:_MOST]] + _more(merged)
    return "\n".join(lines)


def _rest(api: OpenApi, operations: Sequence[tuple[Operation, Inferred]], notes: list[str]) -> str:
    rest = [one.name for one, done in operations if done.action == "none"]
    lines = []
    if rest:
        lines.append(
            f"# No state: {len(rest)} of {len(operations)} operations reply what their schema says, invented anew each time:"
        )
        lines += [f"#   {name}" for name in rest[:_MOST]] + _more(rest)
        notes.append(
            f"operations: nothing tells what {len(rest)} of {len(operations)} do; their replies are made up from the schema"
        )
    said = api.notes()
    if said:
        lines.append("# Written twice in the document, only the first is served:")
        lines += [f"#   {fault.found}" for fault in said[:_MOST]] + _more(said)
        notes.extend(f"{fault.file}:{fault.line}:{fault.column}: {fault.found}" for fault in said[:5])
    hooks = list(api.webhooks())
    if hooks:
        notes.append(
            f"events: the document has {len(hooks)} webhooks ({_some(hooks)}); say under `events:` when they are sent"
        )
        lines.append(f"# events: not inferred; the document's webhooks are {_some(hooks)}")
    return "\n".join(lines)


def _more(entries: Sequence[Any]) -> list[str]:
    return [f"#   … and {len(entries) - _MOST} more"] if len(entries) > _MOST else []


def _some(names: Sequence[str], most: int = 5) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
