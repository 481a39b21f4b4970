"""What `allow` really does, with curl through `childproof serve` to a TLS server that counts its bytes."""

import base64
import json
import os
import re
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from childproof.capture.mitm.ca import CA, ensure_ca
from tests.clients.served import Served, serving
from tests.clients.upstream import Upstream, upstream

REAL = "real-credential/9f8e+7d6c"
CANARY = "planted-31415926535"
RULES = """version: 1
rules:
  - name: bounded
    match: {{host: localhost, port: {tls}, path: ["/bytes/*", /endless, /slow]}}
    allow: {{addresses: [127.0.0.0/8, "::1/128"], reply: 1MiB, within: 1s}}
  - name: dry
    match: {{host: localhost, port: {tls}, path: /dry}}
    allow: {{addresses: [127.0.0.0/8, "::1/128"]}}
    enforce: false
  - name: github
    match: {{host: localhost, port: {tls}, path: /github}}
    allow: {{addresses: [127.0.0.0/8, "::1/128"], credentials: [github]}}
  - name: upstream
    match: {{host: localhost, port: {tls}}}
    allow:
      addresses: [127.0.0.0/8, "::1/128"]
      secrets:
        - {{placeholder: CHILDPROOF_TOKEN, header: Authorization, from: {{env: REAL_TOKEN}}}}
        - {{placeholder: CHILDPROOF_KEY, header: x-key, from: {{file: key.txt}}}}
  - name: plain
    match: {{host: localhost, port: {plain}}}
    allow:
      addresses: [127.0.0.0/8, "::1/128"]
      secrets: [{{placeholder: CHILDPROOF_TOKEN, header: authorization, from: {{command: [printenv, REAL_TOKEN]}}}}]
  - name: private
    match: {{host: localhost, port: {other}}}
    allow: {{}}
"""
GITHUB = "ghp_" + "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0dF3gH6"


@dataclass
class World:
    """A proxy, its upstream, and curl."""

    served: Served
    upstream: Upstream
    folder: Path

    def curl(self, path: str, *options: str, tls: bool = True) -> tuple[int, str]:
        """The exit code of curl, and what it printed with the reply's head."""
        port = self.upstream.tls_port if tls else self.upstream.port
        url = path if "://" in path else f"{'https' if tls else 'http'}://localhost:{port}{path}"
        done = self.served.run(
            "curl",
            "-si",
            "--suppress-connect-headers",
            "--noproxy",
            "",
            "-x",
            f"http://{self.served.http}",
            "--max-time",
            "20",
            *options,
            url,
        )
        return done.returncode, done.stdout

    def last(self) -> dict[str, Any]:
        """The last call's entry, with its end: a client has its reply a moment before that is recorded."""
        until = time.monotonic() + 10
        while True:
            found = [entry for entry in self.served.entries() if entry["protocol"] == "http"][-1]
            if found["settled"] or found["verdict"] != "allow" or time.monotonic() > until:
                return found
            time.sleep(0.02)

    def kept(self) -> bytes:
        """Everything that the database holds."""
        with sqlite3.connect(self.served.db) as connection:
            return "\n".join(connection.iterdump()).encode()


@pytest.fixture(scope="module")
def other_ca(tmp_path_factory: pytest.TempPathFactory) -> CA:
    return ensure_ca(tmp_path_factory.mktemp("upstream-ca"))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, other_ca: CA) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("allow")
    (folder / "key.txt").write_text(f"{REAL}-key\n")
    (folder / "childproof.yaml").write_text(f"canaries: [{{name: planted, value: {CANARY}}}]\n")
    with upstream(other_ca) as far:
        rules = RULES.format(tls=far.tls_port, plain=far.port, other=far.port + 1 if far.port < 65535 else 1024)
        (folder / "rules.yaml").write_text(rules)
        prefix = ("env", f"SSL_CERT_FILE={other_ca.cert_pem}", f"REAL_TOKEN={REAL}")
        with serving(folder, "--rules", "rules.yaml", prefix=prefix) as served:
            yield World(served, far, folder)


# --- secrets


@pytest.mark.parametrize("path", ["/", "/gzip", "/chunked/1", "/chunked/7", "/chunked/100"])
@pytest.mark.parametrize("option", [["-H", "Authorization: Bearer CHILDPROOF_TOKEN"], ["-u", "me:CHILDPROOF_TOKEN"]])
def test_the_upstream_gets_the_credential_and_nobody_else(world: World, path: str, option: list[str]) -> None:
    """Not the client, whose reply echoes it whole, packed or in pieces; not the ledger; not the log."""
    code, said = world.curl(path, *option)
    assert code == 0
    assert " 200 " in said
    got = world.upstream.calls[-1][1]["authorization"]
    if option[0] == "-H":
        assert got == f"Bearer {REAL}"
    else:
        assert got == "Basic " + base64.b64encode(f"me:{REAL}".encode()).decode()
    assert got.partition(" ")[2] not in said
    assert REAL not in said
    entry = world.last()
    assert (entry["verdict"], entry["rule"], entry["settled"]) == ("allow", "upstream", True)
    assert REAL.encode() not in world.kept()
    assert got.partition(" ")[2].encode() not in world.kept()


def test_a_credential_that_a_server_kept_is_masked_in_later_replies(world: World) -> None:
    """They are to calls of the same rule that carry none."""
    world.curl("/", "-H", "Authorization: CHILDPROOF_TOKEN")
    code, said = world.curl("/kept")
    assert (code, " 200 " in said) == (0, True)
    assert "*" * len(REAL) in said
    assert REAL not in said
    assert REAL.encode() not in world.kept()


def test_a_placeholder_elsewhere_stays_what_it_is(world: World) -> None:
    """In another header, in the body, in the path."""
    code, said = world.curl("/CHILDPROOF_TOKEN", "-H", "X-Other: CHILDPROOF_TOKEN", "-d", "t=CHILDPROOF_TOKEN")
    assert code == 0
    line, headers = world.upstream.calls[-1]
    assert "/CHILDPROOF_TOKEN" in line
    assert headers["x-other"] == "CHILDPROOF_TOKEN"
    assert json.loads(said.rpartition("\n\n")[2])["body"] == "t=CHILDPROOF_TOKEN"


def test_several_secrets_each_in_its_header(world: World) -> None:
    """From the environment and from a file."""
    world.curl("/", "-H", "authorization: CHILDPROOF_TOKEN", "-H", "X-Key: CHILDPROOF_KEY")
    headers = world.upstream.calls[-1][1]
    assert (headers["authorization"], headers["x-key"]) == (REAL, f"{REAL}-key")


def test_over_plain_http_it_is_not_put_in(world: World) -> None:
    """Everybody on the way could read it; the rule doesn't say plain_http."""
    code, said = world.curl("/", "-H", "Authorization: Bearer CHILDPROOF_TOKEN", tls=False)
    assert (code, world.upstream.calls[-1][1]["authorization"]) == (0, "Bearer CHILDPROOF_TOKEN")
    assert "x-echo: Bearer CHILDPROOF_TOKEN" in said


def test_a_reply_in_parts_is_not_asked_for_with_a_credential(world: World) -> None:
    """Else the client could fetch its echo piece by piece."""
    world.curl("/", "-H", "Authorization: CHILDPROOF_TOKEN", "-H", "Range: bytes=0-9", "-H", "Accept-Encoding: br")
    headers = world.upstream.calls[-1][1]
    assert "range" not in headers
    assert headers["accept-encoding"] == "identity"


def test_a_reply_that_cannot_be_searched_is_cut_off(world: World) -> None:
    """A coding that nobody asked for."""
    code, said = world.curl("/br", "-H", "Authorization: CHILDPROOF_TOKEN")
    assert code != 0
    assert "hello" not in said
    assert "encoded as 'br'" in world.last()["error"]


# --- the leak guard


@pytest.mark.parametrize(
    ("options", "what"),
    [
        (["-H", f"X-A: {GITHUB}"], "a credential (github) in the header x-a"),
        (["-d", f"note={CANARY}"], "the canary planted in the body"),
        (
            ["-H", f"X-A: {CANARY[:9]}", "-H", f"X-B: {CANARY[9:]}"],
            "the canary planted in parts of the call put together",
        ),
        (["-H", f"X-A: {REAL}"], "the value of the environment variable REAL_TOKEN in the header x-a"),
    ],
)
def test_a_leak_is_denied_and_reported_without_its_value(world: World, options: list[str], what: str) -> None:
    """Nothing arrives; the denial and the entry say what kind it was and where."""
    before = len(world.upstream.calls)
    _, said = world.curl("/", *options)
    assert " 403 " in said
    assert f"leak guard: {what}" in said
    assert len(world.upstream.calls) == before
    entry = world.last()
    assert (entry["verdict"], entry["rule"], entry["reason"]) == ("deny", "upstream", f"leak guard: {what}")
    for value in (GITHUB, CANARY, REAL, CANARY[9:]):
        assert value.encode() not in world.kept()


def test_a_kind_that_belongs_there_passes(world: World) -> None:
    """The rule permits GitHub's tokens, and those only."""
    _, said = world.curl("/github", "-H", f"Authorization: Bearer {GITHUB}")
    assert " 200 " in said
    _, said = world.curl("/github", "-H", "X-Key: AKIAIOSFODNN7EXAMPLE")
    assert " 403 " in said


def test_a_dry_run_lets_a_leak_pass_and_records_it(world: World) -> None:
    """As `would`, and with the value withheld all the same."""
    _, said = world.curl("/dry", "-H", f"X-A: {CANARY}")
    assert " 200 " in said
    entry = world.last()
    assert entry["verdict"] == "allow"
    assert entry["would"] == [{"rule": "dry", "reason": "the canary planted in the header x-a", "verdict": "deny"}]


# --- bounds


def test_a_reply_above_the_bound_is_cut_off(world: World) -> None:
    """Announced or not: an aborted transfer for the client, and the reason in the entry."""
    assert world.curl("/bytes/1048576")[0] == 0
    assert world.last()["error"] is None
    code, said = world.curl("/bytes/1048577")
    assert code != 0
    assert " 200 " not in said
    assert world.last()["error"] == "the reply announces 1048577 bytes, and may have 1048576"
    code, said = world.curl("/endless", "-o", str(world.folder / "endless"))
    assert code != 0
    assert (world.folder / "endless").stat().st_size <= 1048576 + 1000
    assert world.last()["error"] == "the reply has more than 1048576 bytes"


def test_a_reply_that_takes_too_long_is_cut_off(world: World) -> None:
    """However lively it is."""
    code, _ = world.curl("/slow")
    assert code != 0
    entry = world.last()
    assert entry["error"] == "the reply took longer than 1 s"
    assert entry["upstream"]["bytes_in"] > 0


# --- where it goes


def calm(far: Upstream) -> tuple[int, int]:
    """The bytes received and sent so far, goodbyes on the connections of earlier calls included."""
    before, now = (-1, -1), (far.received, far.sent)
    while now != before:
        time.sleep(0.1)
        before, now = now, (far.received, far.sent)
    return now


def test_the_ledgers_bytes_are_those_that_the_upstream_counts(world: World) -> None:
    """TLS and all, up and down, to the byte."""
    for path, options in (("/", ["-d", "x" * 5000]), ("/bytes/300000", [])):
        received, sent = calm(world.upstream)
        assert world.curl(path, *options, "-H", "Connection: close")[0] == 0
        figures = world.last()["upstream"]
        counted = (world.upstream.received - received, world.upstream.sent - sent)
        assert (figures["connections"], figures["dns"]) == (1, 1)
        # Of a connection that is over, the last TLS record (24 bytes, a goodbye) may come after the reply.
        assert 0 <= counted[0] - figures["bytes_out"] <= 24
        assert 0 <= counted[1] - figures["bytes_in"] <= 24


def test_a_redirect_is_a_new_call(world: World) -> None:
    """From an allowed host to one that nothing allows."""
    world.upstream.moved_to = "https://elsewhere.example/collect"
    code, said = world.curl("/redirect", "-L")
    assert (code, " 302 " in said, " 403 " in said) == (0, True, True)
    entries = [entry for entry in world.served.entries() if entry["protocol"] == "http"][-2:]
    assert [(entry["host"], entry["verdict"]) for entry in entries] == [
        ("localhost", "allow"),
        ("elsewhere.example", "deny"),
    ]


def test_a_private_address_that_no_rule_names_is_not_dialled(world: World) -> None:
    """The rule allows the host, not where it leads."""
    port = re.search(r"name: private\n.*port: (\d+)", (world.folder / "rules.yaml").read_text())
    assert port is not None
    _, said = world.curl(f"http://localhost:{port[1]}/", tls=False)
    assert " 502 " in said
    assert "not public" in world.last()["error"]


@pytest.mark.parametrize(
    "variables",
    [
        {"SSL_CERT_FILE": ""},
        {"SSL_CERT_FILE": "/nonexistent"},
        {"SSL_CERT_FILE": "/dev/null"},
        {"SSL_CERT_DIR": "/nonexistent", "SSL_CERT_FILE": "/etc/passwd"},
        {"PYTHONHTTPSVERIFY": "0", "SSL_VERIFY": "false", "CURL_INSECURE": "1", "NODE_TLS_REJECT_UNAUTHORIZED": "0"},
    ],
)
def test_the_upstream_is_verified_whatever_the_environment_says(
    tmp_path: Path, other_ca: CA, variables: dict[str, str]
) -> None:
    """A certificate that no root vouches for is refused; no variable turns that off."""
    with upstream(other_ca) as far:
        (tmp_path / "rules.yaml").write_text(RULES.format(tls=far.tls_port, plain=far.port, other=1024))
        (tmp_path / "key.txt").write_text(f"{REAL}-key")
        prefix = ("env", f"REAL_TOKEN={REAL}", *(f"{name}={value}" for name, value in variables.items()))
        with serving(tmp_path, "--rules", "rules.yaml", prefix=prefix) as served:
            world = World(served, far, tmp_path)
            _, said = world.curl("/", "-H", "Authorization: CHILDPROOF_TOKEN")
            assert " 502 " in said
            assert far.calls == []
            assert "erti" in world.last()["error"]


def test_a_name_that_the_certificate_does_not_have_is_refused(tmp_path: Path, other_ca: CA) -> None:
    """Vouched for, but for somebody else."""
    with upstream(other_ca, "other.example") as far:
        (tmp_path / "rules.yaml").write_text(RULES.format(tls=far.tls_port, plain=far.port, other=1024))
        (tmp_path / "key.txt").write_text(f"{REAL}-key")
        prefix = ("env", f"REAL_TOKEN={REAL}", f"SSL_CERT_FILE={other_ca.cert_pem}")
        with serving(tmp_path, "--rules", "rules.yaml", prefix=prefix) as served:
            _, said = World(served, far, tmp_path).curl("/")
            assert " 502 " in said
            assert far.calls == []


# --- the sandbox


def test_a_sealed_command_has_the_placeholder_in_its_environment(needs_sealing: None, tmp_path: Path) -> None:
    """Wherever the real one stood in a variable; and the file that it came from is empty."""
    del needs_sealing
    (tmp_path / "key.txt").write_text(f"{REAL}-key\n")
    (tmp_path / "rules.yaml").write_text(RULES.format(tls=1, plain=2, other=3))
    done = subprocess.run(
        [sys.executable, "-m", "childproof", "run", "--report", "none", "--rules", "rules.yaml", "--",
         "sh", "-c", "echo $REAL_TOKEN $URL; cat key.txt; tr '\\0' '\\n' < /proc/1/environ; env | grep -c real-cred"],
        cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60,
        env={**os.environ, "REAL_TOKEN": REAL, "URL": f"https://x:{REAL}@a.example/", "XDG_STATE_HOME": str(tmp_path / "state")},
    )  # fmt: skip
    assert done.stdout.splitlines() == ["CHILDPROOF_TOKEN https://x:CHILDPROOF_TOKEN@a.example/", "0"]


def test_nothing_starts_without_its_credentials(tmp_path: Path) -> None:
    """All that are missing are named at once, with their place in the rule file."""
    (tmp_path / "rules.yaml").write_text(RULES.format(tls=1, plain=2, other=3))
    environ = {name: value for name, value in os.environ.items() if name != "REAL_TOKEN"}
    done = subprocess.run(
        [sys.executable, "-m", "childproof", "run", "--rules", "rules.yaml", "--", "echo", "started"],
        cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60,
        env={**environ, "XDG_STATE_HOME": str(tmp_path / "state")},
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (2, "")
    assert "rules.yaml:19:" in done.stderr
    for words in ("REAL_TOKEN is not set", "key.txt: No such file", "the command printenv ended with 1"):
        assert words in done.stderr
