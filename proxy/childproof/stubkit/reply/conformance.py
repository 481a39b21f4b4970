"""Whether replies are what the document says: each place where one doesn't fit its response schema.

A reply can be checked where its operation is in the document, the document has a JSON schema for its status, and it is
JSON. Schemas are compiled when first needed and kept.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import msgspec

from childproof.model import BodyError, header
from childproof.stubkit.document.openapi import OpenApi, Operation
from childproof.stubkit.document.places import SCHEMAS
from childproof.stubkit.request.complaint import Complaint, complaints
from childproof.stubkit.request.components import Check, Components
from childproof.stubkit.request.conversion import Converter
from childproof.stubkit.request.xmlbody import parse_xml

from .errors import choices, text

if TYPE_CHECKING:
    from .xmlreply import XmlReplies

NOTHING: Mapping[str, Any] = MappingProxyType({})
_PART = 206  # of what is documented for 200
_SHOWN = 120  # characters of a found value
_WORDS = {
    "missing": "a value: the document requires it",
    "unknown_parameter": "nothing: the document doesn't list it",
    "invalid_format": "a value of the schema's format",
    "too_long": "at most {limit}",
    "too_short": "at least {limit}",
    "too_large": "at most {limit}",
    "too_small": "at least {limit}",
}


class Misfit(msgspec.Struct, frozen=True):
    """A place where a reply isn't as documented: a JSON pointer into its body ("" is the whole), found, expected."""

    pointer: str
    found: str
    expected: str

    def __str__(self) -> str:
        return f"{self.pointer or 'the reply'}: {self.found}; expected {self.expected}"


class Conformance:
    """Checks the replies of one document's operations.

    `strict`: a field that the document doesn't list is a fault, unless the schema says that there may be others. `xml`
    reads the replies that are XML. `success` is what every reply says that succeeds: one that says otherwise is a
    refusal, at whatever status, and its shape is the dialect's.
    """

    def __init__(
        self,
        api: OpenApi,
        *,
        strict: bool = True,
        xml: "XmlReplies | None" = None,
        success: Mapping[str, Any] = NOTHING,
    ) -> None:
        self._api = api
        self._success = success
        self._xml = xml
        self._components = Components(Converter(api, "reply", closed=strict, formats=True))
        self._checks: dict[tuple[str, str], Check | None] = {}
        self._objects: dict[str, Check] = {}

    def misfits(
        self, method: str, path: str, status: int, headers: tuple[tuple[str, str], ...], body: bytes
    ) -> list[Misfit] | None:
        """What is wrong with a reply of the operation at a path template; None where the document can't tell.

        It can't of statuses that it doesn't list with a schema, of bodies that aren't JSON, of refused paths.
        """
        operation = self._api.operation("GET" if method == "HEAD" else method, path)
        if operation is None:
            return None
        documented = self._api.responses(operation)
        name = _status(documented, status)
        if name is None:
            return _undocumented(documented, status)
        if method == "HEAD" or not body:
            return None
        media = (header(headers, "content-type") or "").partition(";")[0].strip().lower()
        xml = self._xml if media.endswith("xml") and status < 300 else None
        if media != "application/json" and not media.endswith("+json") and xml is None:
            return None
        check = self._check(operation, name, documented[name] if xml is None else None)
        if check is None:
            return None
        try:
            value = msgspec.json.decode(body) if xml is None else xml.read(operation, parse_xml(body))
        except (msgspec.DecodeError, BodyError) as error:
            kind = "JSON" if xml is None else "XML"
            return [Misfit("", f"no {kind} ({error})", f"{kind}, as its Content-Type says")]
        if isinstance(value, dict) and any(value.get(name, said) != said for name, said in self._success.items()):
            return None
        return [] if check.is_valid(value) else [_misfit(complaint) for complaint in complaints(check, value)]

    def object_misfits(self, schema: str, value: Any) -> list[Misfit]:
        """What is wrong with a value that is to be of a component schema. LookupError where there is no such schema."""
        check = self._objects.get(schema)
        if check is None:
            if self._api.schema(schema) is None:
                raise LookupError(f"no schema {schema!r} in {self._api.file}")
            check = self._objects[schema] = self._components.check({"$ref": f"{SCHEMAS}{schema}"})
        return [] if check.is_valid(value) else [_misfit(complaint) for complaint in complaints(check, value)]

    def _check(self, operation: Operation, status: str, response: Mapping[str, Any] | None) -> Check | None:
        """The check of a JSON response; without one, of the operation's reply whatever its media type."""
        key = (operation.name, status)
        if key not in self._checks:
            schema = operation.reply_schema if response is None else _json_schema(response)
            self._checks[key] = None if schema is None else self._components.check(schema)
        return self._checks[key]


def _status(documented: Mapping[str, Any], status: int) -> str | None:
    """The entry of the document's responses that is for a status."""
    return next(
        (name for name in (str(status), f"{status // 100}XX", f"{status // 100}xx", "default") if name in documented),
        None,
    )


def _undocumented(documented: Mapping[str, Any], status: int) -> list[Misfit] | None:
    """Documents leave refusals out as they like; what success looks like, they say."""
    fine = sorted(name for name in documented if name.startswith("2"))
    if status >= 300 or status == _PART or not fine:
        return None
    return [Misfit("", f"status {status}", f"status {choices(fine)}")]


def _json_schema(response: Mapping[str, Any]) -> Any:
    for media, content in (response.get("content") or {}).items():
        plain = media.partition(";")[0].strip().lower()
        if (plain.endswith("json") or plain in {"*/*", "application/*"}) and isinstance(content, dict):
            schema = content.get("schema")
            return schema if isinstance(schema, dict) else None
    return None


def _misfit(complaint: Complaint) -> Misfit:
    pointer = "".join(f"/{str(step).replace('~', '~0').replace('/', '~1')}" for step in complaint.path)
    kind = complaint.kind
    found = "missing" if kind == "missing" else _short(complaint.value)
    if kind in _WORDS:
        expected = _WORDS[kind].format(limit=complaint.limit)
    elif complaint.allowed:
        expected = choices(complaint.allowed)
    else:
        expected = kind.removeprefix("invalid_") if kind != "invalid" else "what the schema describes"
    return Misfit(pointer, found, expected)


def _short(value: Any) -> str:
    shown = "null" if value is None else f'"{value}"' if isinstance(value, str) else text(value)
    return shown if len(shown) <= _SHOWN else shown[: _SHOWN - 1] + "…"
