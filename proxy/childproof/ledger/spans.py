"""An entry as a span: names and attributes as OpenTelemetry's semantic conventions have them. Values only, no SDK.

A span's id is its call's, so that a trace is the same however often it is sent. Conventions: HTTP and DNS spans,
messaging for mail, generative AI for calls to models; what they have no word for is under `childproof.`.
"""

import re
from enum import IntEnum
from hashlib import blake2b

import msgspec

from childproof.model import header

from .entry import CLOCK, Entry
from .genai import Value, genai_attributes
from .redaction import redact, redact_short
from .trace import trace_of

_ID = re.compile(r"call_([0-9a-f]{16})")
_PARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}.*")
_SCHEME = re.compile(r"\S+ (\w+)://")
# RFC 9110, section 9, and PATCH (RFC 5789): what `http.request.method` may say.
_METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"))
_UDP = frozenset(("dns", "udp"))


class Severity(IntEnum):
    """Severity numbers of OpenTelemetry's log data model."""

    DEBUG = 5
    INFO = 9
    WARN = 13
    ERROR = 17


class Span(msgspec.Struct, frozen=True):
    """A call as telemetry has it. Ids are hexadecimal, `parent` is "" at a trace's root; times are unix nanoseconds.

    `failed` is why the call counts as an error, "" where it doesn't. `line` is the call in a sentence, for a log.
    """

    name: str
    trace: str
    id: str
    parent: str
    start: int
    end: int
    internal: bool
    failed: str
    severity: Severity
    line: str
    attributes: dict[str, Value]


def span_of(entry: Entry, *, written: int | None = None) -> Span:
    """An entry's span. `written` is how many entities the call changed, where the entry itself doesn't list them."""
    genai = genai_attributes(entry)
    end = entry.at * 1_000_000
    took = entry.duration_us * 1000
    # An allowed call is written down when it is let through; it ends later.
    start, end = (end, end + took) if entry.verdict == "allow" else (max(0, end - took), end)
    failed = _failed(entry)
    told = {**_protocol(entry), **genai, **_ours(entry, written)}
    attributes = {name: _redacted(value) for name, value in told.items()}  # live, the entry is as it came
    if failed:
        attributes["error.type"] = failed
    reason = redact(entry.reason)
    return Span(
        name=redact_short(_name(entry, genai)),
        trace=entry.trace or trace_of(entry.id),
        id=span_id(entry.id),
        parent=_parent(entry),
        start=start,
        end=end,
        internal=entry.protocol == CLOCK,
        failed=failed,
        severity=_severity(entry),
        line=f"{entry.verdict}: {redact(entry.target)} ({reason})",
        attributes=attributes,
    )


def _redacted(value: Value) -> Value:
    if isinstance(value, str):
        return redact_short(value)
    return [redact_short(item) for item in value] if isinstance(value, list) else value


def span_id(call_id: str) -> str:
    """16 hexadecimal digits: those of the call's id."""
    found = _ID.fullmatch(call_id)
    return found[1] if found is not None else blake2b(call_id.encode(), digest_size=8).hexdigest()


def _parent(entry: Entry) -> str:
    """What caused it; for a call that brought a `traceparent`, the agent's own span."""
    if entry.cause is not None:
        return span_id(entry.cause)
    brought = header(entry.request.headers, "traceparent") if entry.request is not None else None
    found = _PARENT.fullmatch(brought.strip()) if brought is not None else None
    return found[2] if found is not None and found[1] == entry.trace else ""


def _name(entry: Entry, genai: dict[str, Value]) -> str:
    if genai:
        return f"{genai['gen_ai.operation.name']} {genai['gen_ai.request.model']}"
    match entry.protocol:
        case "http":
            method = entry.method if entry.method in _METHODS else "HTTP"
            template = _template(entry)
            return f"{method} {template}" if template else method
        case "smtp":
            return "send" if entry.method == "MESSAGE" else "SMTP"
        case "dns":
            return f"DNS {entry.method}"
        case protocol if protocol == CLOCK:
            return entry.target if entry.method == "JOB" else f"clock {entry.method.lower()}"
        case protocol:
            return protocol.upper()


def _template(entry: Entry) -> str:
    """The path with its parameters' names, where a stub knows it: of few values, as a span's name should be."""
    method, _, path = (entry.operation or "").partition(" ")
    return path if path.startswith("/") and method == entry.method else ""


def _protocol(entry: Entry) -> dict[str, Value]:
    if entry.protocol == CLOCK:
        return {}
    found: dict[str, Value] = {
        "network.protocol.name": entry.protocol,
        "network.transport": "udp" if entry.protocol in _UDP else "tcp",
        "server.address": entry.host,
    }
    if entry.port:
        found["server.port"] = entry.port
    match entry.protocol:
        case "http":
            found |= _http(entry)
        case "dns":
            found["dns.question.name"] = entry.host
            del found["server.address"]  # the name asked for isn't who was asked
        case "smtp" if entry.method == "MESSAGE":
            found |= {
                "messaging.system": "smtp",
                "messaging.operation.name": "send",
                "messaging.operation.type": "send",
            }
            if entry.request is not None:
                found["messaging.message.body.size"] = entry.request.size
    return found


def _http(entry: Entry) -> dict[str, Value]:
    scheme = found[1] if (found := _SCHEME.match(entry.target)) is not None else "https"
    place = f"[{entry.host}]" if ":" in entry.host else entry.host
    port = "" if entry.port == {"https": 443, "http": 80}.get(scheme) else f":{entry.port}"
    attributes: dict[str, Value] = {
        "http.request.method": entry.method if entry.method in _METHODS else "_OTHER",
        "url.scheme": scheme,
        "url.full": f"{scheme}://{place}{port}{entry.path}",
    }
    if entry.method not in _METHODS:
        attributes["http.request.method_original"] = entry.method
    if template := _template(entry):
        attributes["url.template"] = template
    if entry.status:
        attributes["http.response.status_code"] = entry.status
    if entry.request is not None:
        attributes["http.request.body.size"] = entry.request.size
        if (agent := header(entry.request.headers, "user-agent")) is not None:
            attributes["user_agent.original"] = agent
    if entry.reply is not None:
        attributes["http.response.body.size"] = entry.reply.size
    return attributes


def _ours(entry: Entry, written: int | None) -> dict[str, Value]:
    found: dict[str, Value | None] = {
        "childproof.call.id": entry.id,
        "childproof.world": entry.world,
        "childproof.sandbox": entry.sandbox or None,
        "childproof.seq": entry.seq,
        "childproof.verdict": entry.verdict,
        "childproof.rule": entry.rule,
        "childproof.reason": entry.reason,
        "childproof.stub": entry.stub,
        "childproof.operation": entry.operation,
        "childproof.fidelity": entry.fidelity,
        "childproof.cause": entry.cause,
        "childproof.would": [f"{one.verdict} {one.rule}" for one in entry.would] or None,
        "childproof.changes": len(entry.changes) if written is None else written,
        "childproof.effects": [f"{effect.service} {effect.type}" for effect in entry.effects] or None,
        "childproof.error": entry.error or None,
    }
    if entry.verdict == "allow":
        found["childproof.upstream.bytes_out"] = entry.upstream.bytes_out
        found["childproof.upstream.bytes_in"] = entry.upstream.bytes_in
    return {name: value for name, value in found.items() if value is not None}


def _failed(entry: Entry) -> str:
    """`error.type`: a class of failures, of few values."""
    if entry.error:
        return "childproof_error" if entry.verdict != "allow" else "upstream_error"
    if entry.protocol == "http" and entry.status and entry.status >= 400:
        return str(entry.status)
    if entry.protocol == "smtp" and entry.status and entry.status >= 400:
        return str(entry.status)
    return "denied" if entry.verdict == "deny" else ""


def _severity(entry: Entry) -> Severity:
    if entry.error:
        return Severity.ERROR
    if entry.verdict == "deny" or entry.fidelity == "gap":
        return Severity.WARN
    return Severity.DEBUG if entry.protocol in ("dns", CLOCK) else Severity.INFO
