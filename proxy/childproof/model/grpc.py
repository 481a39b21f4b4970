"""What gRPC says over HTTP/2, as far as more than one layer says it: who speaks it, statuses, refusals.

Source: github.com/grpc/grpc, doc/PROTOCOL-HTTP2.md and doc/statuscodes.md.
"""

from urllib.parse import quote

from .call import Call, Protocol
from .reply import Reply

CODES = {
    "OK": 0, "CANCELLED": 1, "UNKNOWN": 2, "INVALID_ARGUMENT": 3, "DEADLINE_EXCEEDED": 4, "NOT_FOUND": 5,
    "ALREADY_EXISTS": 6, "PERMISSION_DENIED": 7, "RESOURCE_EXHAUSTED": 8, "FAILED_PRECONDITION": 9, "ABORTED": 10,
    "OUT_OF_RANGE": 11, "UNIMPLEMENTED": 12, "INTERNAL": 13, "UNAVAILABLE": 14, "DATA_LOSS": 15, "UNAUTHENTICATED": 16,
}  # fmt: skip
# of google.rpc.Code, whose comments map each code to an HTTP status; here the other way round
_OF_HTTP = {
    400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND", 409: "ABORTED",
    412: "FAILED_PRECONDITION", 413: "RESOURCE_EXHAUSTED", 421: "PERMISSION_DENIED", 422: "INVALID_ARGUMENT",
    429: "RESOURCE_EXHAUSTED", 499: "CANCELLED", 500: "INTERNAL", 501: "UNIMPLEMENTED", 503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}  # fmt: skip
_PLAIN = "".join(chr(byte) for byte in range(0x20, 0x7F) if chr(byte) != "%")


def is_grpc(call: Call) -> bool:
    """Whether a call is gRPC: by its content type, over HTTP/2. gRPC-Web is something else."""
    if call.http_version != "2.0" or call.protocol is not Protocol.HTTP:
        return False
    media = (call.header("content-type") or "").lower()
    return media == "application/grpc" or media.startswith(("application/grpc+", "application/grpc;"))


def grpc_code(status: int) -> int:
    """The gRPC status for an HTTP status."""
    return CODES[_OF_HTTP.get(status, "INTERNAL" if status >= 500 else "FAILED_PRECONDITION")]


def grpc_trailers(code: int, message: str = "") -> tuple[tuple[str, str], ...]:
    """The trailers that end a call."""
    if not message:
        return (("grpc-status", str(code)),)
    return (("grpc-status", str(code)), ("grpc-message", quote(message, safe=_PLAIN)))


def grpc_refusal(code: int, message: str, headers: tuple[tuple[str, str], ...] = ()) -> Reply:
    """A call refused before anything was answered: headers only, and HTTP's own status is 200."""
    return Reply(200, (("content-type", "application/grpc"), *headers, *grpc_trailers(code, message)))
