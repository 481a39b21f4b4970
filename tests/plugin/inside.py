"""What a project's tests look like that use the plugin: run by test_plugin.py in a session of its own, as a user would."""

import asyncio
import json
import os
import re
import signal
import smtplib
import ssl
import subprocess
import sys
import urllib.request
from email.message import EmailMessage
from pathlib import Path

import aiohttp
import boto3
import httpx
import pytest
import requests
import stripe

from childproof.testing import UnknownNameError, World, sandbox
from childproof.testing.server import _servers

KEY = "sk_test_123"
CUSTOMERS = "https://api.stripe.com/v1/customers"
RULES = """
version: 1
default: deny
rules:
  - name: teapot
    match: {host: tea.example}
    reply: {status: 418, json: {short: true, stout: true}}
"""


BEFORE = dict(os.environ)
PLAIN = [smtplib.SMTP._get_socket, ssl.SSLContext.wrap_socket, ssl.SSLContext.wrap_bio]


def customer(email: str) -> str:
    reply = requests.post(CUSTOMERS, data={"email": email, "metadata[order]": "7"}, auth=(KEY, ""), timeout=30)
    assert reply.status_code == 200, reply.text
    return str(reply.json()["id"])


def test_a_world_alone_sets_nothing(world):
    assert world.calls() == []
    assert os.environ.get("HTTPS_PROXY") == BEFORE.get("HTTPS_PROXY")


@pytest.mark.parametrize("who", ["first", "second"])
def test_each_test_has_a_fresh_world_of_the_same_seed(intercepted, who):
    made = customer("jenny@example.com")
    assert [one["id"] for one in intercepted["stripe"].customers] == [made]
    seen = Path("ids")
    if seen.exists():
        assert seen.read_text() == made
    seen.write_text(made)


SESSION = requests.Session()


@pytest.mark.parametrize("who", ["first", "second"])
def test_clients_that_outlive_a_test_are_led_into_the_next_ones_world(intercepted, who):
    for _ in range(2):
        SESSION.post(CUSTOMERS, data={"email": "kept@example.com"}, auth=(KEY, ""), timeout=30).raise_for_status()
    urllib.request.urlopen(urllib.request.Request(CUSTOMERS, headers={"Authorization": f"Bearer {KEY}"})).close()
    assert [call.status for call in intercepted.calls(service="stripe")] == [200, 200, 200]


def test_everybodys_clients_are_led_into_the_world(intercepted):
    customer("requests@example.com")
    assert httpx.post(CUSTOMERS, data={"email": "httpx@example.com"}, auth=(KEY, "")).status_code == 200
    asked = urllib.request.Request(CUSTOMERS, b"email=urllib@example.com", {"Authorization": f"Bearer {KEY}"})
    with urllib.request.urlopen(asked) as reply:
        assert reply.status == 200

    async def aio():
        auth = aiohttp.BasicAuth(KEY, "")
        async with (
            aiohttp.ClientSession(trust_env=True, auth=auth) as session,  # its TLS context is as old as its import
            session.post(CUSTOMERS, data={"email": "aiohttp@example.com"}) as reply,
        ):
            assert reply.status == 200

    asyncio.run(aio())
    stripe.api_key = KEY
    stripe.Customer.create(email="stripe@example.com")  # which brings certificates of its own
    curl = ["curl", "-s", "-u", f"{KEY}:", "-d", "email=curl@example.com", CUSTOMERS]
    assert json.loads(subprocess.run(curl, capture_output=True, check=True).stdout)["object"] == "customer"
    mail = {"aws_access_key_id": "AKIAIOSFODNN7EXAMPLE", "aws_secret_access_key": "s", "region_name": "us-east-1"}
    boto3.client("sesv2", **mail).send_email(
        FromEmailAddress="shop@example.com",
        Destination={"ToAddresses": ["boto@example.com"]},
        Content={"Simple": {"Subject": {"Data": "Your refund"}, "Body": {"Text": {"Data": "It is on its way."}}}},
    )
    found = [one["email"].partition("@")[0] for one in intercepted["stripe"].customer]
    assert found == ["requests", "httpx", "urllib", "aiohttp", "stripe", "curl"]
    [mail] = intercepted.mail.to("Boto@example.com")
    assert (mail.sender, mail.subject, mail.text.strip()) == ("shop@example.com", "Your refund", "It is on its way.")
    intercepted.mail.must_have(to="boto@example.com", subject=re.compile("refund"), exactly=1)
    intercepted.mail.must_not_have(to="jenny@example.com")


@pytest.mark.parametrize(("kind", "port"), [(smtplib.SMTP, 587), (smtplib.SMTP_SSL, 465)])
def test_mail_of_smtplib_is_led_into_the_world_and_what_is_on_this_machine_is_not(intercepted, kind, port):
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "shop@example.com", "jenny@example.com", "Your order 📦"
    message.set_content("Thanks!")
    with kind("smtp.example.com", port, **({"context": ssl.create_default_context()} if port == 465 else {})) as smtp:
        if port == 587:
            smtp.starttls(context=ssl.create_default_context())
        smtp.send_message(message)
    with pytest.raises(ConnectionRefusedError, match="refused"):
        smtplib.SMTP("127.0.0.1", 1)
    assert [mail.subject for mail in intercepted.mail] == ["Your order 📦"]


def test_what_there_is_none_of_yet_is_empty_and_what_there_never_is_is_told(intercepted):
    assert (
        intercepted["stripe"].refunds == intercepted["stripe"].checkout_sessions == intercepted["slack"].messages == []
    )
    for ask, said in (
        (lambda: intercepted["strpe"].customers, "did you mean 'stripe'"),
        (lambda: intercepted.calls(service="strpe"), "did you mean 'stripe'"),
        (lambda: intercepted.must_not(service="slak"), "did you mean 'slack'"),
        (lambda: intercepted.must_not(verdict="denied"), "did you mean 'deny'"),
        (lambda: intercepted.must_not("api.stripe.com/**"), "is no method"),
    ):
        with pytest.raises(UnknownNameError, match=said):
            ask()
    assert intercepted.calls(service="stripe") == intercepted.calls(service="nobody.example") == []


def test_expectations_can_be_weighed_and_worlds_kept_in_files(intercepted, tmp_path):
    customer("jenny@example.com")
    score = intercepted.score()
    score.must_have("POST", "api.stripe.com/v1/customers", weight=3)
    assert not score.must_have("POST", "api.stripe.com/v1/refunds")
    assert (score.value, score.passed) == (0.75, False)
    assert score.reasons == ["milestone: expected POST api.stripe.com/v1/refunds; it was not made"]
    intercepted.export(tmp_path / "world.yaml")
    with sandbox(from_=tmp_path / "world.yaml") as box:
        assert [one["email"] for one in box.world["stripe"].customers] == ["jenny@example.com"]
        assert box.world.calls() == []
        [same] = box.world.diff(intercepted)["services"]
        assert same["added"] == same["removed"] == same["changed"] == []


def test_what_is_gone_afterwards():
    assert [smtplib.SMTP._get_socket, ssl.SSLContext.wrap_socket, ssl.SSLContext.wrap_bio] == PLAIN
    assert [name for name, value in os.environ.items() if BEFORE.get(name) != value] == ["PYTEST_CURRENT_TEST"]
    assert [name for name in BEFORE if name not in os.environ] == []


@pytest.fixture(scope="module")
def longer():
    with sandbox(seed=5) as box, box.intercepting() as led:
        yield led


@pytest.mark.parametrize("number", [1, 2])
def test_a_world_may_last_for_a_module_beside_those_of_its_tests(longer, number):
    customer(f"{number}@example.com")
    assert len(longer["stripe"].customers) == number


def test_the_newest_of_two_is_in_force(longer, intercepted):
    customer("inner@example.com")
    assert [one["email"] for one in intercepted["stripe"].customers] == ["inner@example.com"]
    assert len(longer.calls()) == 2


SERVER = """
import http.server, urllib.request

class Shop(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        ask = urllib.request.Request("%s", b"email=jenny@example.com", {"Authorization": "Bearer %s"})
        self.send_response(urllib.request.urlopen(ask, timeout=30).status)
        self.end_headers()

serving = http.server.HTTPServer(("127.0.0.1", 0), Shop)
print(serving.server_port, flush=True)
serving.serve_forever()
"""


@pytest.fixture
def server(intercepted: World):
    with subprocess.Popen(
        [sys.executable, "-c", SERVER % (CUSTOMERS, KEY)], stdout=subprocess.PIPE, text=True
    ) as process:
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
        process.terminate()


def test_a_server_in_a_process_of_its_own_is_led(server: str, intercepted: World):
    assert requests.post(f"{server}/sales", timeout=30).status_code == 200
    assert [one["email"] for one in intercepted["stripe"].customers] == ["jenny@example.com"]


@pytest.mark.asyncio
async def test_coroutines_have_a_world_too(intercepted):
    async with httpx.AsyncClient(auth=(KEY, "")) as client:
        await asyncio.gather(*(client.post(CUSTOMERS, data={"email": f"{n}@example.com"}) for n in range(3)))
    intercepted.must_have("POST", "api.stripe.com/v1/customers", exactly=3)


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_so_do_those_of_anyio(intercepted, anyio_backend):
    async with httpx.AsyncClient(auth=(KEY, "")) as client:
        await client.get(CUSTOMERS)
    assert [call.status for call in intercepted.calls(service="stripe", method="get")] == [200]


@pytest.mark.world(rules=RULES, seed=7, clock="frozen@2026-01-05T09:00:00Z")
def test_a_marker_says_what_the_world_is_like(intercepted):
    assert requests.get("https://tea.example/pot", timeout=30).status_code == 418
    assert requests.get("https://api.stripe.com/v1/customers", timeout=30).status_code == 403
    assert [call.verdict for call in intercepted.calls()] == ["reply", "deny"]
    intercepted.must_have(target="tea.example/*", status=418)
    assert intercepted.client.world(intercepted.name).seed == 7


@pytest.mark.world(stubs=["library"], file="world: w\npeople: 2\nstripe:\n  customers: {count: 2}\n")
def test_a_stub_of_ones_own_and_a_world_file_are_there(intercepted):
    requests.post("https://api.library.example/books", json={"title": "Emma"}, timeout=30).raise_for_status()
    assert [book["title"] for book in intercepted["library"].books] == ["Emma"]
    assert len(intercepted["stripe"].customers) == 2
    intercepted.must_only_change({"library": ["book"]})


def test_milestones_minefields_and_collateral(intercepted):
    customer("jenny@example.com")
    intercepted.must_have("POST", "api.stripe.com/v1/customers", email="jenny@example.com", metadata={"order": 7})
    intercepted.must_not("POST", "api.stripe.com/v1/refunds")
    intercepted.must_only_change({"stripe": ["customer"]})
    assert intercepted.report()["calls"] == 1
    assert [one["service"] for one in intercepted.diff()["services"]] == ["stripe"]


def test_a_fork_goes_on_alone_and_time_passes_at_once(intercepted):
    customer("jenny@example.com")
    other = intercepted.fork(f"{intercepted.name}-later")
    other.clock.advance("30d")
    customer("john@example.com")
    assert [len(one["stripe"].customers) for one in (intercepted, other)] == [2, 1]


def test_a_command_runs_sealed(sandbox, tmp_path):
    program = f"import sys, urllib.request as u; print(sys.stdin.read(), u.urlopen(u.Request({CUSTOMERS!r}, b'email=a@b.c', {{'Authorization': 'Bearer {KEY}'}})).status)"
    done = sandbox.run([sys.executable, "-c", program], input="hello", cwd=tmp_path, env={"PYTHONUTF8": "1"})
    assert (done.code, done.stdout.split(), done.stderr) == (0, ["hello", "200"], "")
    assert [call.place for call in done.calls] == ["api.stripe.com/v1/customers"]
    assert len(sandbox.world["stripe"].customers) == 1
    assert sandbox.run([sys.executable, "-c", "raise SystemExit(3)"]).code == 3


# --- what fails, and reads well


def test_fails_nearest(intercepted):
    customer("jenny@example.com")
    intercepted.must_have("POST", "api.stripe.com/v1/customers", email="john@example.com")


def test_fails_minefield(intercepted):
    customer("jenny@example.com")
    intercepted.must_not("POST", "api.stripe.com/**")


def test_fails_collateral(intercepted):
    customer("jenny@example.com")
    intercepted.must_not_change()


def test_fails_for_another_reason(intercepted):
    customer("jenny@example.com")
    assert os.sep == ""


@pytest.mark.world(sed=7)
def test_fails_key(world):
    raise AssertionError("never run")


@pytest.mark.world(rules="version: 1\nrules:\n  - name: x\n    allo: {}\n")
def test_fails_rules(world):
    raise AssertionError("never run")


def test_fails_kind(intercepted):
    customer("jenny@example.com")
    intercepted["stripe"].custmers  # noqa: B018


def test_fails_mails(intercepted):
    assert len(intercepted.mail) == 2


def test_fails_keyword(intercepted):
    customer("jenny@example.com")
    intercepted.must_have("POST", "https://api.stripe.com/v1/customers", servce="stripe")


@pytest.mark.world(stubs=["mine"])
def test_fails_stub(world):
    raise AssertionError("never run")


def test_fails_server(world):
    for server in _servers.values():
        os.kill(server.process.pid, signal.SIGKILL)
        server.process.wait()
    world.clock.advance("1d")


def test_there_is_another_server_then(world):
    assert world.calls() == []
