"""Commands over a server print what they print of its database: every one that takes --server, run both ways, byte for byte."""

import urllib.request
from collections.abc import Iterator

import pytest

from childproof.cli.main import main
from childproof.client import Client

from .conftest import TOKEN, Server

FILE = """
world: same
seed: 7
clock: {start: 2026-01-05T09:00:00Z, run: frozen}
people: {count: 2, given: [{name: Jenny Rosen, email: jenny@example.com}]}
stripe:
  customers: {count: 1}
email:
  mailboxes: people
  messages:
    - {from: shop@example.com, to: jenny@example.com, subject: Welcome, text: Hello}
"""
RULES = """
version: 1
rules:
  - {name: one, match: {host: a.example, query: {x: "1"}}, deny: {reason: no}}
  - {name: two, match: {host: b.example, headers: {content-type: application/json}}, limit: {calls: 2, per: 1h}, reply: {text: hi}}
  - {name: mail, match: {protocol: smtp, sender: "a@*", recipients: b@x.example}, stub: email}
"""
BROKEN = "version: 1\nrules:\n  - {name: a, match: {hots: x}, stub: strip}\n"
# As they are typed; {id} is a call's id, {begin} how it begins.
COMMANDS = """
log
log --json
log --world same
log --world same/try --json
log --limit 2
log --limit 0 --world same
log --verdict deny
log --verdict stub --service stripe --fidelity modelled
log --path /v1/customers --since 1h
log --protocol http --protocol smtp --limit 3
log --trace {id}
log --metrics
log --har -
show {id}
show {begin}
show {id} --json --full
show 1 --world same
show call_
show nowhere
mail --world same
mail --world same --json
mail --world same --to jenny@example.com
mail show 1 --world same
mail show 1 --world same --raw
mail boxes --world same --json
mail --world nowhere
world list
world list --json
world show same
world show same --json
world show nowhere
world clock same
world clock same --json
world clock nowhere
world export same
world diff same same/try
world diff same same/try --json
world diff same nowhere
rules suggest --world nowhere
rules check rules.yaml
rules check rules.yaml rules.yaml
rules check broken.yaml none.yaml rules.yaml
rules explain https://api.stripe.com/v1/charges DNS TXT x.example SMTP mx.example:25
rules explain --json GET https://nothing.example:8443/a?b=c
rules explain rules.yaml https://a.example/?x=1 https://a.example/?x=2
rules explain rules.yaml --json-body {{"a":1}} -H Accept:text/html POST https://b.example/
rules explain rules.yaml --sender a@y.example --recipient b@x.example SMTP mx.example
rules explain broken.yaml https://a.example/
stubs list
stubs coverage email
stubs coverage email resend --json
stubs conform --world same
"""


@pytest.fixture(scope="module")
def call(server: Server) -> Iterator[str]:
    """A call of a world with some of everything; its id."""
    for name, text in (("rules.yaml", RULES), ("broken.yaml", BROKEN)):
        (server.folder / name).write_text(text)
    with Client(server.url, token=server.token) as client:
        client.create("same", file=FILE, metadata={"agent": "a"})
        box = client.create_sandbox(world="same", listen={"stubs": ["stripe"]})
        request = urllib.request.Request(f"{box.stubs['stripe']}/v1/customers", b"email=a@b.example")
        request.add_header("Authorization", "Bearer sk_test_0123456789")
        urllib.request.urlopen(request).close()
        client.fork("same", "same/try", at=0)
        for world in ("same", "same/try"):
            client.advance(world, "1d")
        through = urllib.request.build_opener(urllib.request.ProxyHandler({"http": f"http://{box.http}"}))
        with pytest.raises(urllib.error.HTTPError, match="403"):
            through.open("http://nothing.example/")
        client.delete_sandbox(box.id)
        yield client.newest_calls("same", 1)[0]["id"]


def typed(capfd: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    """A command's exit code, output and errors."""
    with pytest.raises(SystemExit) as ended:
        main(words)
    out, err = capfd.readouterr()
    return int(ended.value.code or 0), out, err


def test_a_server_is_read_as_its_database_is(
    server: Server, call: str, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Output, exit code and messages are the same but for the place; nothing of the database is opened over the server."""
    monkeypatch.chdir(server.folder)
    monkeypatch.setenv("CHILDPROOF_CONTROL_TOKEN", TOKEN)
    for line in COMMANDS.strip().splitlines():
        words = line.format(id=call, begin=call[:11]).split()
        here = typed(capfd, *words)
        with monkeypatch.context() as patch:
            patch.setenv("CHILDPROOF_SERVER", server.url)
            patch.setattr("childproof.cli.where.open_ledger", None)
            there = typed(capfd, *words)
        assert there == (here[0], here[1], here[2].replace("childproof.db", server.url)), line
        assert here[1] or here[2], line
        assert here[0] == (
            2
            if "broken" in line or "rules.yaml rules.yaml" in line
            else 1
            if "nowhere" in line or line == "show call_"
            else 0
        ), line
