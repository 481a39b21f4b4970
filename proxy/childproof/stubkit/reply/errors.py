"""The error dialect: how this service words and wraps what it refuses.

A refusal has a kind, or words of its own; `dialect.errors.kinds` gives a kind its status, code, type and message, and
`dialect.errors.body` is the shape around them. `{name}` stands for a value; a key whose value is missing is left out.
`{name:text}` gives the text where the value is missing, `{name|dashed}` the value with dashes for underscores.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from childproof.stubkit.refusal import Refusal

from .markup import escaped, quoted

_PLACE = re.compile(r"\{([a-z_]+)(?P<dashed>\|dashed)?(?::(?P<default>[^{}]*))?\}")
DEFAULT_BODY: dict[str, Any] = {"error": {"code": "{code}", "message": "{message}", "param": "{param}"}}


class Kind(msgspec.Struct, frozen=True):
    """The wording of one kind of refusal. `further` makes more values for the body template.

    `own`: its status was written for it, and holds where all others have one (`dialect.errors.status`).
    """

    status: int
    code: Any
    message: str
    type: str | None = None
    further: Mapping[str, Callable[[Mapping[str, Any]], Any]] = msgspec.field(default_factory=dict)
    own: bool = False


def _kind(status: int, code: str, message: str) -> Kind:
    return Kind(status, code, message)


KINDS: dict[str, Kind] = {
    "missing": _kind(400, "missing", "The parameter {param} is required."),
    "empty": _kind(400, "invalid", "The parameter {param} must not be empty."),
    "unknown_parameter": _kind(400, "unknown_parameter", "The parameter {param} is unknown."),
    "invalid_integer": _kind(400, "invalid", "{param} must be an integer."),
    "invalid_number": _kind(400, "invalid", "{param} must be a number."),
    "invalid_boolean": _kind(400, "invalid", "{param} must be true or false."),
    "invalid_string": _kind(400, "invalid", "{param} must be a string."),
    "invalid_array": _kind(400, "invalid", "{param} must be an array."),
    "invalid_object": _kind(400, "invalid", "{param} must be an object."),
    "invalid_enum": _kind(400, "invalid", "{param} must be one of {allowed}."),
    "invalid_format": _kind(400, "invalid", "{param} has an invalid format."),
    "too_long": _kind(400, "invalid", "{param} is too long (at most {limit})."),
    "too_short": _kind(400, "invalid", "{param} is too short (at least {limit})."),
    "too_large": _kind(400, "invalid", "{param} must be at most {limit}."),
    "too_small": _kind(400, "invalid", "{param} must be at least {limit}."),
    "invalid": _kind(400, "invalid", "{param} is invalid."),
    "exclusive": _kind(400, "invalid", "Only one of {param} and {other} may be given."),
    "several": _kind(400, "invalid", "The request is invalid."),
    "invalid_body": _kind(400, "invalid_body", "The request body can't be read: {reason}."),
    "no_object": _kind(400, "invalid", "The request body must be an object."),
    "invalid_file": _kind(400, "invalid", "{param} must be a file."),
    "too_large_file": _kind(413, "too_large", "{param} is too large (at most {limit} bytes)."),
    "not_found": _kind(404, "not_found", "No {resource} has the id {value}."),
    "not_found_parameter": _kind(404, "not_found", "No {resource} has the id {value}."),
    "unknown_url": _kind(404, "not_found", "There is no {method} {path}."),
    "unauthorized": _kind(401, "unauthorized", "No API key was given."),
    "bad_token": _kind(401, "unauthorized", "The API key is not valid."),
    "bad_signature": _kind(401, "unauthorized", "The signature is incomplete: {reason}."),
    "wrong_signature": _kind(401, "unauthorized", "The signature doesn't fit the request."),
    "conflict": _kind(409, "conflict", "The request conflicts with the state of the {resource}."),
    "not_unique": _kind(409, "not_unique", "A {resource} with this {param} exists already."),
    "precondition_failed": _kind(412, "precondition_failed", "The resource has changed since: the condition doesn't hold."),
    "precondition_required": _kind(428, "precondition_required", "{method} needs an If-Match header."),
    "insufficient_scope": _kind(403, "insufficient_scope", "The token lacks the scope {scope}."),
    "referenced": _kind(409, "conflict", "The {resource} {value} is still used by the {holder} {held_by}."),
    "not_expandable": _kind(400, "invalid", "{value} can't be expanded."),
    "too_deep": _kind(400, "invalid", "{value} can't be expanded: that is more than {limit} levels."),
    "invalid_transition": _kind(409, "invalid_transition", "A {resource} that is {state} can't become {to}."),
    "idempotency_conflict": _kind(409, "idempotency_conflict", "The idempotency key was used for another request."),
    "idempotency_endpoint": _kind(409, "idempotency_conflict", "The idempotency key was used for {first}."),
    "rate_limited": _kind(429, "rate_limited", "Too many requests."),
    "unknown_tenant": _kind(403, "forbidden", "The {resource} {value} can't be used with this key."),
    "internal": _kind(500, "internal", "An internal error occurred."),
}  # fmt: skip


class ErrorDialect:
    """Renders refusals. Made once per stub from `dialect.errors`, over what the document's error schema suggests."""

    def __init__(self, written: Mapping[str, Any], *, inferred_body: Any = None, dots: bool = False) -> None:
        self._kinds = {
            **KINDS,
            **{name: _merge(KINDS[name], value) for name, value in written.get("kinds", {}).items()},
        }
        if "invalid_object" in written.get("kinds", {}) and "no_object" not in written["kinds"]:
            self._kinds["no_object"] = self._kinds["invalid_object"]
        body = written.get("body", inferred_body if inferred_body is not None else DEFAULT_BODY)
        self._body = body
        self._render = compile_template(body)
        self._home = _home(body)
        self._named = set(_names(body))
        self._status: int | None = written.get("status")
        self._xml: str | None = written.get("root", "Error") if written.get("format") == "xml" else None
        self.content_type = written.get("content_type", "text/xml" if self._xml is not None else "application/json")
        self._dots = dots
        self._each = compile_template(written["each"]) if "each" in written else None
        self._headers = compile_template(written.get("headers", {}))

    @property
    def tells_all(self) -> bool:
        """Whether one reply tells of everything that is wrong with a request (`each`)."""
        return self._each is not None

    def one(self, refusal: Refusal) -> Any:
        """One of the things that are wrong, as `each` has them."""
        assert self._each is not None
        return self._each(self.words(refusal, {})[1])

    def parameter(self, path: Sequence[str | int]) -> str:
        """A nested parameter's name as this service writes it: `items[0][price]` or `items.0.price`."""
        if self._dots or not path:
            return ".".join(map(str, path))
        return str(path[0]) + "".join(f"[{part}]" for part in path[1:])

    def words(self, refusal: Refusal, context: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
        """The status and the values (code, message, param …) of a refusal. `context` has method, path and the like."""
        kind = self._kinds.get(refusal.kind)
        values: dict[str, Any] = {**context, **refusal.extra}
        if refusal.param is not None:
            values["param"] = refusal.param
            values.setdefault("leaf", refusal.param)
            if "value" in refusal.extra:
                values.setdefault("inspected", inspected(refusal.extra["value"]))
        if kind is not None:
            given = {"param"} if refusal.param is not None else set()
            for name in kind.further.keys() - refusal.extra.keys() - given:
                values[name] = kind.further[name](values)
        if kind is None:
            status = refusal.status or 400
            values.update(code=refusal.code, type=refusal.type, message=refusal.message)
        else:
            status = refusal.status or kind.status
            values["code"] = refusal.code if refusal.code is not None else kind.code
            values["type"] = refusal.type if refusal.type is not None else kind.type
            message = refusal.message if refusal.message is not None else kind.message
            values["message"] = _PLACE.sub(lambda place: _filled(place, values), message)
        values["status"] = status
        return status, values

    def headers(self, refusal: Refusal, context: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
        """The headers that an error has besides those of every reply."""
        made = self._headers(self.words(refusal, context)[1])
        return tuple((name, text(value)) for name, value in made.items())

    def render(self, refusal: Refusal, context: Mapping[str, Any]) -> tuple[int, Any, bytes]:
        """The reply's status, the error body as JSON values, and as bytes."""
        status, values = self.words(refusal, context)
        if values.get("plain") is True:
            told = str(values["message"])
            return self._status or status, told, told.encode()
        body = self._render(values)
        extras = {name: value for name, value in refusal.extra.items() if name not in self._named and value is not None}
        if extras and not refusal.kind and isinstance(body, dict):
            target: Any = body
            for step in self._home:
                target = target[step]
            target.update(extras)
        raw = _xml(self._xml, body).encode() if self._xml is not None else msgspec.json.encode(body)
        kind = self._kinds.get(refusal.kind)
        if self._status is not None and not (kind is not None and kind.own):
            status = self._status
        return status, body, raw


def compile_template(template: Any, *, keep_null: bool = False) -> Callable[[Mapping[str, Any]], Any]:
    """A function from values to the filled template. A whole-text `{name}` keeps the value's type.

    A key whose text needs a value that is missing is left out; with `keep_null`, a value that is None is written.
    """
    if isinstance(template, dict):
        parts = [(key, compile_template(value, keep_null=keep_null), _needs(value)) for key, value in template.items()]

        def mapping(values: Mapping[str, Any]) -> Any:
            out = {}
            for key, render, needs in parts:
                for name in needs:
                    if values.get(name) is None and not (keep_null and name in values):
                        break
                else:
                    out[key] = render(values)
            return out

        return mapping
    if isinstance(template, list):
        items = [compile_template(item, keep_null=keep_null) for item in template]
        return lambda values: [item(values) for item in items]
    if isinstance(template, str) and "{" in template:
        whole = _whole(template)
        if whole is not None:
            return lambda values: values.get(whole)
        return lambda values: _PLACE.sub(lambda place: _filled(place, values), template)
    return lambda _values: template


def text(value: Any) -> str:
    """A value as error messages show it: text as it is, true and false, JSON for the rest."""
    if isinstance(value, str):
        return value
    return "" if value is None else msgspec.json.encode(value).decode()


def inspected(value: Any) -> str:
    """A value as Ruby shows it, which services written in it put into their messages: `nil`, `"a"`, `{"a" => 1}`."""
    if value is None:
        return "nil"
    if isinstance(value, list):
        return f"[{', '.join(map(inspected, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{inspected(key)} => {inspected(item)}' for key, item in value.items())}}}"
    return msgspec.json.encode(value).decode()


def choices(allowed: Sequence[Any]) -> str:
    """`a`, `a or b`, `a, b, or c`: as error messages enumerate what they would take."""
    shown = [text(value) for value in allowed]
    if len(shown) <= 2:
        return " or ".join(shown)
    return f"{', '.join(shown[:-1])}, or {shown[-1]}"


def _whole(template: Any) -> str | None:
    fit = _PLACE.fullmatch(template) if isinstance(template, str) else None
    return fit[1] if fit is not None and fit["dashed"] is None and fit["default"] is None else None


def _filled(place: re.Match[str], values: Mapping[str, Any]) -> str:
    value = values.get(place[1])
    shown = text(value) if value is not None else place["default"] or ""
    return shown.replace("_", "-") if place["dashed"] is not None else shown


def _needs(template: Any) -> tuple[str, ...]:
    """The names of the values that a text can't do without."""
    if not isinstance(template, str):
        return ()
    return tuple(place[1] for place in _PLACE.finditer(template) if place["default"] is None)


def _merge(base: Kind, written: Any) -> Kind:
    if isinstance(written, str):
        return Kind(base.status, base.code, written, base.type)
    further = {
        key: compile_template(value)
        for key, value in written.items()
        if key not in {"status", "code", "type", "message"}
    }
    return Kind(
        written.get("status", base.status),
        written.get("code", base.code),
        written.get("message", base.message),
        written.get("type", base.type),
        further,
        "status" in written,
    )


def _names(template: Any) -> list[str]:
    if isinstance(template, dict):
        return [name for value in template.values() for name in _names(value)]
    if isinstance(template, list):
        return [name for value in template for name in _names(value)]
    return [place[1] for place in _PLACE.finditer(template)] if isinstance(template, str) else []


def _home(template: Any) -> tuple[str | int, ...]:
    """Where the mapping stands that holds the message: a refusal's further fields belong beside it."""
    if isinstance(template, dict):
        if any(isinstance(value, str) and "{message}" in value for value in template.values()):
            return ()
        for key, value in template.items():
            if "message" in _names(value):
                return (key, *_home(value))
    if isinstance(template, list):
        for place, value in enumerate(template):
            if "message" in _names(value):
                return (place, *_home(value))
    return ()


def _xml(root: str, value: Any) -> str:
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{_element(root, value)}'


def _element(name: str, value: Any) -> str:
    """An element; keys that begin with `@` are its attributes."""
    attributes = ""
    if isinstance(value, dict):
        attributes = "".join(f" {key[1:]}={quoted(text(item))}" for key, item in value.items() if key.startswith("@"))
        inner = "".join(_element(key, item) for key, item in value.items() if not key.startswith("@"))
    elif isinstance(value, list):
        return "".join(_element(name, item) for item in value)
    else:
        inner = escaped(text(value))
    return f"<{name}{attributes}>{inner}</{name}>"
