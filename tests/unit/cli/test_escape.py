"""The doctor's escape report, with the sessions replaced; tests/clients and tests/escape make real ones."""

import json
import os
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from childproof.cli import escape as module
from childproof.cli.doctor import doctor
from childproof.errors import ChildproofError
from childproof.escape.session import NoNamespaces, Session, results, run_group
from childproof.escape.table import ATTEMPTS, Closed, Manner
from childproof.escape.topology import TOPOLOGIES
from childproof.ledger import Entry
from childproof.model import replace


def entry(target: str, verdict: str, reason: str) -> Entry:
    return Entry(
        id="call_1", world="main", sandbox="", seq=1, at=0, world_at=0, protocol="http", target=target, host="", port=0,
        method="", path="", verdict=verdict, rule=None, reason=reason, stub=None, operation=None, fidelity=None, status=403,
        duration_us=1, request=None, reply=None, changes=(), effects=(),
    )  # fmt: skip


def held(topology: str, user: str) -> Session:
    """A session in which everything went as it must."""
    answers, entries, requests = {}, [], []
    for attempt in ATTEMPTS.values():
        ending = attempt.endings[TOPOLOGIES[topology].manner]
        if isinstance(ending, Closed):
            answers[attempt.name] = ending.answers[0]
            entries.append(entry(ending.record, ending.verdict, ""))
            requests += ending.reached
    return Session(topology, user, answers, tuple(entries), (), tuple(requests), ("UDP 203.0.113.7:4444",), 0, "")


@pytest.fixture
def report(monkeypatch):
    def run(session, *options, uid=0):
        monkeypatch.setattr(module, "run_session", session)
        monkeypatch.setattr(module.os, "getuid", lambda: uid)
        return CliRunner().invoke(doctor, ["--escape", *options])

    return run


def changed(**fields):
    return lambda topology, user: replace(held(topology, user), **fields)


def test_everything_stopped_and_recorded_exits_with_0(report):
    result = report(held)
    assert result.exit_code == 0, result.output
    assert "✗" not in result.output
    assert result.output.count(" 0 not, ") == len(TOPOLOGIES)
    assert "open; a client that leaves the proxy out is not seen" in result.output


def test_json_has_every_attempt_with_its_line_answer_and_record(report):
    found = json.loads(report(held, "--json").output)
    assert found["held"] is True
    assert [one["topology"] for one in found["topologies"]] == list(TOPOLOGIES)
    for one in found["topologies"]:
        lines = {attempt["line"] for attempt in one["attempts"]} | {int(x["part"][:-1]) for x in one["not_tried"]}
        assert lines == set(range(1, 33))
        assert {"part", "attempt", "tried", "result", "answer", "record", "fault"} <= set(one["attempts"][0])


def test_one_topology_can_be_asked_for_and_an_unknown_one_is_refused(report):
    found = json.loads(report(held, "--json", "--topology", "pod").output)
    assert [one["topology"] for one in found["topologies"]] == ["pod"]
    result = report(held, "--topology", "pot")
    assert (result.exit_code, "'pot' is not one of sealed, explicit, pod" in result.output) == (2, True)


def test_what_takes_root_is_not_tried_without_and_said_so(report):
    result = report(held, uid=1000)
    assert result.exit_code == 0, result.output
    assert "not tried: pod, pod-defaults: only root" in result.output
    found = json.loads(report(held, "--json", uid=1000).output)
    assert [one["topology"] for one in found["topologies"]] == ["sealed", "explicit"]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"frames": ("TCP 203.0.113.1:80",)}, "the sinkhole saw TCP 203.0.113.1:80"),
        ({"entries": ()}, "no entry with"),
        ({"answers": {}}, "the session ended before"),
        ({"requests": ("GET somewhere.example/",)}, "an allowed host got GET somewhere.example/"),
        ({"control": ()}, "the sinkhole slept"),
        ({"code": 3, "said": "broken"}, "the session ended with 3: broken"),
    ],
    ids=["leak", "unrecorded", "unanswered", "allowed too much", "asleep", "broken"],
)
def test_what_got_out_or_is_not_on_record_exits_with_1(report, fields, said):
    result = report(changed(**fields))
    assert result.exit_code == 1
    assert said in result.output


def test_an_answer_that_is_no_refusal_is_a_fault_of_its_attempt():
    session = held("sealed", "root")
    session.answers["a_raw_socket"] = "HTTP/1.1 200 OK"
    faults = {result.attempt.name for result in results(session) if result.fault}
    assert faults == {"a_raw_socket"}


def test_what_this_machine_has_not_is_no_fault():
    session = held("sealed", "root")
    session.answers["sctp"] = "OSError: [Errno 93] Protocol not supported"
    [result] = [result for result in results(session) if result.attempt.name == "sctp"]
    assert (result.absent, result.fault) == (True, "")


def test_a_machine_without_namespaces_says_so_and_exits_with_1(report):
    def refuse(topology, user):
        raise NoNamespaces("unshare: Operation not permitted")

    result = report(refuse)
    assert result.exit_code == 1
    assert "no namespaces to try in: unshare: Operation not permitted" in result.output
    assert json.loads(report(refuse, "--json").output)["held"] is False


def test_every_manner_has_a_topology():
    assert {topology.manner for topology in TOPOLOGIES.values()} == set(Manner)


def test_attempts_that_take_too_long_are_ended_with_all_that_they_started(tmp_path):
    command = ["sh", "-c", "sleep 600 & echo $! > child; sleep 600"]
    with pytest.raises(ChildproofError, match="took longer than 1 s and were ended"):
        run_group(command, tmp_path, os.environ, 1)
    child = int((tmp_path / "child").read_text())
    status = Path(f"/proc/{child}/stat")
    give_up = time.monotonic() + 30
    while alive(status) and time.monotonic() < give_up:
        time.sleep(0.01)
    assert not alive(status)


def alive(status: Path) -> bool:
    try:
        return ") Z " not in status.read_text()
    except OSError:
        return False
