"""OAuth 2.0 with a public client: `requests-oauthlib` gets tokens, calls with them, and renews them when they have expired."""

import json
import sys
from collections.abc import Iterator

import pytest

from tests.clients.served import Served, serving

STUB = """\
stub: bank
hosts: [api.bank.example]
openapi: openapi.yaml
auth: {oauth: {clients: seeded, pkce: optional, expires: 10m}}
"""
SEED = """\
clients:
  - {id: backend, secret: hush, scopes: [read]}
  - {id: app, redirect_uris: ["https://app.example/back"], scopes: [read, write]}
tokens:
  - {token: fixed-token, scopes: [read, write]}
"""
DOCUMENT = """\
openapi: 3.1.0
info: {title: Bank, version: "1"}
servers: [{url: "https://api.bank.example"}]
security: [{bank: [read]}]
paths:
  /accounts:
    get:
      responses:
        "200":
          description: ""
          content: {application/json: {schema: {type: array, items: {$ref: "#/components/schemas/Account"}}}}
    post:
      security: [{bank: [read, write]}]
      requestBody: {content: {application/json: {schema: {$ref: "#/components/schemas/Account"}}}}
      responses:
        "201": {description: "", content: {application/json: {schema: {$ref: "#/components/schemas/Account"}}}}
components:
  schemas: {Account: {type: object, properties: {id: {type: string}, name: {type: string}}}}
  securitySchemes:
    bank:
      type: oauth2
      flows:
        clientCredentials: {tokenUrl: "https://api.bank.example/oauth/token", scopes: {read: "", write: ""}}
        authorizationCode:
          authorizationUrl: "https://api.bank.example/oauth/authorize"
          tokenUrl: "https://api.bank.example/oauth/token"
          scopes: {read: "", write: ""}
"""
RULES = "version: 1\nrules:\n  - {name: bank, match: {host: api.bank.example}, stub: bank}\n"
SETUP = """
import os, sys, subprocess, requests
from oauthlib.oauth2 import BackendApplicationClient, InvalidScopeError, InvalidClientError, InvalidGrantError
from requests_oauthlib import OAuth2Session
BANK = "https://api.bank.example"
TOKEN = BANK + "/oauth/token"
os.environ["HTTPS_PROXY"] = os.environ["PROXY"]

def pass_time(by):
    subprocess.run([sys.executable, "-m", "childproof", "world", "clock", "main", "advance", by, "--db", os.environ["DB"]],
                   check=True, capture_output=True)
"""
CREDENTIALS = """
session = OAuth2Session(client=BackendApplicationClient("backend"))
token = session.fetch_token(TOKEN, client_id="backend", client_secret="hush")
assert token["expires_in"] == 600 and token["scope"] == ["read"] and "refresh_token" not in token, token
assert session.get(BANK + "/accounts").status_code == 200
refused = session.post(BANK + "/accounts", json={"name": "x"})
assert refused.status_code == 403
assert refused.headers["www-authenticate"] == 'Bearer realm="bank", error="insufficient_scope", scope="read write"'
for given, wanted in (({"client_secret": "wrong"}, InvalidClientError), ({"client_secret": "hush", "scope": "all"}, InvalidScopeError)):
    try:
        OAuth2Session(client=BackendApplicationClient("backend")).fetch_token(TOKEN, client_id="backend", **given)
    except wanted:
        continue
    raise SystemExit(f"{given} was accepted")
pass_time("11m")
late = requests.get(BANK + "/accounts", headers={"authorization": "Bearer " + token["access_token"]})
assert (late.status_code, late.headers["www-authenticate"]) == (401, 'Bearer realm="bank", error="invalid_token"'), late.headers
nobody = requests.get(BANK + "/accounts")
assert (nobody.status_code, nobody.headers["www-authenticate"]) == (401, 'Bearer realm="bank"')
"""
CODE = """
session = OAuth2Session("app", redirect_uri="https://app.example/back", scope=["read", "write"], pkce="S256")
url, state = session.authorization_url(BANK + "/oauth/authorize")
there = requests.get(url, allow_redirects=False)
assert there.status_code == 302 and there.headers["location"].startswith("https://app.example/back?code="), there.headers
back = there.headers["location"]
assert f"state={state}" in back
token = session.fetch_token(TOKEN, authorization_response=back, include_client_id=True)
assert session.post(BANK + "/accounts", json={"name": "x"}).status_code == 201
pass_time("11m")
renewed = []
again = OAuth2Session("app", token={**token, "expires_at": 1, "expires_in": -1}, auto_refresh_url=TOKEN,
                      auto_refresh_kwargs={"client_id": "app"}, token_updater=renewed.append)
assert again.get(BANK + "/accounts").status_code == 200
assert renewed and renewed[0]["access_token"] != token["access_token"]
try:
    session.fetch_token(TOKEN, authorization_response=back, include_client_id=True)
except InvalidGrantError:
    pass
else:
    raise SystemExit("a code was taken twice")
thief = OAuth2Session("app", redirect_uri="https://app.example/back", pkce="S256")
thief.authorization_url(BANK + "/oauth/authorize")
other = OAuth2Session("app", redirect_uri="https://app.example/back", pkce="S256")
url, _ = other.authorization_url(BANK + "/oauth/authorize")
caught = requests.get(url, allow_redirects=False).headers["location"]
thief._state = None
try:
    thief.fetch_token(TOKEN, code=caught.split("code=")[1].split("&")[0], include_client_id=True)
except InvalidGrantError:
    pass
else:
    raise SystemExit("somebody else's code was taken")
elsewhere = requests.get(BANK + "/oauth/authorize?response_type=code&client_id=app&redirect_uri=https://evil.example/", allow_redirects=False)
assert elsewhere.status_code == 400 and "location" not in elsewhere.headers
assert requests.get(BANK + "/accounts", headers={"authorization": "Bearer fixed-token"}).status_code == 200
"""


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("bank")
    stub = folder / "stubs" / "bank"
    stub.mkdir(parents=True)
    for name, text in (("stub.yaml", STUB), ("seed.yaml", SEED), ("openapi.yaml", DOCUMENT)):
        (stub / name).write_text(text)
    (folder / "rules.yaml").write_text(RULES)
    with serving(folder, "--stubs", str(stub), "--rules", str(folder / "rules.yaml")) as served:
        yield served


@pytest.mark.parametrize("flow", [CREDENTIALS, CODE], ids=["client credentials", "authorization code with PKCE"])
def test_a_public_client_gets_tokens_uses_and_renews_them(bank: Served, flow: str) -> None:
    """Its endpoints come from the document; scopes are the operations'; expiry is the world's; errors are section 5.2's."""
    done = bank.run(sys.executable, "-c", SETUP + flow, env={"DB": str(bank.db)})
    assert done.returncode == 0, done.stderr


def test_what_was_issued_is_in_no_record(bank: Served) -> None:
    """Neither tokens nor secrets stand in the ledger in the clear."""
    done = bank.run("curl", "-s", "-x", f"http://{bank.http}", "-d", "grant_type=client_credentials", "-u", "backend:hush",
                    "https://api.bank.example/oauth/token")  # fmt: skip
    entry = bank.entries()[-1]
    assert entry["target"] == "POST https://api.bank.example/oauth/token"
    assert "YmFja2VuZDpodXNo" not in str(entry)
    assert json.loads(done.stdout)["access_token"] not in str(entry)
