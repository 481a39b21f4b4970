"""OAuth 2.0: a service's token and authorization endpoints, with tokens that expire on the world's clock.

RFC 6749 (client credentials, authorization code, refresh), RFC 7636 (PKCE), RFC 6750 (how a token is refused). The person
at the authorization endpoint always agrees. What was issued is the world's: a fork carries it.
"""

import base64
import binascii
import hmac
from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qsl, unquote_plus, urlencode, urlsplit

import msgspec

from childproof.model import BodyError, Call, Reply, parse_json
from childproof.stubkit.declared.settings import duration
from childproof.stubkit.document.openapi import OpenApi
from childproof.world.transaction import Transaction

TOKENS = "_tokens"
CODE_LIFE = 600_000  # ten minutes (RFC 6749, section 4.1.2)
_NO_STORE = (("Content-Type", "application/json"), ("Cache-Control", "no-store"), ("Pragma", "no-cache"))
_REDIRECT = 302


class OAuthError(Exception):
    """An error of section 5.2, or of 4.1.2.1 where the client is sent back with it."""

    def __init__(self, error: str, description: str, status: int = 400) -> None:
        super().__init__(error)
        self.error = error
        self.description = description
        self.status = status


class OAuth(msgspec.Struct, frozen=True):
    """The `auth.oauth` of a stub. Paths are those that calls have; `expires` is in milliseconds."""

    service: str
    token_path: str
    authorize_path: str
    expires: int = 3_600_000
    pkce: bool = False
    seeded: bool = False  # only clients of seed.yaml
    refresh: bool = True
    scopes: tuple[str, ...] = ()  # those there are; any where it is empty

    def answer(self, call: Call, tx: Transaction) -> tuple[str, Reply] | None:
        """What the endpoints reply, with the name of the operation; None for a call to neither."""
        if self.token_path and call.path == self.token_path:
            return "POST " + self.token_path, self._token_reply(call, tx)
        if self.authorize_path and call.path == self.authorize_path:
            return "GET " + self.authorize_path, self._authorize(call, tx)
        return None

    # --- the token endpoint (section 3.2)

    def _token_reply(self, call: Call, tx: Transaction) -> Reply:
        try:
            return Reply(200, _NO_STORE, msgspec.json.encode(self._issue(_fields(call), call, tx)))
        except OAuthError as error:
            body = {"error": error.error, "error_description": error.description}
            headers: tuple[tuple[str, str], ...] = _NO_STORE
            if error.status == 401:
                headers = (*headers, ("WWW-Authenticate", f'Basic realm="{self.service}"'))
            return Reply(error.status, headers, msgspec.json.encode(body))

    def _issue(self, given: Mapping[str, str], call: Call, tx: Transaction) -> dict[str, Any]:
        grant = given.get("grant_type", "")
        if not grant:
            raise OAuthError("invalid_request", "grant_type is missing.")
        if grant not in {"client_credentials", "authorization_code", "refresh_token"}:
            raise OAuthError("unsupported_grant_type", f"There is no grant type {grant}.")
        client, proven = self._client(given, call, tx)
        if grant == "client_credentials":
            if not proven:
                raise OAuthError("invalid_client", "This grant needs the client's secret.", 401)
            return self._tokens(tx, client, self._scopes(given.get("scope", ""), client, tx), refresh=False)
        if grant == "refresh_token":
            return self._refreshed(given, client, tx)
        return self._exchanged(given, client, tx, proven=proven)

    def _exchanged(self, given: Mapping[str, str], client: str, tx: Transaction, *, proven: bool) -> dict[str, Any]:
        code = given.get("code", "")
        row = tx.get(TOKENS, self._kind("code"), code)
        if row is None or row["client"] != client:
            raise OAuthError("invalid_grant", "The code is not known.")
        if row.get("used"):
            for kind, token in row["issued"]:  # who has the code twice may have it from somebody (section 4.1.2)
                tx.delete(TOKENS, kind, token)
            raise OAuthError("invalid_grant", "The code was used before.")
        if tx.now() >= row["expires"]:
            raise OAuthError("invalid_grant", "The code has expired.")
        if row["redirect"] != given.get("redirect_uri", row["redirect"] if row["implied"] else ""):
            raise OAuthError("invalid_grant", "redirect_uri is another than that of the authorization.")
        if row["challenge"]:
            if not _proves(given.get("code_verifier", ""), row["challenge"], row["method"]):
                raise OAuthError("invalid_grant", "code_verifier doesn't fit the code_challenge.")
        elif not proven:
            raise OAuthError("invalid_client", "A client without a secret needs PKCE.", 401)
        made = self._tokens(tx, client, row["scopes"], refresh=self.refresh)
        issued = [[self.service, made["access_token"]]]
        if "refresh_token" in made:
            issued.append([self._kind("refresh"), made["refresh_token"]])
        tx.put(TOKENS, self._kind("code"), code, {**row, "used": True, "issued": issued})
        return made

    def _refreshed(self, given: Mapping[str, str], client: str, tx: Transaction) -> dict[str, Any]:
        token = given.get("refresh_token", "")
        row = tx.get(TOKENS, self._kind("refresh"), token)
        if row is None or row["client"] != client:
            raise OAuthError("invalid_grant", "The refresh token is not known.")
        wanted = given.get("scope", "").split()
        if set(wanted) - set(row["scopes"]):
            raise OAuthError("invalid_scope", "The scope goes beyond what was granted.")
        tx.delete(TOKENS, self._kind("refresh"), token)  # each is for once
        return self._tokens(tx, client, wanted or row["scopes"], refresh=True, granted=row["scopes"])

    def _tokens(
        self, tx: Transaction, client: str, scopes: list[str], *, refresh: bool, granted: list[str] | None = None
    ) -> dict[str, Any]:
        token = tx.token(f"{self.service} access", 40)
        row = {"token": token, "client": client, "scopes": scopes, "expires": tx.now() + self.expires}
        tx.put(TOKENS, self.service, token, row)
        made: dict[str, Any] = {"access_token": token, "token_type": "Bearer", "expires_in": self.expires // 1000}
        if scopes:
            made["scope"] = " ".join(scopes)
        if refresh:
            made["refresh_token"] = tx.token(f"{self.service} refresh", 40)
            tx.put(
                TOKENS, self._kind("refresh"), made["refresh_token"], {"client": client, "scopes": granted or scopes}
            )
        return made

    # --- the authorization endpoint (section 3.1)

    def _authorize(self, call: Call, tx: Transaction) -> Reply:
        given = dict(parse_qsl(call.query, keep_blank_values=True))
        client, redirect = given.get("client_id", ""), given.get("redirect_uri", "")
        known = tx.get(TOKENS, self._kind("client"), client)
        allowed = list((known or {}).get("redirect_uris", ()))
        implied = not redirect and len(allowed) == 1
        redirect = redirect or (allowed[0] if implied else "")
        if not client or (self.seeded and known is None):
            return _page(400, "There is no such client.")
        if not _is_address(redirect) or (allowed and redirect not in allowed):
            return _page(400, "The redirect_uri is not one of the client's.")  # never sent there (section 4.1.2.1)
        back = [("state", given["state"])] if "state" in given else []
        try:
            code = self._code(given, client, redirect, tx, implied=implied)
        except OAuthError as error:
            return _back(redirect, [("error", error.error), ("error_description", error.description), *back])
        return _back(redirect, [("code", code), *back])

    def _code(self, given: Mapping[str, str], client: str, redirect: str, tx: Transaction, *, implied: bool) -> str:
        if given.get("response_type") != "code":
            raise OAuthError("unsupported_response_type", "Only the response type code is served.")
        challenge, method = given.get("code_challenge", ""), given.get("code_challenge_method", "plain")
        if self.pkce and not challenge:
            raise OAuthError("invalid_request", "code_challenge is missing.")
        if method not in {"plain", "S256"}:
            raise OAuthError("invalid_request", "The code_challenge_method is not supported.")
        row = {
            "client": client, "redirect": redirect, "implied": implied, "challenge": challenge, "method": method,
            "scopes": self._scopes(given.get("scope", ""), client, tx), "expires": tx.now() + CODE_LIFE,
        }  # fmt: skip
        code = tx.token(f"{self.service} code", 32)
        tx.put(TOKENS, self._kind("code"), code, row)
        return code

    # --- within

    def _client(self, given: Mapping[str, str], call: Call, tx: Transaction) -> tuple[str, bool]:
        """Who asks (section 2.3), and whether it has proven so by a secret."""
        name, secret = given.get("client_id", ""), given.get("client_secret", "")
        scheme, _, rest = (call.header("authorization") or "").partition(" ")
        if scheme.lower() == "basic":
            try:
                pair = base64.b64decode(rest, validate=True).decode().partition(":")
            except (binascii.Error, ValueError):
                raise OAuthError("invalid_client", "The Authorization header can't be read.", 401) from None
            name, secret = unquote_plus(pair[0]), unquote_plus(pair[2])
        if not name:
            raise OAuthError("invalid_client", "No client is named.", 401)
        known = tx.get(TOKENS, self._kind("client"), name)
        if known is None:
            if self.seeded:
                raise OAuthError("invalid_client", "There is no such client.", 401)
            return name, bool(secret)
        expected = str(known.get("secret", ""))
        if secret and not hmac.compare_digest(secret.encode(), expected.encode()):
            raise OAuthError("invalid_client", "The client's secret is wrong.", 401)
        if expected and not secret and not given.get("code_verifier"):
            raise OAuthError("invalid_client", "The client's secret is missing.", 401)
        return name, bool(secret)

    def _scopes(self, wanted: str, client: str, tx: Transaction) -> list[str]:
        known = tx.get(TOKENS, self._kind("client"), client) or {}
        allowed = [str(one) for one in known.get("scopes", self.scopes)]
        asked = list(dict.fromkeys(wanted.split()))
        if allowed and set(asked) - set(allowed):
            raise OAuthError("invalid_scope", f"There is no scope {' '.join(sorted(set(asked) - set(allowed)))}.")
        return asked or allowed

    def _kind(self, what: str) -> str:
        return f"{self.service}~{what}"


def plant(service: str, seeds: Mapping[str, Any], tx: Transaction) -> None:
    """Store the tokens and clients of a seed.yaml."""
    for token in seeds.get("tokens", ()):
        row = dict(token) if isinstance(token, dict) else {"token": str(token)}
        tx.put(TOKENS, service, str(row["token"]), row)
    for client in seeds.get("clients", ()):
        tx.put(TOKENS, f"{service}~client", str(client["id"]), dict(client))


def oauth(service: str, written: Any, api: OpenApi | None, base: str) -> OAuth | None:
    """Compile `auth.oauth`; what it leaves open is as the document's security schemes say. None where it isn't written."""
    section = written.get("oauth") if isinstance(written, Mapping) else None
    if section is None or section is False:
        return None
    values: Mapping[str, Any] = section if isinstance(section, Mapping) else {}
    flows = list(_flows(api))
    scopes: dict[str, None] = {}
    for flow in flows:
        scopes.update(dict.fromkeys(flow.get("scopes") or ()))

    def place(key: str, document: str) -> str:
        if key in values:
            return str(values[key])
        url = next((str(flow[document]) for flow in flows if flow.get(document)), "")
        path = urlsplit(url).path
        return path if "://" in url or path.startswith("/") or not path else f"{base}/{path}"

    return OAuth(
        service,
        place("token", "tokenUrl"),
        place("authorize", "authorizationUrl"),
        duration(values.get("expires", "1h")),
        values.get("pkce", "optional") == "required",
        values.get("clients", "any") == "seeded",
        bool(values.get("refresh", True)),
        tuple(values.get("scopes", scopes)),
    )


def _flows(api: OpenApi | None) -> Iterator[Mapping[str, Any]]:
    for scheme in api.security_schemes() if api is not None else ():
        if scheme.get("type") == "oauth2":
            yield from (flow for flow in (scheme.get("flows") or {}).values() if isinstance(flow, dict))


def _fields(call: Call) -> dict[str, str]:
    """The form of a token request; JSON too, which many services take. Said twice is refused (section 3.2)."""
    if call.method != "POST":
        raise OAuthError("invalid_request", "The token endpoint takes POST.")
    media = (call.header("content-type") or "").partition(";")[0].strip().lower()
    if media == "application/json":
        try:
            value = parse_json(call.body)
        except BodyError as error:
            raise OAuthError("invalid_request", f"The body can't be read: {error}.") from None
        return {str(name): str(one) for name, one in value.items()} if isinstance(value, dict) else {}
    pairs = parse_qsl(call.body.decode("utf-8", "replace"), keep_blank_values=True)
    if len({name for name, _ in pairs}) < len(pairs):
        raise OAuthError("invalid_request", "A parameter is there twice.")
    return dict(pairs)


def _proves(verifier: str, challenge: str, method: str) -> bool:
    """RFC 7636, section 4.6."""
    if method == "S256":
        digest = sha256(verifier.encode("ascii", "replace")).digest()
        verifier = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    return bool(verifier) and hmac.compare_digest(verifier.encode(), challenge.encode())


def _is_address(redirect: str) -> bool:
    """Whether a client can be sent there: a URL of some scheme, of characters that a header may have."""
    try:
        return bool(urlsplit(redirect).scheme) and redirect.isascii() and redirect.isprintable()
    except ValueError:
        return False


def _back(redirect: str, values: list[tuple[str, str]]) -> Reply:
    joined = "&" if urlsplit(redirect).query else "?"
    return Reply(_REDIRECT, (("Location", f"{redirect}{joined}{urlencode(values)}"), ("Cache-Control", "no-store")))


def _page(status: int, words: str) -> Reply:
    return Reply(status, (("Content-Type", "text/plain; charset=utf-8"),), words.encode())
