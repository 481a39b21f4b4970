"""Who may call a stub: the check that a key is there, and of the right kind, in the vendor's words."""

import base64
import binascii
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

from childproof.model import BodyError, Call, parse_form
from childproof.stubkit.document.openapi import OpenApi
from childproof.stubkit.refusal import Refusal
from childproof.stubkit.request.uploads import FORM, media_type, read_multipart
from childproof.world.transaction import Transaction

from .issued import Issued
from .oauth import TOKENS, oauth
from .signed import Signed

FORM_PAIRS = "application/x-www-form-urlencoded"
_CHALLENGES = {
    "unauthorized": "",
    "bad_token": ', error="invalid_token"',
    "insufficient_scope": ', error="insufficient_scope"',
}


class Auth:
    """The `auth:` of a stub.yaml: `none`, `any` (anything goes), or the places in which a key may stand."""

    def __init__(self, service: str, written: Any, api: OpenApi | None = None, base: str = "") -> None:
        self._service = service
        self._open = not isinstance(written, Mapping)
        anonymous: Mapping[str, Any] = written.get("anonymous", {}) if isinstance(written, Mapping) else {}
        self._anonymous = frozenset(anonymous.get("methods", ()))
        self._known_only = tuple(anonymous.get("except", ()))
        self._places: Mapping[str, Any] = written if isinstance(written, Mapping) else {}
        self.parameter: str = self._places.get("parameter", "")  # in the query or a form, where it is no header
        named = self._places.get("header", ())
        self._headers: tuple[str, ...] = (named,) if isinstance(named, str) else tuple(named)
        self._pattern = re.compile(self._places["pattern"]) if "pattern" in self._places else None
        self.oauth = oauth(service, written, api, base)
        self._signed = Signed(service, self._places["signed"]) if "signed" in self._places else None
        self._scoped = self.oauth is not None or "seeded" in {self._places.get("bearer"), self._places.get("basic")}
        self._issued = Issued(service, self._places["issued"]) if "issued" in self._places else None
        scoped = self._scoped or self._issued is not None
        self._default: list[Any] = api.security if api is not None and scoped else []
        self._seeded = "seeded" in {self._places.get("bearer"), self._places.get("basic")}

    def check(self, call: Call, tx: Transaction, security: list[Any] | None = None) -> str | None:
        """The key that was given (None where none is needed), of use for an operation with this `security`.

        Raises Refusal: `unauthorized`, `bad_token` or `insufficient_scope`.
        """
        if self._signed is not None:
            return self._signed.check(call, tx)
        token = self.token(call)
        if self._open:
            return token
        if not token:
            if self._lets_in(call):
                return None
            raise Refusal.of("unauthorized")
        if self._pattern is not None and not self._pattern.fullmatch(token):
            raise Refusal.of("bad_token", token=_masked(token))
        row = self._known(tx, token)
        if row is None:
            if (self._seeded or self.oauth is not None) and token != self._places.get("example"):
                raise Refusal.of("bad_token", token=_masked(token))
            return token
        if "expires" in row and tx.now() >= _moment(row["expires"]):
            raise Refusal.of("bad_token", token=_masked(token))
        if "scopes" in row:
            self._check_scopes(set(row["scopes"]), self._default if security is None else security)
        return token

    def _known(self, tx: Transaction, token: str) -> Mapping[str, Any] | None:
        """What there is to know of a key: that a stub's seeds or OAuth have it, or what the service said as it issued it."""
        held = self._issued.scopes(tx, token) if self._issued is not None else None
        if held is not None:
            return {"scopes": held}
        return tx.get(TOKENS, self._service, token) if self._scoped else None

    def _lets_in(self, call: Call) -> bool:
        """Whether a call may come without a key (`anonymous`)."""
        if call.method not in self._anonymous or call.header("authorization"):
            return False
        return not any(call.path == path or call.path.startswith(f"{path}/") for path in self._known_only)

    def challenge(self, refusal: Refusal) -> tuple[tuple[str, str], ...]:
        """The WWW-Authenticate header (RFC 6750, section 3) of a refusal, where tokens have scopes or expire."""
        if not self._scoped or refusal.kind not in _CHALLENGES or "basic" in self._places:
            return ()
        told = f'Bearer realm="{self._service}"{_CHALLENGES[refusal.kind]}'
        if refusal.kind == "insufficient_scope":
            told += f', scope="{refusal.extra.get("scope", "")}"'
        return (("WWW-Authenticate", told),)

    def _check_scopes(self, held: set[str], security: list[Any]) -> None:
        """Refuse a token that meets none of the alternatives of an operation's `security`."""
        wanted = [
            {scope for scopes in one.values() for scope in scopes or ()} for one in security if isinstance(one, Mapping)
        ]
        if wanted and not any(scopes <= held for scopes in wanted):
            raise Refusal.of("insufficient_scope", scope=" ".join(sorted(wanted[0])))

    def example(self) -> dict[str, str]:
        """Headers with a key that passes the check, for cases: `auth.example`, or any text where any key will do."""
        key = str(self._places.get("example", "childproof"))
        if self._signed is not None:
            return {"Authorization": self._signed.example(key), self._signed.date: "20260101T000000Z"}
        if self._open or self.oauth is not None or "bearer" in self._places:
            return {"Authorization": f"Bearer {key}"}
        if "basic" in self._places:
            return {"Authorization": f"Basic {base64.b64encode(f'{key}:'.encode()).decode()}"}
        return dict.fromkeys(self._headers, key)

    def token(self, call: Call) -> str | None:
        """The key that a call carries, wherever this service looks for one; None if there is none."""
        if self._signed is not None:
            return self._signed.key(call)
        header = call.header("authorization") or ""
        scheme, _, rest = header.partition(" ")
        scheme, rest = scheme.lower(), rest.strip()
        if scheme == "bearer" and rest and (self._open or self.oauth is not None or "bearer" in self._places):
            return rest
        if scheme == self._places.get("scheme", "").lower() and rest:
            return rest
        if scheme == "basic" and rest and (self._open or "basic" in self._places):
            return _basic(rest, self._pattern)
        for name in self._headers:
            if value := call.header(name):
                return value
        if self.parameter and (given := _argument(call, self.parameter)):
            return given
        if "query" in self._places:
            found = parse_qs(call.query).get(self._places["query"])
            return found[0] if found else None
        return None


def _argument(call: Call, name: str) -> str | None:
    """A value of the query or of a form, which may be multipart; None where there is none, or no form that can be read."""
    found = parse_qs(call.query).get(name)
    if found is not None or not call.body:
        return found[0] if found is not None else None
    media = media_type(call)
    try:
        if media == FORM:
            value = read_multipart(call)[0].get(name)
        else:
            value = parse_form(call.body).get(name) if media == FORM_PAIRS else None
    except BodyError:
        return None
    return value if isinstance(value, str) and value else None


def _moment(expires: Any) -> int:
    """When a token expires, in unix ms: as it was issued, or as seed.yaml has it, a time."""
    if isinstance(expires, int):
        return expires
    found = expires if isinstance(expires, datetime) else datetime.fromisoformat(str(expires))
    return int((found if found.tzinfo is not None else found.replace(tzinfo=UTC)).timestamp() * 1000)


def _basic(text: str, pattern: re.Pattern[str] | None) -> str | None:
    """The user name of Basic credentials (the key, at services that take one), or the password if there is no name.

    The password, too, where it alone looks as keys do (`pattern`).
    """
    try:
        name, _, password = base64.b64decode(text, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return None
    if pattern is not None and not pattern.fullmatch(name) and pattern.fullmatch(password):
        return password
    return name or password or None


def _masked(token: str) -> str:
    return token[:7] + "*" * max(0, len(token) - 11) + token[-4:] if len(token) > 11 else "*" * len(token)
