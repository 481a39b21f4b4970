"""Who may call a stub: the check that a key is there, and of the right kind, in the vendor's words."""

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

from childproof.model import Call
from childproof.world.transaction import Transaction

from .refusal import Refusal

TOKENS = "_tokens"


class Auth:
    """The `auth:` of a stub.yaml: `none`, `any` (anything goes), or the places in which a key may stand."""

    def __init__(self, service: str, written: Any) -> None:
        self._service = service
        self._open = not isinstance(written, Mapping)
        self._places: Mapping[str, Any] = written if isinstance(written, Mapping) else {}
        self._pattern = re.compile(self._places["pattern"]) if "pattern" in self._places else None
        self._seeded = "seeded" in {self._places.get("bearer"), self._places.get("basic")}

    def check(self, call: Call, tx: Transaction) -> str | None:
        """The key that was given (None where none is needed). Raises Refusal: `unauthorized` or `bad_token`."""
        token = self.token(call)
        if self._open:
            return token
        if not token:
            raise Refusal.of("unauthorized")
        if self._pattern is not None and not self._pattern.fullmatch(token):
            raise Refusal.of("bad_token", token=_masked(token))
        if self._seeded and tx.get(TOKENS, self._service, token) is None:
            raise Refusal.of("bad_token", token=_masked(token))
        return token

    def example(self) -> dict[str, str]:
        """Headers with a key that passes the check, for cases: `auth.example`, or any text where any key will do."""
        key = str(self._places.get("example", "childproof"))
        if self._open or "bearer" in self._places:
            return {"Authorization": f"Bearer {key}"}
        if "basic" in self._places:
            return {"Authorization": f"Basic {base64.b64encode(f'{key}:'.encode()).decode()}"}
        return {self._places["header"]: key} if "header" in self._places else {}

    def token(self, call: Call) -> str | None:
        """The key that a call carries, wherever this service looks for one; None if there is none."""
        header = call.header("authorization") or ""
        scheme, _, rest = header.partition(" ")
        scheme, rest = scheme.lower(), rest.strip()
        if scheme == "bearer" and rest and (self._open or "bearer" in self._places):
            return rest
        if scheme == "basic" and rest and (self._open or "basic" in self._places):
            return _basic(rest)
        if "header" in self._places and (value := call.header(self._places["header"])):
            return value
        if "query" in self._places:
            found = parse_qs(call.query).get(self._places["query"])
            return found[0] if found else None
        return None


def _basic(text: str) -> str | None:
    """The user name of Basic credentials (the key, at services that take one), or the password if there is no name."""
    try:
        name, _, password = base64.b64decode(text, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return None
    return name or password or None


def _masked(token: str) -> str:
    return token[:7] + "*" * max(0, len(token) - 11) + token[-4:] if len(token) > 11 else "*" * len(token)
