"""The proxy killed, stopped, starting, reloading, out of memory, descriptors or disk: traffic fails closed."""

import sys
from pathlib import Path

import pytest

from tests.escape.beside import CHILDPROOF, HERE, Seen, beside_the_sinkhole

pytestmark = pytest.mark.sealed
BOTH = pytest.mark.parametrize("topology", ["sealed", "explicit"])


def troubled(folder: Path, topology: str, state: str, user: str = "ordinary") -> tuple[Seen, list[str]]:
    seen = beside_the_sinkhole(folder, user, sys.executable, str(HERE / "states.py"), topology, state)
    assert seen.code == 0, seen.err
    assert seen.frames == []
    assert seen.awake
    assert seen.recorded("GET http://call1.example/")
    answers = (folder / "answers.txt").read_text().splitlines()
    assert not [answer for answer in answers if answer.startswith("HTTP/1.1 2")]
    return seen, answers


def works_again(answers: list[str]) -> bool:
    return any(answer.startswith("HTTP/1.1 403") for answer in answers[-6:])


@BOTH
def test_an_engine_that_is_killed_lets_nothing_through(tmp_path: Path, topology: str) -> None:
    """Sealed, everything inside dies with it; where a proxy was asked, nobody answers."""
    _, answers = troubled(tmp_path, topology, "killed")
    if topology == "explicit":
        assert answers[-1] == "ConnectionRefusedError"


@BOTH
def test_an_engine_that_is_stopped_lets_nothing_through(tmp_path: Path, topology: str) -> None:
    """Connections are accepted by the kernel at most, and nobody answers them."""
    troubled(tmp_path, topology, "stopped")


def test_a_reload_lets_nothing_through(tmp_path: Path) -> None:
    """Good rules and broken ones in turn, while calls are made: each is denied, and each reload is an event."""
    seen, answers = troubled(tmp_path, "explicit", "reloading")
    assert works_again(answers)
    assert {answer[:12] for answer in answers} == {"HTTP/1.1 403"}
    assert "the rules were read again" in seen.err
    assert "the rules stay as they were" in seen.err


@BOTH
def test_no_memory_lets_nothing_through(tmp_path: Path, topology: str) -> None:
    """Bodies that there is no room for: afterwards calls are judged again, or the proxy has ended and nothing is."""
    _, answers = troubled(tmp_path, topology, "no_memory")
    assert works_again(answers) or (tmp_path / "ended").exists(), answers[-20:]


@BOTH
def test_no_descriptors_lets_nothing_through(tmp_path: Path, topology: str) -> None:
    """More connections than there are descriptors; afterwards calls are judged again."""
    _, answers = troubled(tmp_path, topology, "no_descriptors")
    assert works_again(answers), answers[-20:]


@BOTH
def test_a_full_disk_lets_nothing_through(tmp_path: Path, topology: str) -> None:
    """What can't be recorded isn't let through, although a rule allows it; it is told, and ends with the space."""
    seen, answers = troubled(tmp_path, topology, "full_disk", "privileged")
    assert works_again(answers), answers[-20:]
    assert "denied without a record" in seen.err


@BOTH
def test_a_proxy_that_starts_lets_nothing_through(tmp_path: Path, topology: str) -> None:
    """Broken rules: nothing starts, neither the command inside nor a port."""
    (tmp_path / "rules.yaml").write_text("version: 1\nrules: [{name: all}]\n")
    command = [*CHILDPROOF, "run" if topology == "sealed" else "serve", "--db", "box.db", "--rules", "rules.yaml"]
    if topology == "sealed":
        command += ["--", "touch", "started"]
    seen = beside_the_sinkhole(tmp_path, "ordinary", *command)
    assert seen.code == 2
    assert "nothing was started" in seen.err
    assert not (tmp_path / "started").exists()
    assert seen.frames == []


def test_a_machine_that_can_not_seal_runs_nothing(tmp_path: Path) -> None:
    """User namespaces used up, as a kernel's limit has it: the command is never started."""
    limit = "/proc/sys/user/max_net_namespaces"
    script = f"echo 0 > {limit} || exit 77; exec " + " ".join(
        [*CHILDPROOF, "run", "--db", "box.db", "--", "touch", "started"]
    )
    seen = beside_the_sinkhole(tmp_path, "privileged", "unshare", "-Ur", "sh", "-c", script)
    if seen.code == 77:
        pytest.skip(f"the limit can't be set here: {seen.err}")
    assert "can't seal a command" in seen.err
    assert not (tmp_path / "started").exists()
    assert seen.frames == []


def test_an_allowed_call_arrives_while_nothing_is_wrong(tmp_path: Path) -> None:
    """The control of these tests: while nothing is wrong, the same client's allowed call does arrive."""
    script = (
        "from childproof.escape.talk import fetch; from childproof.escape.ways import Direct;"
        "print(fetch(Direct({}), 'x.reached.example', '/public/x')[:12])"
    )
    (tmp_path / "rules.yaml").write_text(
        'version: 1\nrules: [{name: r, match: {host: "*.reached.example"}, allow: {addresses: [10.98.0.80/32]}}]\n'
    )
    command = [*CHILDPROOF, "run", "--db", "box.db", "--rules", "rules.yaml", "--", sys.executable, "-c", script]
    seen = beside_the_sinkhole(tmp_path, "ordinary", *command)
    assert "HTTP/1.1 200" in seen.out, seen.err
    assert seen.frames == ["DNS x.reached.example", "TCP 10.98.0.80:80"]
