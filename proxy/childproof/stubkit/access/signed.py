"""Requests signed with a key that is never sent: `Authorization: SCHEME Credential=…, SignedHeaders=…, Signature=…`.

The scheme is written `WORD-HMAC-SHA256`; two clouds share it, each with its own word. The key id is the first part of the
credential, the rest its scope (day, region, service). Where seed.yaml tells the key's secret the signature is computed
again, over the call as it came; else it only has to be one. How old it is isn't asked: clients sign with their own clock,
and the world has another.
"""

import hmac
import re
from collections.abc import Mapping
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qsl, quote

import msgspec

from childproof.model import Call
from childproof.stubkit.refusal import Refusal
from childproof.world.transaction import Transaction

from .oauth import TOKENS

_HEX = re.compile(r"[0-9a-f]{64}")
_SCOPE_PARTS = 5  # key id, day, region, service, terminator
_SPACES = re.compile(r" +")


class Signature(msgspec.Struct, frozen=True):
    """What an Authorization header says."""

    key: str
    scope: tuple[str, ...]
    headers: tuple[str, ...]
    value: str


class Signed:
    """`auth.signed`: `scheme`, the `date` header, `keys` (any, or those of seed.yaml)."""

    def __init__(self, service: str, written: Mapping[str, Any]) -> None:
        self._service = service
        self.scheme: str = written["scheme"]
        self.date: str = written["date"]
        self._seeded = written.get("keys") == "seeded"

    def key(self, call: Call) -> str | None:
        """The id of the key that a call is signed with; None where it isn't signed."""
        header = call.header("authorization") or ""
        scheme, _, rest = header.partition(" ")
        found = _fields(rest).get("Credential", "") if scheme == self.scheme else ""
        return found.partition("/")[0] or None

    def check(self, call: Call, tx: Transaction) -> str:
        """The key's id. Raises Refusal: `unauthorized`, `bad_signature`, `bad_token` or `wrong_signature`."""
        header = call.header("authorization") or ""
        if not header.startswith(f"{self.scheme} "):
            raise Refusal.of("unauthorized")
        signature = self._read(header)
        row = tx.get(TOKENS, self._service, signature.key)
        if row is None and self._seeded:
            raise Refusal.of("bad_token", token=signature.key)
        secret = row.get("secret") if row is not None else None
        date = call.header(self.date)
        if not date and not call.header("date"):
            raise Refusal.of("bad_signature", reason=f"it needs an '{self.date}' or a 'Date' header", header=header)
        if secret is not None and not hmac.compare_digest(
            self.sign(call, signature, str(secret), str(date)), signature.value
        ):
            raise Refusal.of("wrong_signature", token=signature.key)
        return signature.key

    def sign(self, call: Call, given: Signature, secret: str, date: str) -> str:
        """The signature that a call should have."""
        word = self.scheme.partition("-")[0]
        scope = "/".join(given.scope)
        digest = sha256(_canonical(call, given.headers).encode()).hexdigest()
        step = f"{word}{secret}".encode()
        for part in given.scope:
            step = hmac.digest(step, part.encode(), "sha256")
        return hmac.digest(step, f"{self.scheme}\n{date}\n{scope}\n{digest}".encode(), "sha256").hex()

    def example(self, key: str) -> str:
        """An Authorization header that is well formed and nothing more."""
        end = f"{self.scheme.partition('-')[0].lower()}_request"
        return f"{self.scheme} Credential={key}/20260101/region/service/{end}, SignedHeaders=host, Signature={'0' * 64}"

    def _read(self, header: str) -> Signature:
        fields = _fields(header.partition(" ")[2])
        for name in ("Credential", "SignedHeaders", "Signature"):
            if not fields.get(name):
                reason = f"Authorization header requires '{name}' parameter"
                raise Refusal.of("bad_signature", reason=reason, header=header)
        parts = fields["Credential"].split("/")
        if len(parts) != _SCOPE_PARTS or not all(parts):
            reason = f"Credential must have exactly {_SCOPE_PARTS} slash-delimited elements"
            raise Refusal.of("bad_signature", reason=reason, header=header)
        if not _HEX.fullmatch(fields["Signature"]):
            raise Refusal.of("wrong_signature", token=parts[0])
        return Signature(
            parts[0], tuple(parts[1:]), tuple(fields["SignedHeaders"].lower().split(";")), fields["Signature"]
        )


def _fields(text: str) -> dict[str, str]:
    pairs = (part.strip().partition("=") for part in text.split(","))
    return {name: value for name, _, value in pairs}


def _canonical(call: Call, headers: tuple[str, ...]) -> str:
    """The request as both sides write it before they sign."""
    pairs = [(quote(name, safe="-_.~"), quote(value, safe="-_.~")) for name, value in _query(call)]
    query = "&".join(f"{name}={value}" for name, value in sorted(pairs))
    lines = [f"{name}:{_SPACES.sub(' ', (_header(call, name)).strip())}" for name in headers]
    path = quote(call.path or "/", safe="/-_.~")
    body = sha256(call.body).hexdigest()
    return "\n".join([call.method, path, query, *lines, "", ";".join(headers), body])


def _query(call: Call) -> list[tuple[str, str]]:
    return parse_qsl(call.query.replace("+", "%2B"), keep_blank_values=True)


def _header(call: Call, name: str) -> str:
    value = call.header(name)
    return value if value is not None else call.host if name == "host" else ""
