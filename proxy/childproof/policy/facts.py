"""What rules read of a call, worked out on first use: most decisions need the host and a path, few need the body."""

import json
import re
from collections.abc import Callable, Mapping
from functools import cached_property, lru_cache
from ipaddress import IPv4Address, IPv6Address
from typing import Any
from urllib.parse import parse_qsl, unquote_plus

from childproof.model import BodyError, Call, Protocol, normalize_host, parse_address
from childproof.model.address import embedded_ipv4
from childproof.model.body import JSON_SPACE, nest_pairs

from .condition import EvaluationError
from .path import canonical_path, is_ambiguous, readings

FORM = "application/x-www-form-urlencoded"
MAX_PAIRS = 10_000
_OVERRIDES = ("x-http-method-override", "x-http-method", "x-method-override")
_OVERRIDE_FIELD = "_method"
# The same as a part of a multipart body. Its name may be written in ways that nothing here reads (RFC 2231).
_OVERRIDE_PART = re.compile(
    rb"(?i:content-disposition(?:[^\r\n]|\r?\n[ \t]){1,1000}?"
    rb"(?:(?<!file)name\*\d*\*?\s*=|name\s*=\s*\"?\\?[_. \[]method\b))"
)
_AS_UNDERSCORE = str.maketrans(". [", "___")  # in PHP's names of fields
UNREADABLE = "?"
_MUTATION = re.compile(r"\bmutation\b")
_INT64 = 2**63


class Facts:
    """A call as rules see it. Raises HostError when made of a call whose host is none."""

    def __init__(self, call: Call) -> None:
        self.call = call
        self.host = normalize_host(call.host)

    @cached_property
    def host_address(self) -> IPv4Address | IPv6Address | None:
        """The address that the host is, where it is one."""
        return parse_address(self.host)

    @cached_property
    def addresses(self) -> tuple[IPv4Address | IPv6Address, ...]:
        """Every address that the call may be said to go to: the host's, the dialled one, and what those carry."""
        found = [self.host_address, parse_address(self.call.address) if self.call.address else None]
        found += [embedded_ipv4(address) for address in found if isinstance(address, IPv6Address)]
        return tuple(dict.fromkeys(address for address in found if address is not None))

    @cached_property
    def path(self) -> str:
        """The path in canonical spelling."""
        return canonical_path(self.call.path)

    @cached_property
    def path_is_ambiguous(self) -> bool:
        """Whether servers may disagree about the path."""
        return is_ambiguous(self.call.path)

    @cached_property
    def paths(self) -> tuple[tuple[str, ...], ...]:
        """The segments of every reading of the path; the canonical one first."""
        path = self.call.path
        return _segments_again(path) if len(path) < _SHORT else _segments(path)

    @cached_property
    def overrides(self) -> tuple[str, ...]:
        """Methods that the call asks the server to take instead of its own, in upper case; UNREADABLE may be any."""
        found = [value for name in _OVERRIDES for value in self.headers.get(name, ())]
        found += _overrides_in(self.call.query)
        if self.call.protocol is Protocol.HTTP and self.call.body:
            found += self._overrides_in_body()
        if self.call.method in ("GET", "HEAD") and _writes(self.call.query):
            found.append("POST")
        return tuple(value.strip().upper() for value in found)

    def _overrides_in_body(self) -> list[str]:
        """What a form says, as servers read it that ask for less than we do: of no stated type, say, or in parts."""
        kinds = ",".join(self.headers.get("content-type", ())).lower()
        parts = "multipart/" in kinds
        if not parts and kinds.strip() and FORM not in kinds:
            return []
        if any(value.strip().lower() not in ("", "identity") for value in self.headers.get("content-encoding", ())):
            return [UNREADABLE]
        if parts and _OVERRIDE_PART.search(self.call.body) is not None:
            return [UNREADABLE]
        return _overrides_in(self.call.body.decode("latin-1"))

    @cached_property
    def headers(self) -> Mapping[str, list[str]]:
        """All values of each header, its name in lower case."""
        found: dict[str, list[str]] = {}
        for name, value in self.call.headers:
            found.setdefault(name.lower(), []).append(value)
        return found

    @cached_property
    def query_values(self) -> Mapping[str, list[str]] | None:
        """All values of each parameter of the query; None where the query can't be read."""
        return _pairs(self.call.query)

    @cached_property
    def loose_query_values(self) -> Mapping[str, list[str]] | None:
        """The same, as servers see it that split at `;` as well."""
        if ";" not in self.call.query:
            return self.query_values
        loose = _pairs(self.call.query.replace(";", "&"))
        strict = self.query_values
        if loose is None or strict is None:
            return None
        return {name: [*strict.get(name, ()), *values] for name, values in loose.items()} | {
            name: values for name, values in strict.items() if name not in loose
        }

    def part(self, name: str) -> Any:
        """A member of CEL's `call`. Raises EvaluationError where this call has none such."""
        read = _PARTS.get(name)
        if read is None:
            raise EvaluationError(f"there is no call.{name}")
        return read(self)

    def plain_path(self) -> str:
        """The path for expressions, which know no readings. Raises EvaluationError."""
        if self.path_is_ambiguous:
            raise EvaluationError("the path can be read in more than one way")
        return self.path

    @cached_property
    def json(self) -> Any:
        """The body as a JSON document, None where it is empty. Raises EvaluationError."""
        text = self.text()
        if not text.strip(JSON_SPACE):
            return None
        try:
            return json.loads(text, object_pairs_hook=_object, parse_constant=_constant)
        except (ValueError, RecursionError) as error:
            raise EvaluationError(f"the body is no JSON: {error}") from None

    @cached_property
    def form(self) -> dict[str, Any]:
        """The body as a form with nested keys, whole numbers as such. Raises EvaluationError."""
        if not self.call.body:
            return {}
        kinds = {value.partition(";")[0].strip().lower() for value in self.headers.get("content-type", ())}
        if kinds != {FORM}:
            raise EvaluationError(f"the body is no form but {' and '.join(sorted(kinds)) or 'of no stated type'}")
        return self.fields(self.text(), "the body")

    def text(self) -> str:
        """The body as text. Raises EvaluationError."""
        encodings = {value.strip().lower() for value in self.headers.get("content-encoding", ())} - {"identity", ""}
        if encodings and self.call.body:
            raise EvaluationError(f"the body is encoded as {' and '.join(sorted(encodings))[:60]}")
        try:
            return self.call.body.decode()
        except UnicodeDecodeError:
            raise EvaluationError("the body is not text in UTF-8") from None

    def fields(self, text: str, where: str) -> dict[str, Any]:
        """A form or query as nested values, whole numbers as such. Raises EvaluationError."""
        pairs = _parse(text)
        if pairs is None:
            raise EvaluationError(f"{where} can't be read as a form")
        names = [name for name, _ in pairs if not name.endswith("[]")]
        if len(names) != len(set(names)):
            twice = next(name for place, name in enumerate(names) if name in names[:place])
            raise EvaluationError(f"{where} gives {twice[:60]!r} more than once")
        try:
            numbered: dict[str, Any] = _numbers(nest_pairs(pairs))
        except BodyError as error:
            raise EvaluationError(f"{where} is no form: {error}") from None
        return numbered

    def smtp(self) -> dict[str, Any]:
        """What `call.smtp` holds. Raises EvaluationError."""
        envelope = self.call.envelope
        if envelope is None:
            raise EvaluationError("the session sent no message")
        return {
            "sender": envelope.sender,
            "recipients": list(envelope.recipients),
            "user": envelope.user,
            "helo": envelope.helo,
            "tls": envelope.tls,
            "subject": self.subject,
        }

    def mail(self) -> dict[str, Any]:
        """What `call.mail` holds: addresses in lower case, so that they can be counted. Raises EvaluationError."""
        envelope = self.call.envelope
        if envelope is None:
            raise EvaluationError("the session sent no message")
        return {
            "from": envelope.sender.lower(),
            "to": [recipient.lower() for recipient in envelope.recipients],
            "subject": self.subject,
        }

    @cached_property
    def subject(self) -> str:
        """A mail's subject, decoded; empty where it has none."""
        from email.parser import BytesHeaderParser  # noqa: PLC0415 (only for rules that read mail)

        head = BytesHeaderParser().parsebytes(self.call.body[:65_536])
        return _decoded(str(head.get("Subject", "")))


_SHORT = 128  # paths below this length are remembered: clients ask for the same ones again and again


def _segments(path: str) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(reading.split("/")[1:]) for reading in readings(path))


_segments_again = lru_cache(maxsize=512)(_segments)


_PARTS: Mapping[str, Callable[[Facts], Any]] = {
    "protocol": lambda facts: facts.call.protocol.value,
    "host": lambda facts: facts.host,
    "port": lambda facts: facts.call.port,
    "method": lambda facts: facts.call.method,
    "scheme": lambda facts: facts.call.scheme,
    "path": Facts.plain_path,
    "headers": lambda facts: {name: ", ".join(values) for name, values in facts.headers.items()},
    "query": lambda facts: facts.fields(facts.call.query, "the query"),
    "body": Facts.text,
    "json": lambda facts: facts.json,
    "form": lambda facts: facts.form,
    "smtp": Facts.smtp,
    "mail": Facts.mail,
}


def _parse(text: str) -> list[tuple[str, str]] | None:
    try:
        return parse_qsl(text, keep_blank_values=True, max_num_fields=MAX_PAIRS, errors="strict")
    except ValueError:
        return None


def _pairs(text: str) -> dict[str, list[str]] | None:
    pairs = _parse(text)
    if pairs is None:
        return None
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return found


def _numbers(value: Any) -> Any:
    """Whole numbers in their one canonical spelling as ints; `007`, `1.0` and `+1` stay text."""
    if isinstance(value, dict):
        return {key: _numbers(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_numbers(item) for item in value]
    if len(value) <= 20 and value.isascii() and value.removeprefix("-").isdigit():
        number = int(value)
        if str(number) == value and -_INT64 <= number < _INT64:
            return number
    return value


def _overrides_in(text: str) -> list[str]:
    """What a query or form gives as `_method`, in whatever spelling and however often."""
    if "method" not in unquote_plus(text, "latin-1"):
        return []
    found: list[str] = []
    for separated in dict.fromkeys((text, text.replace(";", "&"))):
        try:
            pairs = parse_qsl(separated, keep_blank_values=True, max_num_fields=MAX_PAIRS, encoding="latin-1")
        except ValueError:
            return [UNREADABLE]
        for name, value in pairs:
            if name.lstrip(" ").partition("\0")[0].translate(_AS_UNDERSCORE) == _OVERRIDE_FIELD:
                found.append(value)
    return found


def _writes(query: str) -> bool:
    """Whether a query string holds a GraphQL document with a mutation, as some servers take them by GET too.

    Told by its word and a brace, wherever they stand: comments and strings can hide one from anything less simple.
    """
    if not query:
        return False
    text = unquote_plus(query)
    return "{" in text and _MUTATION.search(text) is not None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("an object gives a key more than once")
    return found


def _constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def _decoded(subject: str) -> str:
    from email.header import decode_header, make_header  # noqa: PLC0415 (only for rules that read the subject)

    try:
        return str(make_header(decode_header(subject)))
    except (ValueError, LookupError):
        return subject
