"""A pod's proxy not yet up, reloading, stopped, killed, out of memory, descriptors or disk, ended, its port taken: traffic fails closed.

One life of one pod (`pod_life.py`) goes through all of it, while a container beside the proxy keeps trying.
"""

import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.escape.beside import HERE, Seen, beside_the_sinkhole, once

pytestmark = [
    pytest.mark.sealed,
    pytest.mark.skipif(os.getuid() != 0, reason="only root can make the users and containers of a pod"),
]
REFUSED = "ConnectionRefusedError"


@dataclass(frozen=True)
class Life:
    """What the client's calls came to by phase and kind, what became of the proxy, and what the sinkhole and the ledger saw."""

    seen: Seen
    told: dict
    answers: list
    requests: list

    def by(self, phase: str, kind: str) -> set[str]:
        return {answer for its, whose, _, answer in self.answers if (its, whose) == (phase, kind)}


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> Life:
    def make(folder: Path) -> Seen:
        folder.chmod(0o755)
        return beside_the_sinkhole(folder, "privileged", sys.executable, str(HERE / "pod_life.py"))

    seen, folder = once(tmp_path_factory, "pod-life", make)
    assert seen.code == 0, seen.err
    answers = [json.loads(line) for line in (folder / "app" / "answers.txt").read_text().splitlines()]
    told = json.loads((folder / "life.json").read_text())
    return Life(seen, told, answers, json.loads(seen.out.splitlines()[-1])["requests"])


def refused(life: Life, phase: str) -> bool:
    """Everything at once: a connection, a datagram, a query, and so whatever goes by name."""
    kinds = {kind: life.by(phase, kind) for kind in ("tcp", "udp", "dns", "allowed")}
    return kinds == {"tcp": {REFUSED}, "udp": {REFUSED}, "dns": {REFUSED}, "allowed": {"gaierror"}}


def test_a_proxy_that_starts_lets_nothing_through(life: Life) -> None:
    """The redirection is there and nobody listens: refused, until the proxy is ready."""
    assert refused(life, "not yet up")
    assert life.by("up", "allowed") >= {"HTTP/1.1 200 OK"}


def test_an_init_step_that_fails_says_so(life: Life) -> None:
    """Without NET_ADMIN its exit code is 5, with which no kubelet starts the pod's containers."""
    code, said = life.told["init without the right to"]
    assert code == 5
    assert "NET_ADMIN" in said


def test_a_reload_lets_nothing_through(life: Life) -> None:
    """Broken rules and good ones in turn: each call is judged, by rules that are whole."""
    phases = [f"reload {number}" for number in range(6)]
    assert {answer for phase in phases for answer in life.by(phase, "tcp")} == {"HTTP/1.1 403 Forbidden"}
    assert {answer for phase in phases for answer in life.by(phase, "allowed")} == {"HTTP/1.1 200 OK"}
    assert "the rules stay as they were" in life.seen.err


def test_no_descriptors_lets_nothing_through(life: Life) -> None:
    """More connections than there are descriptors; afterwards calls are judged again."""
    assert not {answer for answer in life.by("no descriptors", "tcp") if answer.startswith("HTTP/1.1 2")}
    assert "HTTP/1.1 403 Forbidden" in life.by("descriptors again", "tcp")


def test_a_full_disk_lets_nothing_through(life: Life) -> None:
    """What can't be recorded isn't let through, although a rule allows it; it is told at the end."""
    assert "HTTP/1.1 200 OK" not in life.by("full disk", "allowed")
    assert "HTTP/1.1 200 OK" in life.by("disk again", "allowed")
    assert "denied without a record" in life.seen.err
    assert life.told["stop"] == 1


def test_a_proxy_that_is_ended_lets_nothing_through(life: Life) -> None:
    """SIGTERM, as a kubelet sends it before the app's end or at a restart."""
    assert refused(life, "ended")
    assert life.told["end"] == 0


def test_an_engine_that_is_stopped_lets_nothing_through(life: Life) -> None:
    """The kernel takes connections, and nobody answers them until the proxy goes on."""
    assert not {answer for answer in life.by("stopped", "tcp") | life.by("stopped", "allowed") if "HTTP" in answer}
    assert "HTTP/1.1 403 Forbidden" in life.by("continued", "tcp")


def test_an_engine_that_is_killed_lets_nothing_through(life: Life) -> None:
    """Refused from then on; once restarted, calls are judged again."""
    assert refused(life, "killed")
    assert "HTTP/1.1 200 OK" in life.by("risen", "allowed")


def test_no_memory_lets_nothing_through(life: Life) -> None:
    """Bodies that there is no room for: the kernel kills the proxy, or it answers in words."""
    assert life.told["after no memory"] in {-9, None}
    assert not {answer for answer in life.by("no memory", "tcp") if answer.startswith("HTTP/1.1 2")}


def test_a_port_that_somebody_took_lets_nothing_through(life: Life) -> None:
    """While the proxy is down its ports are anybody's: who has them gets calls, not out; the proxy says so and doesn't start."""
    assert not {answer for kind in ("tcp", "allowed") for answer in life.by("port taken", kind) if "HTTP" in answer}
    assert life.told["start at a port that is taken"] == 3
    assert "another program listens here" in life.seen.err
    assert "HTTP/1.1 200 OK" in life.by("in the end", "allowed")


def test_the_ledger_of_all_of_it_is_whole(life: Life) -> None:
    """Nothing left but allowed calls, each with an entry from before it went; each answer in words has one, but for a full disk."""
    assert set(life.seen.frames) == {"DNS x.reached.example", "TCP 10.98.0.80:80"}
    assert life.seen.awake
    targets = {entry.target: entry.verdict for entry in life.seen.entries}
    assert life.requests
    assert all(targets[f"GET http://{request.removeprefix('GET ')}"] == "allow" for request in life.requests)
    denied = {
        number
        for phase, kind, number, answer in life.answers
        if kind == "tcp" and answer.startswith("HTTP/1.1 403") and "disk" not in phase
    }
    assert denied
    assert {f"GET http://203.0.113.50/{number}" for number in denied} <= {
        target for target, verdict in targets.items() if verdict == "deny"
    }
