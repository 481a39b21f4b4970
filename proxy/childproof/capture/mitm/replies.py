"""From an outcome to bytes for the sandbox. No I/O, no mitmproxy."""

import json
import re
from functools import lru_cache
from http import HTTPStatus

from childproof.model import Action, Outcome, Reply

FIELD_NAME = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")  # RFC 9110, section 5.1: a token
FIELD_VALUE = re.compile(rb"[^\x00\r\n]*")
_REASONS = {status.value: status.phrase.encode() for status in HTTPStatus}
_PER_CONNECTION = frozenset(
    {"connection", "keep-alive", "proxy-connection", "transfer-encoding", "content-length", "upgrade"}
)
_NO_BODY = frozenset({HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED})


def denial(status: int, reason: str, *, rule: str | None = None, call: str = "", hint: str = "") -> Reply:
    """A denial in HTTP, in the shape that DESIGN fixes, for when the engine gave none."""
    error = {"type": "childproof_denied", "rule": rule, "reason": reason, "call": call, "hint": hint}
    body = json.dumps({"error": error}, indent=2).encode() + b"\n"
    return Reply(status, (("content-type", "application/json"), ("x-childproof", "deny")), body)


def reply_of(outcome: Outcome) -> Reply:
    """What to send for an outcome that isn't to be forwarded. An outcome that says nothing is a denial."""
    if outcome.reply is not None:
        return outcome.reply
    verdict = outcome.verdict
    if verdict.action is Action.ALLOW:
        reason = "the rules changed while this connection was open; connect again"
        return denial(502, reason, rule=verdict.rule, call=outcome.call_id)
    return denial(403, verdict.reason, rule=verdict.rule, call=outcome.call_id, hint=verdict.hint)


def response_headers(reply: Reply, *, head_request: bool) -> list[tuple[bytes, bytes]]:
    """A reply's headers, checked, without those that belong to a connection, with a content length unless it goes on.

    Raises ValueError for a header that would break the message apart: a stub's bug.
    """
    fields: list[tuple[bytes, bytes]] = []
    length: bytes | None = None
    for name, value in reply.headers:
        if name.lower() in _PER_CONNECTION:
            if head_request and name.lower() == "content-length" and value.isdigit():
                length = value.encode()  # what GET would have said; the body isn't sent
            continue
        raw_value = value.encode("latin-1", "replace")
        if not FIELD_VALUE.fullmatch(raw_value):
            raise _unfit(name)
        fields.append((_field_name(name), raw_value))
    if reply.status not in _NO_BODY and reply.status >= 200 and reply.stream is None:
        fields.append((b"content-length", length if length is not None and not reply.body else b"%d" % len(reply.body)))
    return fields


@lru_cache(maxsize=256)
def _field_name(name: str) -> bytes:
    """A header's name as bytes: the same few names with every reply."""
    raw = name.encode("latin-1")
    if not FIELD_NAME.fullmatch(raw):
        raise _unfit(name)
    return raw


def _unfit(name: str) -> ValueError:
    return ValueError(f"the reply's header {name!r} has characters that a header can't have")


def has_body(reply: Reply, *, head_request: bool) -> bool:
    """Whether the reply's body goes onto the wire (RFC 9110, section 6.4.1)."""
    whole = bool(reply.body) or reply.stream is not None
    return not head_request and reply.status >= 200 and reply.status not in _NO_BODY and whole


def reason_of(status: int) -> bytes:
    """The reason phrase that goes with a status (RFC 9110, section 15)."""
    return _REASONS.get(status, b"Unknown")


def render(reply: Reply, *, head_request: bool, last: bool, chunked: bool = False) -> bytes:
    """A whole HTTP/1.1 response as one piece: one write, one TLS record, one packet where it fits.

    `last` announces that the connection closes after it, `chunked` that chunks follow (RFC 9112, section 7.1). Raises
    ValueError as `response_headers` does.
    """
    fields = response_headers(reply, head_request=head_request)
    lines = [b"HTTP/1.1 %d %s" % (reply.status, reason_of(reply.status))]
    lines += [b"%s: %s" % field for field in fields]
    if chunked:
        lines.append(b"transfer-encoding: chunked")
    if last:
        lines.append(b"connection: close")
    lines.append(b"\r\n" + reply.body if has_body(reply, head_request=head_request) else b"\r\n")
    return b"\r\n".join(lines)
