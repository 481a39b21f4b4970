"""Requests that ask to become another protocol: a WebSocket in good form is judged as one, all else is refused."""

import base64
import binascii
import hashlib
from collections.abc import MutableMapping

from childproof.model import Call, Violation, replace

WEBSOCKET = "websocket"
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, section 1.3
_VERSION = "13"


def with_upgrade(call: Call) -> Call:
    """The same call, marked where it asks for a WebSocket; with a violation where it asks for what can't be judged.

    An `Upgrade: h2c` is only an offer: it is answered in HTTP/1.1, which refuses it (RFC 9110, section 7.8).
    """
    upgrade = (call.header("upgrade") or "").strip().lower()
    if call.violation is not None or not upgrade or upgrade in ("h2c", "http/2.0") or upgrade.startswith("tls/"):
        return call
    if upgrade != WEBSOCKET:
        reason = f"an upgrade to {upgrade[:40]!r} can't be judged, so it is refused"
        return replace(call, violation=Violation("unsupported", reason, 501))
    problem = _problem(call)
    if problem is not None:
        return replace(call, violation=problem)
    return replace(call, upgrade=WEBSOCKET)


def accept_of(call: Call) -> str:
    """The value of Sec-WebSocket-Accept for a handshake (RFC 6455, section 4.2.2)."""
    key = (call.header("sec-websocket-key") or "").strip().encode("latin-1")
    return base64.b64encode(hashlib.sha1(key + _GUID, usedforsecurity=False).digest()).decode()


def ask_upgrade(headers: MutableMapping[str, str]) -> None:
    """Make a request ask for a WebSocket without extensions: what is packed can't be read without unpacking it."""
    headers["connection"] = "Upgrade"
    headers["upgrade"] = WEBSOCKET
    headers.pop("sec-websocket-extensions", None)


def _problem(call: Call) -> Violation | None:
    """What is wrong with a handshake (RFC 6455, section 4.2.1)."""
    if call.http_version != "1.1":
        return Violation("unsupported", "a WebSocket over another HTTP than 1.1", 501)
    wrong = ""
    if call.method != "GET" or call.body:
        wrong = "it must be a GET without a body"
    elif "upgrade" not in {token.strip().lower() for token in (call.header("connection") or "").split(",")}:
        wrong = "its Connection header doesn't say Upgrade"
    elif not _is_key(call.header("sec-websocket-key") or ""):
        wrong = "its Sec-WebSocket-Key is not 16 bytes in base64"
    if wrong:
        return Violation("malformed", f"malformed WebSocket handshake: {wrong}", 400)
    if (call.header("sec-websocket-version") or "").strip() != _VERSION:
        return Violation("unsupported", f"only version {_VERSION} of WebSocket is spoken here", 426)
    return None


def _is_key(text: str) -> bool:
    try:
        return len(base64.b64decode(text.strip(), validate=True)) == 16
    except (binascii.Error, ValueError):
        return False
