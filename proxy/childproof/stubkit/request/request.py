"""Reading a call: its query and body as values of the schema's types, or the refusal in the vendor's words."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from childproof.model import BodyError, Call, parse_form, parse_json
from childproof.stubkit.declared.settings import Settings
from childproof.stubkit.document.openapi import OpenApi, Operation
from childproof.stubkit.document.shape import properties, types
from childproof.stubkit.refusal import Refusal
from childproof.stubkit.reply.errors import ErrorDialect, choices, inspected, text

from .arguments import ArgumentReader, argument_reader
from .coercion import Coercer, coercer
from .complaint import Complaint, complaints
from .conversion import Validator, validator
from .older import Older, OlderReader, Translated, parsed, restore
from .plain import nested, plain
from .uploads import FORM, media_type, read_multipart
from .xmlbody import parse_xml


class RequestReader(msgspec.Struct, frozen=True):
    """Reads the requests of one operation. Compiled on the operation's first use."""

    errors: ErrorDialect
    body_style: str
    query_check: Validator
    query_coerce: Coercer
    query_required: bool
    query_lists: Mapping[str, bool]  # array parameters that come without brackets -> whether repeated (else commas)
    body_check: Validator | None
    body_coerce: Coercer
    body_required: bool
    refuse_empty: tuple[str, ...] = ()  # fields that an empty text can't unset
    body_text: bool = False  # the body is a text as a whole
    body_files: tuple[str, ...] = ()  # fields that have to be files
    older: OlderReader | None = None  # what clients of earlier versions send
    nest: Callable[[Any], Any] | None = None  # forms and XML whose lists and maps the schema has to tell
    metadata: str = ""  # the field of that name in requests, and how long its values may be
    metadata_longest: int | None = None
    opaque: bool = False  # what the document takes is a file, and nothing else
    arguments: ArgumentReader | None = None  # of a procedure, which doesn't tell a query from a body

    def values(self, call: Call) -> tuple[dict[str, Any], Any]:
        """Query and body; for a procedure both are all its arguments. Raises Refusal."""
        if self.arguments is None:
            return self.query(call), self.body(call)
        found = self.arguments.read(call)
        self._check(self.arguments.check, found)
        return found, found

    def query(self, call: Call) -> dict[str, Any]:
        """The query parameters. Raises Refusal."""
        if not call.query:
            if self.query_required:
                self._check(self.query_check, {})
            return {}
        values = _form(call.query)
        for name, repeated in self.query_lists.items():
            plain = values.get(name)
            if isinstance(plain, str):
                found = [value for key, value in parse_qsl(call.query, keep_blank_values=True) if key == name]
                values[name] = found if repeated else [part for value in found for part in value.split(",")]
        older = self.older.translate(call, values) if self.older is not None else None
        coerced: dict[str, Any] = self.query_coerce(values)
        self._check(self.query_check, coerced, older)
        self._restore(coerced, older)
        return coerced

    def body(self, call: Call) -> Any:
        """The body: a mapping (empty where there is none), or what else its schema takes. Raises Refusal.

        A field that is a file holds the file's name; `Context.file` has what is in it.
        """
        style = _style(call, self.body_style)
        if self.opaque:
            return {}  # bytes that are what they are, whatever a client calls them
        if call.body and (style == "other" or (style == "text" and not self.body_text)):
            return {}  # bytes that are a file as a whole: nothing to check
        value, files = _read(call, style) if call.body else ({}, _NO_FILES)
        older = self._translated(call, value) if self.older is not None else None
        if style in _TEXTS and call.body:
            value = self.body_coerce(value if self.nest is None else self._nested(value))
        if self.body_check is not None and (call.body or self.body_required):
            self._check(self.body_check, value, older)
        if older is not None:
            self._restore(value, older)
        if isinstance(value, dict):
            self._whole(value, files)
        return value

    def _nested(self, value: Any) -> Any:
        assert self.nest is not None
        try:
            return self.nest(value)
        except BodyError as error:
            raise Refusal.of("invalid_body", reason=str(error)) from None

    def _whole(self, value: dict[str, Any], files: frozenset[str]) -> None:
        """Refuse texts in the place of files, and empty ones where something has to be."""
        for name in self.body_files:
            if name in value and name not in files:
                raise Refusal.of("invalid_file", param=name, value=text(value[name]))
        own = value.get(self.metadata)
        if self.metadata_longest is not None and isinstance(own, dict):
            for key, said in own.items():
                if isinstance(said, str) and len(said) > self.metadata_longest:
                    param = self.errors.parameter((self.metadata, key))
                    raise Refusal.of("too_long", param=param, value=said, limit=self.metadata_longest)
        for name in self.refuse_empty:
            if value.get(name) == "":
                raise Refusal.of("empty", param=name, value="")

    def renamed(self, call: Call, name: str) -> str:
        """How the client called the parameter that a behaviour knows by today's name."""
        place = parsed(name)
        if self.older is None or place is None or _style(call, self.body_style) != "form":
            return name
        older = self._translated(call, _form(call.body or call.query))
        found = older.named(tuple(part for part in place if part is not None)) if older is not None else None
        return self.errors.parameter(found) if found else name

    def _translated(self, call: Call, value: Any) -> Translated | None:
        return self.older.translate(call, value) if self.older is not None and isinstance(value, dict) else None

    def _check(self, check: Validator, value: Any, older: Translated | None = None) -> None:
        try:
            found = None if check.is_valid(value) else complaints(check, value)
        except ValueError as error:  # the validator's own bound on nesting
            raise Refusal.of("invalid_body", reason=str(error)) from None
        if found is not None:
            name = self.errors.parameter
            called = name if older is None else lambda place: name(older.named(place))
            raise refused(found, self.errors, called)

    def _restore(self, value: Any, older: Translated | None) -> None:
        if older is None or self.older is None or not older.kept:
            return
        wrong = self.older.complaint(older)
        if wrong is not None:
            raise worded(wrong, self.errors.parameter)
        restore(value, older)


def reader(  # noqa: PLR0917 - what a reader is made of
    api: OpenApi,
    operation: Operation,
    settings: Settings,
    errors: ErrorDialect,
    older: Sequence[Older] = (),
    version_header: str = "",
    token: str = "",
) -> RequestReader:
    """Compile the reader of one operation; `older` are the parameters of earlier versions that it takes besides.

    `token` is the parameter that carries the key, where one does: it is no argument of the operation.
    """
    query: dict[str, Any] = {"type": "object", "properties": {}, "required": []}
    listed: dict[str, bool] = {}
    nested: list[tuple[str, dict[str, Any]]] = []
    for parameter in operation.parameters:
        if parameter.get("in") != "query":
            continue
        name = str(parameter["name"])
        node = parameter.get("schema") or {}
        if "[" in name:
            nested.append((name, node))  # `price[gte]`: part of what the form's brackets make an object
            continue
        query["properties"][name] = node
        if parameter.get("required"):
            query["required"].append(name)
        if "array" in types(api, node) and parameter.get("style", "form") == "form":
            listed[name] = parameter.get("explode", True) is not False
    _nest(query["properties"], nested)
    if operation.method == "DELETE" and settings.body == "form" and operation.request_schema is not None:
        for name, node in properties(api, operation.request_schema).known.items():
            query["properties"].setdefault(name, node)  # clients send either, since many can't send a body
    if settings.expand:  # the dialect has it, whether the document lists it or not
        query["properties"].setdefault(
            settings.expand, {"anyOf": [{"type": "array", "items": {"type": "string"}}, {"type": "string"}]}
        )
    if settings.refuse_unknown:
        query["additionalProperties"] = False
    body = operation.request_schema
    return RequestReader(
        errors=errors,
        body_style=settings.body,
        query_check=validator(api, query, refuse_unknown=settings.refuse_unknown),
        query_coerce=coercer(api, query),
        query_required=bool(query["required"]),
        query_lists=listed,
        body_check=None if body is None else validator(api, body, refuse_unknown=settings.refuse_unknown),
        body_coerce=coercer(api, body) if body is not None else _same,
        body_required=operation.request_required or bool(body and api.resolve(body).get("required")),
        refuse_empty=tuple((body and api.resolve(body).get("required")) or ()) if settings.empty_unsets else (),
        body_text=body is not None and "string" in types(api, body),
        body_files=_files(api, body) if body is not None and FORM in operation.request_type else (),
        older=OlderReader(api, version_header, older, empty_unsets=settings.empty_unsets) if older else None,
        nest=_nester(api, body or {}) if settings.dotted_forms else None,
        metadata=settings.metadata,
        metadata_longest=_metadata_longest(api, operation, settings.metadata),
        opaque=operation.request_type.partition(";")[0].strip().lower() in _OPAQUE,
        arguments=argument_reader(api, operation, settings.procedures, token=token)
        if settings.procedures is not None and settings.procedures.takes(operation.path)
        else None,
    )


def _nester(api: OpenApi, body: dict[str, Any]) -> Callable[[Any], Any]:
    return lambda value: plain(api, body, nested(value)) if isinstance(value, dict) else value


def _metadata_longest(api: OpenApi, operation: Operation, name: str) -> int | None:
    """How long the values of metadata may be: documents say it of replies alone, and what is sent comes back."""
    if not name or operation.reply_schema is None:
        return None
    field = properties(api, operation.reply_schema).known.get(name) or {}
    values = api.resolve(field).get("additionalProperties")
    longest = api.resolve(values).get("maxLength") if isinstance(values, dict) else None
    return longest if isinstance(longest, int) else None


def _form(raw: str | bytes) -> dict[str, Any]:
    try:
        return parse_form(raw)
    except BodyError as error:
        raise Refusal.of("invalid_body", reason=str(error)) from None


def _read(call: Call, style: str) -> tuple[Any, frozenset[str]]:
    """A body's value, and which of its fields are files (those hold their names). Raises Refusal."""
    try:
        if style == "form":
            return parse_form(call.body), _NO_FILES
        if style == "multipart":
            value, files = read_multipart(call)
            return value, frozenset(file.field for file in files)
        if style == "text":
            return call.body.decode(), _NO_FILES
        found = parse_xml(call.body) if style == "xml" else parse_json(call.body)
    except (BodyError, UnicodeDecodeError) as error:
        raise Refusal.of("invalid_body", reason=str(error)) from None
    return ({} if found is None else found), _NO_FILES


def _files(api: OpenApi, body: dict[str, Any]) -> tuple[str, ...]:
    """The fields of a body that are files: `format: binary`, or what 3.1 has for it."""
    known = {name: api.resolve(node) for name, node in properties(api, body).known.items()}
    return tuple(name for name, node in known.items() if node.get("format") == "binary" or "contentMediaType" in node)


def _nest(known: dict[str, Any], nested: list[tuple[str, dict[str, Any]]]) -> None:
    """Describe parameters with brackets in their names as what reading the query makes of them."""
    made: dict[str, Any] = {}
    for name, node in nested:
        at, key = made, name.partition("[")[0]
        for step in name.replace("]", "").split("[")[1:]:
            if not step:  # `ids[]`
                node = node if node.get("type") == "array" else {"type": "array", "items": node}  # noqa: PLW2901
                continue
            at = at.setdefault(key, {"type": "object", "properties": {}})["properties"]
            key = step
        at[key] = node
    for name, node in made.items():
        known[name] = {"anyOf": [known[name], node]} if name in known else node


_DIALECT = re.compile(r"application/x-[a-z-]+-json(-[0-9.]+)?")  # `application/x-amz-json-1.1` and its like
_OPAQUE = frozenset({"application/octet-stream", "*/*"})
_NO_FILES: frozenset[str] = frozenset()
ALWAYS = "json-always"  # as a dialect's body: a service that takes no forms, and looks at no Content-Type
MOST_TOLD = 100  # faults of one request
_TEXTS = frozenset({"form", "multipart", "xml"})  # styles that know nothing but texts
_EMPTY = frozenset(
    {"invalid_integer", "invalid_number", "invalid_boolean", "invalid_enum", "invalid_array", "invalid_object"}
)


def refused(found: Sequence[Complaint], errors: ErrorDialect, name: Callable[[tuple[str | int, ...]], str]) -> Refusal:
    """What is wrong as one refusal: of the first thing, or of all where the service tells of all at once."""
    if not found:
        return Refusal.of("invalid")
    if not errors.tells_all:
        return worded(found[0], name)
    return Refusal.of("several", errors=[errors.one(worded(complaint, name)) for complaint in found[:MOST_TOLD]])


def worded(complaint: Complaint, name: Callable[[tuple[str | int, ...]], str]) -> Refusal:
    """A complaint as a refusal of its kind, with the parameter named in the service's own way."""
    path = complaint.path
    kind = "empty" if complaint.value == "" and complaint.kind in _EMPTY else complaint.kind
    return Refusal.of(
        "no_object" if kind == "invalid_object" and not path else kind,
        param=name(path) or None,
        leaf=str(path[-1]) if path else None,
        value=text(complaint.value),
        inspected=inspected(complaint.value),
        length=len(complaint.value) if isinstance(complaint.value, str | list | dict) else None,
        allowed=choices(complaint.allowed) if complaint.allowed else None,
        listed=", ".join(text(value) for value in complaint.allowed) if complaint.allowed else None,
        members=inspected(list(complaint.allowed)) if complaint.allowed else None,
        limit=complaint.limit,
    )


def _style(call: Call, default: str) -> str:
    """What the body is: its Content-Type decides, the dialect where there is none."""
    media = media_type(call)
    if not media:
        return "json" if default == ALWAYS else default
    if media == "application/x-www-form-urlencoded":  # which is what curl says of whatever it is given
        return "json" if default == ALWAYS else "form"
    if media == FORM:
        return "multipart"
    if media in {"application/xml", "text/xml"} or media.endswith("+xml"):
        return "xml"
    if media.startswith("text/"):
        return "text"
    return "json" if media == "application/json" or media.endswith("+json") or _DIALECT.fullmatch(media) else "other"


def _same(value: Any) -> Any:
    return value
