"""Signatures of webhooks, by named scheme. Each attempt is signed anew, with its own time.

`standard-webhooks`: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md, section
"signature scheme": base64 of SHA-256 over `id.timestamp.body` in three headers, which begin with `prefix` (`webhook`).
`timestamped`: `t=…,v1=…` in one header, hexadecimal SHA-256 over `timestamp.body`; a `v1` for each secret.
`versioned`: `v0=…`, hexadecimal SHA-256 over `v0:timestamp:body`; the time has a header of its own (`timestamp`).
`hmac-sha256`: a digest of the body alone behind `prefix` (`sha256=`), with SHA-1 in another header where `legacy` names it.
`url-and-form`: base64 of SHA-1 over the URL and the form's parameters, sorted by name; over a body that is no form, its
SHA-256 stands in the URL instead (`bodySHA256=`), and the URL alone is signed.
`token-in-body`: the body, a JSON object, has the signature itself: `{timestamp, token, signature}` under `field`
(`signature`); hexadecimal SHA-256 over the time and a token that is another for each attempt, with nothing between them.
`ecdsa`: base64 of the DER signature (P-256, SHA-256) over the time and the body, in one header, the time in another
(`timestamp`); the secret is a private key of `elliptic`, whose public key listeners are given.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from .elliptic import ecdsa_signature

FORM = "application/x-www-form-urlencoded"
SCHEMES = ("standard-webhooks", "timestamped", "versioned", "hmac-sha256", "url-and-form", "token-in-body", "ecdsa")
TOKEN = 50  # characters


class Message(msgspec.Struct, frozen=True):
    """What is signed. `id` is the event's, `at` the attempt's time in unix seconds."""

    id: str
    at: int
    url: str
    body: str
    media: str = "application/json"


Signer = Callable[[Sequence[str], Message], dict[str, str]]


def signer(written: Mapping[str, Any]) -> Signer:
    """A function from secrets (the newest first) and a message to headers. Without a secret nothing is signed."""
    scheme = _SCHEMES[written["scheme"]]

    def sign(secrets: Sequence[str], message: Message) -> dict[str, str]:
        return scheme(secrets, message, written) if secrets else {}

    return sign


def addressed(written: Mapping[str, Any], url: str, body: str, media: str) -> str:
    """The URL that a message goes to: one scheme has the hash of a body that is no form in it."""
    if written.get("scheme") != "url-and-form" or media == FORM or not body:
        return url
    address, mark, fragment = url.partition("#")
    digest = hashlib.sha256(body.encode()).hexdigest()
    return f"{address}{'&' if '?' in address else '?'}bodySHA256={digest}{mark}{fragment}"


def within(written: Mapping[str, Any], secrets: Sequence[str], message: Message) -> str:
    """The body of an attempt: one scheme has the signature in it, where its key has a place or at the end."""
    if written.get("scheme") != "token-in-body" or not secrets:
        return message.body
    token = hashlib.sha256(f"{message.id}.{message.at}".encode()).hexdigest()[:TOKEN]
    signature = _sha256(secrets[0].encode(), f"{message.at}{token}").hex()
    own: dict[str, Any] = msgspec.json.decode(message.body)
    signed = {"timestamp": str(message.at), "token": token, "signature": signature}
    return msgspec.json.encode({**own, written.get("field", "signature"): signed}).decode()


def _none(secrets: Sequence[str], message: Message, written: Mapping[str, Any]) -> dict[str, str]:
    del secrets, message, written
    return {}


def _standard(secrets: Sequence[str], message: Message, written: Mapping[str, Any]) -> dict[str, str]:
    prefix = written.get("prefix", "webhook")
    text = f"{message.id}.{message.at}.{message.body}"
    signatures = " ".join(f"v1,{_base64(_sha256(_key(secret), text))}" for secret in secrets)
    return {
        f"{prefix}-id": message.id,
        f"{prefix}-timestamp": str(message.at),
        f"{prefix}-signature": signatures,
    }


def _timestamped(secrets: Sequence[str], message: Message, written: Mapping[str, Any]) -> dict[str, str]:
    text = f"{message.at}.{message.body}"
    parts = [f"t={message.at}", *(f"v1={_sha256(secret.encode(), text).hex()}" for secret in secrets)]
    return {written.get("header", "X-Signature"): ",".join(parts)}


def _versioned(secrets: Sequence[str], message: Message, written: Mapping[str, Any]) -> dict[str, str]:
    digest = _sha256(secrets[0].encode(), f"v0:{message.at}:{message.body}").hex()
    return {
        written.get("timestamp", "X-Request-Timestamp"): str(message.at),
        written.get("header", "X-Signature"): f"v0={digest}",
    }


def _plain(secrets: Sequence[str], message: Message, written: Mapping[str, Any]) -> dict[str, str]:
    key = secrets[0].encode()
    digest = _sha256(key, message.body)
    text = _base64(digest) if written.get("encoding") == "base64" else digest.hex()
    signed = {written.get("header", "X-Signature"): written.get("prefix", "sha256=") + text}
    if "legacy" in written:
        signed[written["legacy"]] = f"sha1={hmac.new(key, message.body.encode(), hashlib.sha1).hexdigest()}"
    return signed


def _addressed(secrets: Sequence[str], message: Message, written: Mapping[str, Any]) -> dict[str, str]:
    pairs = parse_qsl(message.body, keep_blank_values=True) if message.media == FORM else []
    text = message.url + "".join(name + value for name, value in sorted(set(pairs)))
    digest = hmac.new(secrets[0].encode(), text.encode(), hashlib.sha1).digest()
    return {written.get("header", "X-Signature"): _base64(digest)}


def _elliptic(secrets: Sequence[str], message: Message, written: Mapping[str, Any]) -> dict[str, str]:
    return {
        written.get("header", "X-Signature"): ecdsa_signature(secrets[0], f"{message.at}{message.body}"),
        written.get("timestamp", "X-Request-Timestamp"): str(message.at),
    }


_SCHEMES: dict[str, Callable[[Sequence[str], Message, Mapping[str, Any]], dict[str, str]]] = {
    "standard-webhooks": _standard,
    "timestamped": _timestamped,
    "versioned": _versioned,
    "hmac-sha256": _plain,
    "url-and-form": _addressed,
    "ecdsa": _elliptic,
    "token-in-body": _none,
}


def _sha256(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _key(secret: str) -> bytes:
    """A standard-webhooks secret: base64, its padding optional, behind `whsec_`; other text is taken as it is."""
    text = secret.removeprefix("whsec_")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (ValueError, binascii.Error):
        return secret.encode()
