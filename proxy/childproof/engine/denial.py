"""How a denial looks in each protocol: one contract, so that an agent can read why and what to do.

HTTP: 403 (429 for a limit, 400 and 413 for calls that can't be judged) with a JSON body and `x-childproof: deny`.
gRPC: the status for that (PERMISSION_DENIED, RESOURCE_EXHAUSTED …) with the reason, and HTTP's own status 200.
SMTP: 550 (RFC 5321, section 4.2.3) with enhanced code 5.7.1 (RFC 3463). DNS: NXDOMAIN. TCP and UDP have no words;
the capture side resets or refuses.
"""

import re
from datetime import UTC, datetime
from email.utils import format_datetime

import msgspec

from childproof.model import Call, Protocol, Reply, Verdict
from childproof.model.grpc import grpc_code, grpc_refusal, is_grpc

HTTP_DENIED = 403
HTTP_TOO_MANY = 429
SMTP_DENIED = 550
DNS_NXDOMAIN = 3
_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")


def denial(call: Call, verdict: Verdict, call_id: str, *, at: int, status: int = 0, retry_after: int = 0) -> Reply:
    """The refusal of `call` in its own protocol. `status` 0 takes the protocol's usual one; `at` is world time in ms.

    `retry_after` (seconds) becomes the header of that name where it isn't 0.
    """
    match call.protocol:
        case Protocol.HTTP if is_grpc(call):
            code = grpc_code(status or HTTP_DENIED)
            return grpc_refusal(
                code, f"childproof: {verdict.reason}", (("date", http_date(at)), ("x-childproof", "deny"))
            )
        case Protocol.HTTP:
            return _http(verdict, call_id, at=at, status=status or HTTP_DENIED, retry_after=retry_after)
        case Protocol.SMTP:
            return _smtp(verdict, status or SMTP_DENIED)
        case Protocol.DNS:
            return Reply(status or DNS_NXDOMAIN)
        case _:
            return Reply(0)


def _http(verdict: Verdict, call_id: str, *, at: int, status: int, retry_after: int) -> Reply:
    error = {
        "type": "childproof_denied",
        "rule": verdict.rule,
        "reason": verdict.reason,
        "call": call_id,
        "hint": verdict.hint,
        "message": f"childproof: {verdict.reason}",  # the field that most SDKs show
    }
    body = msgspec.json.encode({"error": error}) + b"\n"
    headers = [
        ("date", http_date(at)),
        ("content-type", "application/json"),
        ("content-length", str(len(body))),
        ("x-childproof", "deny"),
    ]
    if retry_after:
        headers.append(("retry-after", str(retry_after)))
    return Reply(status, tuple(headers), body)


def _smtp(verdict: Verdict, status: int) -> Reply:
    enhanced = "5.7.1" if status >= 500 else "4.7.1"
    text = _CONTROL.sub(" ", f"{enhanced} childproof: {verdict.reason}")
    # RFC 5321, section 4.5.3.1.5: a reply line has at most 512 octets, with code and CR LF.
    return Reply(status, (), text.encode("ascii", "replace")[:500])


def http_date(at: int) -> str:
    """A time in unix milliseconds as an HTTP date (RFC 9110, section 5.6.7)."""
    return format_datetime(datetime.fromtimestamp(at // 1000, UTC), usegmt=True)
