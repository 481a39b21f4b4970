"""Clients that take a base URL: a stub at an address of its own, without proxy and CA."""

import json
import re
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients.served import Served, serving

SDK = """
import sys, stripe
stripe.api_key, stripe.api_base = "sk_test_client", sys.argv[1]
customer = stripe.Customer.create(email="jenny@example.com")
assert stripe.Customer.retrieve(customer.id).email == "jenny@example.com"
try:
    stripe.Customer.retrieve("cus_nobody")
except stripe.InvalidRequestError as error:
    assert error.http_status == 404
print(len(stripe.Customer.list().data))
"""


@pytest.fixture(scope="module")
def addressed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, dict[str, str]]]:
    """`serve` with two stubs at addresses that the kernel chose, beside a proxy; their base URLs by stub."""
    folder = tmp_path_factory.mktemp("addressed")
    stub = folder / "stubs" / "shop"
    stub.mkdir(parents=True)
    (stub / "stub.yaml").write_text(
        "stub: shop\nhosts: [shop.example]\nopenapi: openapi.yaml\nauth: none\n"
        "dialect: {lists: {style: page, cursor: page, limit: {name: limit, default: 1}, items: null, link: true}}\n"
    )
    (stub / "openapi.yaml").write_text(
        textwrap.dedent("""\
            openapi: 3.1.0
            info: {title: Shop, version: "1"}
            paths:
              /v1/things:
                get:
                  parameters: [{name: page, in: query, schema: {type: integer}}]
                  responses:
                    "200":
                      content: {application/json: {schema: {type: array, items: {$ref: "#/components/schemas/Thing"}}}}
                post:
                  requestBody: {content: {application/json: {schema: {$ref: "#/components/schemas/Thing"}}}}
                  responses: {"201": {content: {application/json: {schema: {$ref: "#/components/schemas/Thing"}}}}}
              /v1/broken:
                post:
                  responses: {"200": {content: {application/json: {schema: {$ref: "#/components/schemas/Thing"}}}}}
            components: {schemas: {Thing: {type: object, properties: {id: {type: string}, name: {type: string}}}}}
            """)
    )
    (stub / "broken.py").write_text(
        "from childproof.stubkit import Context, job, operation\n\n\n"
        "@operation('POST /v1/broken')\n"
        "def broken(ctx: Context) -> dict:\n"
        "    made = ctx.create('thing', name='never')\n"
        "    if 'job' in ctx.body.get('mode', ''):\n"
        "        ctx.schedule(1, 'broken', {})\n"
        "        return made\n"
        "    return {'quotient': len(made) / 0}\n\n\n"
        "@job('broken')\n"
        "def later(ctx: Context, payload: dict) -> None:\n"
        "    ctx.create('thing', name='never, either')\n"
        "    payload['nothing']\n"
    )
    (folder / "rules.yaml").write_text(
        "version: 1\nrules:\n"
        "  - {name: let-out, match: {host: shop.example, path: /v1/things}, allow: {}}\n"
        "  - {name: none-of-these, match: {host: shop.example, path: /v1/secrets}, deny: {reason: not for you}}\n"
        "  - {name: said, match: {host: api.stripe.com, path: /v1/said}, reply: {status: 418, text: short}}\n"
    )
    with serving(
        folder, "--stubs", str(stub), "--rules", str(folder / "rules.yaml"),
        listen=("--http", "127.0.0.1:0", "--socks", "127.0.0.1:0", "--listen", "http://127.0.0.1:0=stripe",
                "--listen", "http://127.0.0.1:0=shop"),
    ) as served:  # fmt: skip
        found = dict(re.findall(r"stub +(http://\S+) +(\S+)", served.head))
        yield served, {name: url for url, name in found.items()}


def curl(*arguments: str) -> tuple[int, str]:
    done = subprocess.run(
        ["curl", "-sS", "-w", "\n%{http_code}", *arguments], capture_output=True, text=True, timeout=30, check=True
    )
    body, _, status = done.stdout.rpartition("\n")
    return int(status), body


def test_an_sdk_with_another_base_url_needs_neither_proxy_nor_ca(addressed: tuple[Served, dict[str, str]]) -> None:
    """Stripe's own SDK is at home there; the world and the ledger are those of the service."""
    served, urls = addressed
    done = subprocess.run(
        [sys.executable, "-c", SDK, urls["stripe"]], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    entry = next(one for one in served.entries() if one["target"].endswith("POST https://api.stripe.com/v1/customers"))
    assert (entry["verdict"], entry["stub"]) == ("stub", "stripe")


def test_a_name_that_somebody_else_may_give_the_address_is_refused(addressed: tuple[Served, dict[str, str]]) -> None:
    """A page in this machine's browser must not read the world under a name of its own; the attempt is recorded."""
    served, urls = addressed
    for host in ("evil.example", "api.stripe.com.evil.example:80", "127.0.0.1.evil.example"):
        status, body = curl("-u", "sk_test_client:", "-H", f"Host: {host}", f"{urls['stripe']}/v1/customers")
        assert (status, "--anybody" in body) == (403, True)
        assert "evil.example; this address answers to localhost" in served.entries()[-1]["reason"]


def test_most_host_headers_will_do_and_the_rest_is_the_stubs_own_404(addressed: tuple[Served, dict[str, str]]) -> None:
    """Whatever name the client knows the address by; what the service hasn't got is told in its words."""
    _, urls = addressed
    for host in ("localhost", "api.stripe.com", "stripe-mock:12111", "shop.localhost", "[::1]:80"):
        status, body = curl("-u", "sk_test_client:", "-H", f"Host: {host}", f"{urls['stripe']}/v1/customers")
        assert (status, '"object": "list"' in body) == (200, True)
    status, body = curl("-u", "sk_test_client:", f"{urls['stripe']}/v9/rockets")
    assert (status, "Unrecognized request URL" in body) == (404, True)
    status, body = curl(f"{urls['shop']}/v1/customers")
    assert (status, "not_found" in body) == (404, True)


def test_rules_count_there_but_nothing_leads_out(addressed: tuple[Served, dict[str, str]]) -> None:
    """A rule that denies or replies does; one that would allow leaves the call to the stub."""
    served, urls = addressed
    assert curl(f"{urls['shop']}/v1/secrets")[0] == 403
    assert curl("-u", "sk_test_client:", f"{urls['stripe']}/v1/said") == (418, "short")
    assert curl("-d", "{}", "-H", "content-type: application/json", f"{urls['shop']}/v1/things")[0] == 201
    entry = next(one for one in served.entries() if one["target"].endswith("POST https://shop.example/v1/things"))
    assert entry["verdict"] == "stub"
    assert entry["upstream"] == {"dns": 0, "connections": 0, "bytes_out": 0, "bytes_in": 0}


def test_links_lead_back_to_the_address(addressed: tuple[Served, dict[str, str]]) -> None:
    """The next page's address is one that the client can reach."""
    _, urls = addressed
    for _ in range(2):
        curl("-d", "{}", "-H", "content-type: application/json", f"{urls['shop']}/v1/things")
    _, said = curl("-D", "-", f"{urls['shop']}/v1/things")
    assert f'<{urls["shop"]}/v1/things?page=2>; rel="next"' in said


def test_a_stubs_own_bug_is_the_services_500(addressed: tuple[Served, dict[str, str]]) -> None:
    """In its error dialect; nothing of it has happened; the traceback is in the ledger, for a job's, too."""
    served, urls = addressed
    status, body = curl("-X", "POST", f"{urls['shop']}/v1/broken")
    assert (status, json.loads(body)["error"]["code"]) == (500, "internal")
    entry = served.entries()[-1]
    assert (entry["status"], entry["changes"]) == (500, [])
    assert "ZeroDivisionError" in entry["error"]
    assert "broken.py" in entry["error"]
    assert curl("-d", '{"mode": "job"}', "-H", "content-type: application/json", f"{urls['shop']}/v1/broken")[0] == 200
    time.sleep(0.01)
    assert curl(f"{urls['shop']}/v1/things")[0] == 200
    failed = next(one for one in served.entries() if one["error"] and "KeyError" in one["error"])
    assert "broken.py" in failed["error"]
    assert [change for change in failed["changes"] if change["kind"] == "thing"] == []


def refused(folder: Path, *options: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "childproof", "serve", "--db", ":memory:", *options],
        cwd=folder, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    return done.returncode, done.stderr


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--listen", "12111=stripe"), "http://127.0.0.1:12111=stripe"),
        (("--listen", "http://127.0.0.1:0=stripes"), "no stub 'stripes'"),
        (("--listen", "http://0.0.0.0:0=stripe"), "--anybody"),
    ],
)
def test_a_wrong_address_is_refused_with_what_to_write(tmp_path: Path, options: tuple[str, ...], said: str) -> None:
    """No form, no such stub, an address that others can reach: told at once, and nothing listens."""
    code, stderr = refused(tmp_path, *options)
    assert (code, said in stderr) == (2, True), stderr
