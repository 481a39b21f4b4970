"""From one HTTP request's parts to a call. No I/O, no mitmproxy.

Both HTTP layers, ours and mitmproxy's, come through here, so that they can't read a request in two ways.
"""

import re
import traceback
from collections.abc import Sequence

import msgspec

from childproof.capture.destination import Destination, Ingress, Judge
from childproof.model import Call, HostError, Outcome, Protocol, Verdict, Violation, replace

from .hosts import disagreement, split_authority, stranger
from .replies import FIELD_NAME, FIELD_VALUE, denial

Headers = Sequence[tuple[bytes, bytes]]

MAX_HEAD = 64 * 1024  # request line and headers, in bytes; servers allow 8 to 64 KiB
_TARGET = re.compile(rb"[\x21-\x7e]+")  # visible ASCII (RFC 3986); h11 asks for the same
_ABSOLUTE = re.compile(rb"(?i:(https?)):" + rb"//([^/?#]*)([^#]*)")
_METHOD = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,32}")  # as long as a first look takes for one
_VERSIONS = ("1.1", "1.0", "2.0")
DEFAULT_PORTS = {"http": 80, "https": 443}


class Site(msgspec.Struct, frozen=True):
    """What is known about a connection before its first request.

    `destination` is None on a plain proxy connection, where every request names its own in an absolute URI. `sni` is
    the name in the TLS ClientHello: None where there was none.
    """

    ingress: Ingress
    destination: Destination | None
    tls: bool = False
    sni: str | None = None
    http2: bool = False  # by prior knowledge, without TLS (RFC 9113, section 3.3)


class Request(msgspec.Struct, frozen=True):
    """One HTTP request as it stood on the wire. `authority` is HTTP/2's pseudo-header, None for HTTP/1."""

    method: bytes
    target: bytes
    version: str
    headers: Headers
    body: bytes = b""
    authority: bytes | None = None
    scheme: str | None = None


def build_call(site: Site, request: Request, violation: Violation | None = None) -> Call:
    """The call that this request is, with a violation where its parts are malformed or disagree. Never raises.

    A `violation` that the caller already found comes first.
    """
    at_stub = bool(site.ingress.stub)  # its address stands for the service's: what names it has come by doesn't matter
    scheme = "https" if at_stub else request.scheme or ("https" if site.tls else "http")
    target = request.target
    claims: list[tuple[str, str]] = []
    found = violation or _malformed(request)
    if site.sni is not None and not at_stub:
        claims.append(("the SNI of the TLS handshake", site.sni))
    place = site.destination
    absolute = None if target.startswith(b"/") else _ABSOLUTE.fullmatch(target)
    if absolute is not None:
        authority = _text(absolute[2])
        if place is None:
            scheme = _text(absolute[1]).lower()
            place, problem = _from_uri(authority, scheme)
            found = found or problem
        elif _text(absolute[1]).lower() != scheme and not at_stub:
            found = found or Violation(
                "host_mismatch", f"the URI says {_text(absolute[1])}, but the connection is {scheme}"
            )
        claims.append(("the request's URI", authority))
        target = absolute[3] if absolute[3].startswith(b"/") else b"/" + absolute[3]
    if request.authority is not None:
        claims.append((":authority", _text(request.authority)))
    claims += [("the Host header", _text(value)) for name, value in request.headers if name.lower() == b"host"]
    if place is None:
        place = Destination("", 0)
        found = found or Violation("malformed", "a proxy request needs an absolute URI: GET http://host/path", 400)
    if not at_stub:
        found = found or disagreement(place.host, place.port, claims)
    elif site.ingress.names:
        found = found or stranger(site.ingress.names, claims)
    if found is not None and found.kind == "host_mismatch" and request.version == "2.0":
        found = replace(found, status=421)  # RFC 9110, section 15.5.20: one connection isn't for several names
    path, _, query = _text(target).partition("?")
    return Call(
        protocol=Protocol.HTTP,
        host=place.host,
        port=place.port,
        world=site.ingress.world,
        sandbox=site.ingress.sandbox,
        method=_text(request.method),
        scheme=scheme,
        path=path,
        query=query,
        headers=tuple([(name.decode("latin-1"), value.decode("latin-1")) for name, value in request.headers]),
        body=request.body,
        address=place.address,
        tls=site.tls,
        http_version=request.version,
        violation=found,
        stub=site.ingress.stub,
    )


def other_call(site: Site, protocol: Protocol, violation: Violation | None = None, method: str = "") -> Call:
    """A call for a connection in which no HTTP request could be read."""
    place = site.destination or Destination("", 0)
    return Call(
        protocol=protocol,
        host=place.host,
        port=place.port,
        world=site.ingress.world,
        sandbox=site.ingress.sandbox,
        method=method,
        address=place.address,
        tls=site.tls,
        violation=violation,
    )


def decide(judge: Judge, call: Call) -> Outcome:
    """The judge's outcome, or a denial of our own where even the judge fails: nothing gets past a bug."""
    try:
        return judge.handle(call)
    except Exception as error:  # noqa: BLE001 - closed by default
        return Outcome(
            "", Verdict(reason=f"internal error: {head_of(error)}"), denial(500, f"internal error: {error!r}")
        )


def head_of(error: BaseException) -> str:
    """An exception in one line, with the place where it was raised: what a ledger entry keeps of a traceback."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" at {frames[-1].name}, {frames[-1].filename.rsplit('/', 1)[-1]}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}: {error}{place}"[:500]


def internal(error: BaseException) -> Violation:
    """The violation that stands for a bug of ours."""
    return Violation("internal", f"internal error: {head_of(error)}", 500)


def _malformed(request: Request) -> Violation | None:
    if request.method == b"CONNECT":
        return Violation("unsupported", "CONNECT inside a connection that has its destination already", 405)
    if not _METHOD.fullmatch(request.method):
        return Violation("malformed", f"{request.method[:80]!r} is no method", 400)
    target = request.target
    if not _TARGET.fullmatch(target) or b"#" in target:
        return Violation("malformed", "the request target has characters that a target can't have", 400)
    if not (
        target.startswith(b"/") or _ABSOLUTE.fullmatch(target) or (target == b"*" and request.method == b"OPTIONS")
    ):
        return Violation("malformed", f"the request target {_text(target[:80])!r} is neither a path nor a URI", 400)
    if request.version not in _VERSIONS or (request.version == "2.0") != (request.scheme is not None):
        return Violation("malformed", f"HTTP/{request.version[:10]} is not spoken here", 505)
    return _malformed_headers(request)


def _malformed_headers(request: Request) -> Violation | None:
    counts = {b"host": 0, b"content-length": 0, b"transfer-encoding": 0}
    for name, value in request.headers:
        lowered = name.lower()
        if not FIELD_NAME.fullmatch(name) or not FIELD_VALUE.fullmatch(value):
            return Violation(
                "malformed", f"the header {_text(name[:80])!r} has characters that a header can't have", 400
            )
        if lowered in counts:
            counts[lowered] += 1
    if counts[b"host"] > 1:
        return Violation("malformed", f"{counts[b'host']} Host headers", 400)
    if request.version == "1.1" and not counts[b"host"]:
        return Violation("malformed", "HTTP/1.1 without a Host header", 400)
    if counts[b"content-length"] + counts[b"transfer-encoding"] > 1:
        # RFC 9112, section 6.3: two framings are how requests are smuggled
        return Violation("malformed", "more than one of Content-Length and Transfer-Encoding", 400)
    return None


def _from_uri(authority: str, scheme: str) -> tuple[Destination, Violation | None]:
    try:
        host, port = split_authority(authority)
    except HostError as error:
        return Destination("", 0), Violation("bad_host", f"the request's URI: {error}", 400)
    return Destination(host, port or DEFAULT_PORTS[scheme]), None


def _text(raw: bytes) -> str:
    # every byte has a latin-1 character, so nothing is lost and nothing can fail
    return raw.decode("latin-1")
