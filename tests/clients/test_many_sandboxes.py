"""Many sandboxes of one server, and what real clients in them see: each its own world, by its own rules."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from childproof.client import Client
from childproof.client.sealed import run_sealed
from childproof.control.messages_sandboxes import MadeSandbox
from tests.clients.served import Served, serving

RULES = "version: 1\nrules: [{name: said, match: {host: own.example}, reply: {text: %s}}, {name: s, match: {host: api.stripe.com}, stub: stripe}]\n"
STRIPE = """
import os, pathlib, socket, stripe
stripe.api_key = "sk_test_sealed"
customer = stripe.Customer.create(email="jenny@example.com")
assert stripe.Customer.retrieve(customer.id).email == "jenny@example.com"
control = os.environ["CONTROL"]
for place in (control, control + ".sandboxes"):
    try:
        socket.socket(socket.AF_UNIX).connect(place)
    except OSError:
        continue
    raise SystemExit(f"{place} can be reached")
store = pathlib.Path(os.environ["DB"])
assert not store.exists() or not store.stat().st_size
assert "CHILDPROOF_CONTROL_TOKEN" not in os.environ
print(len(stripe.Customer.list().data))
raise SystemExit(3)
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, Client, str]]:
    """`serve --control` on a unix socket; its API, and where that is."""
    folder = tmp_path_factory.mktemp("many")
    place = f"unix:{folder / 'control.sock'}"
    with serving(folder, "--control", place) as running, Client(place) as client:
        yield running, client, place


def curl(box: MadeSandbox, ca: Path, url: str, *more: str) -> str:
    command = ["curl", "-sS", "--proxy", f"http://{box.http}", "--cacert", str(ca), url, *more]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False).stdout


def sealed(place: str, *arguments: str, **env: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "childproof", "run", "--server", place, *arguments],
        env={**os.environ, **env}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def until(true: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 20
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_two_sandboxes_of_one_server_see_nothing_of_each_other(server: tuple[Served, Client, str]) -> None:
    """curl in each has its own rules and its own customers; when one is deleted, the other goes on."""
    served, client, _ = server
    one = client.create_sandbox(from_="main", rules=RULES % "one", listen={"stubs": ["stripe"]})
    two = client.create_sandbox(from_="main", rules=RULES % "two")
    said = [curl(box, served.ca, "https://own.example/") for box in (one, two)]
    assert said == ["one", "two"]
    customers = "https://api.stripe.com/v1/customers"
    made = json.loads(curl(one, served.ca, customers, "-u", "sk_test_sealed:", "-d", "email=a@example.com"))
    at_own_address = subprocess.run(
        ["curl", "-sS", "-u", "sk_test_sealed:", f"{one.stubs['stripe']}/v1/customers/{made['id']}"],
        capture_output=True, text=True, timeout=30, check=True,
    ).stdout  # fmt: skip
    assert json.loads(at_own_address)["email"] == "a@example.com"
    assert json.loads(curl(two, served.ca, customers, "-u", "sk_test_sealed:"))["data"] == []
    entries = served.entries()
    assert {entry["sandbox"] for entry in entries if entry["rule"] == "said"} == {one.id, two.id}
    client.delete_sandbox(one.id)
    assert curl(one, served.ca, "https://own.example/") == ""
    assert curl(two, served.ca, "https://own.example/") == "two"
    client.delete_sandbox(two.id)
    assert [world.name for world in client.worlds()] == ["main"]
    assert not [entry for entry in served.entries() if entry["sandbox"] in (one.id, two.id)]


def test_the_sdk_in_a_sandbox_that_a_client_sealed(server: tuple[Served, Client, str], needs_sealing: None) -> None:
    """Stripe's own, over names and TLS of the server: its exit code, its output, the report, and what it can't see."""
    served, client, place = server
    run = sealed(
        place, "--world", "sealed", "--seed", "7", "--", sys.executable, "-c", STRIPE,
        CONTROL=place.removeprefix("unix:"), DB=str(served.db), CHILDPROOF_CONTROL_TOKEN="nobody's",
    )  # fmt: skip
    out, err = run.communicate(timeout=60)
    assert (run.returncode, out) == (3, "1\n"), err
    assert re.search(r"childproof · world sealed · 3 calls · 0 bytes left this machine", err), err
    assert f"--server {place}" in err
    assert client.sandboxes() == []
    assert client.world("sealed").seed == 7
    made = {entry["sandbox"] for entry in served.entries() if entry["world"] == "sealed"}
    assert len(made) == 1
    assert made.pop().startswith("sbx_")
    forked = sealed(
        place,
        "--from",
        "sealed",
        "--report",
        "json",
        "--",
        "sh",
        "-c",
        "curl -s https://api.stripe.com/v1/customers -u sk_test_sealed:",
    )
    out, err = forked.communicate(timeout=60)
    assert (forked.returncode, len(json.loads(out)["data"])) == (0, 1), err
    assert (json.loads(err)["calls"], [world.name for world in client.worlds()]) == (1, ["main", "sealed"])
    with ThreadPoolExecutor() as threads:  # as test suites do, whose processes may not fork
        done = threads.submit(run_sealed, client, ["sh", "-c", "cat; exit 4"], from_="main", input="heard").result()
    assert (done.returncode, done.stdout, done.stderr) == (4, "heard", "")


def test_who_is_killed_leaves_nothing(server: tuple[Served, Client, str], needs_sealing: None) -> None:
    """A client that dies takes its command, its doors and its world along; one that never came back is expired."""
    _, client, place = server
    before = {world.name for world in client.worlds()}
    run = sealed(place, "--from", "main", "--", "sleep", "600")
    until(lambda: [box for box in client.sandboxes() if box.sealed == "serving"])
    run.send_signal(signal.SIGKILL)
    run.communicate(timeout=20)
    client.create_sandbox(from_="main", ttl=1)
    until(lambda: client.sandboxes() == [])
    assert {world.name for world in client.worlds()} == before


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("--server", "http://127.0.0.1:9", "--", "true"), 2, "--server unix:/run/childproof.sock"),
        (("--server", "unix:/nowhere/control.sock", "--", "true"), 7, "start one with: childproof serve --control"),
        (
            ("--server", "unix:/nowhere", "--db", "x.db", "--rules", "r.yaml", "--", "true"),
            2,
            "--rules, --db are the server's",
        ),
        (("--from", "main", "--", "true"), 2, "--token-file and --from go with --server"),
    ],
)
def test_what_can_not_be_served_is_said(arguments: tuple[str, ...], code: int, said: str, needs_sealing: None) -> None:
    """No command has run, and the message holds what to write."""
    done = subprocess.run(
        [sys.executable, "-m", "childproof", "run", *arguments], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, said in done.stderr) == (code, True), done.stderr


def test_a_sandbox_or_a_world_that_somebody_deleted_is_told_as_that(
    server: tuple[Served, Client, str], tmp_path: Path, needs_sealing: None
) -> None:
    """The command of a sandbox that was deleted is ended; without its world its calls are denied, and the report says why."""
    _, client, place = server
    go = tmp_path / "go"
    call = f"until [ -e {go} ]; do sleep 0.05; done; curl -s http://shop.example/; true"
    for delete, code, said in (
        (lambda: client.delete_sandbox(client.sandboxes()[0].id), 7, "somebody deleted the sandbox sbx_"),
        (lambda: client.delete("gone"), 1, "somebody deleted the world gone at"),
    ):
        run = sealed(place, "--world", "gone", "--", "sh", "-c", call)
        until(lambda: [box for box in client.sandboxes() if box.sealed == "serving"])
        delete()
        if code == 1:
            go.touch()
        _, err = run.communicate(timeout=20)
        assert (run.returncode, said in err) == (code, True), err
        assert "has gone" not in err


def test_a_server_that_is_gone_ends_the_command(tmp_path: Path, needs_sealing: None) -> None:
    """Its calls are refused from then on, so that it would do nothing of use: told, with an exit code of its own."""
    place = f"unix:{tmp_path / 'control.sock'}"
    with serving(tmp_path, "--control", place, killed=True) as served, Client(place) as client:
        run = sealed(place, "--", "sleep", "600")
        until(lambda: [box for box in client.sandboxes() if box.sealed == "serving"])
        served.process.kill()
        _, err = run.communicate(timeout=20)
    assert (run.returncode, "has gone: the command was ended" in err) == (7, True), err
