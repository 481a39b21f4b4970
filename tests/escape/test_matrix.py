"""The escape matrix, whole: every attempt, in every topology, as root and as an ordinary user, beside the sinkhole."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

from childproof.escape.lines import AREAS, LINES, PARTS, line_of
from childproof.escape.session import NoNamespaces, Result, Session, results, run_session, whole
from childproof.escape.table import ATTEMPTS, Absent, Closed, Elsewhere, Manner, Open
from childproof.escape.topology import TOPOLOGIES
from tests.escape.beside import once
from tests.escape.table import page

ROOT = Path(__file__).parents[2]
RUNS = [(topology.name, user) for topology in TOPOLOGIES.values() for user in topology.users]
sealed = pytest.mark.sealed


def made(topology: str) -> list[str]:
    manner = TOPOLOGIES[topology].manner
    return [one.part for one in ATTEMPTS.values() if one.make and isinstance(one.endings[manner], Closed)]


@pytest.fixture(scope="session")
def session(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Session | str:
    topology, user = request.param

    def make(_: Path) -> Session | str:
        try:
            return run_session(topology, user)
        except NoNamespaces as error:
            return str(error)

    found, _ = once(tmp_path_factory, f"matrix-{topology}-{user}", make)
    return found


def there(session: Session | str) -> Session:
    if isinstance(session, str):
        pytest.skip(session)
    return session


@pytest.fixture(scope="session")
def stopped(session: Session | str) -> tuple[Result, ...]:
    return () if isinstance(session, str) else tuple(results(session))


@sealed
@pytest.mark.parametrize("session", RUNS, indirect=True, ids="-".join)
def test_nothing_left_but_what_rules_allow(session: Session | str) -> None:
    """Not one frame, and of what is allowed exactly the requests that the table names; the sinkhole was awake."""
    assert whole(there(session)) == ""


@sealed
@pytest.mark.parametrize(
    ("session", "line"),
    [(run, line) for run in RUNS for line in sorted({line_of(part) for part in made(run[0])})],
    indirect=["session"],
    ids=lambda value: str(value) if isinstance(value, int) else "-".join(value),
)
def test_each_attempt_of_a_line_is_stopped_and_on_record(
    session: Session | str, stopped: tuple[Result, ...], line: int
) -> None:
    """The client saw a refusal in its protocol's words, and an entry says what was tried; or this machine has no such thing."""
    there(session)
    its = [result for result in stopped if line_of(result.attempt.part) == line]
    assert its
    assert {result.attempt.name: result.fault for result in its if result.fault} == {}


@sealed
@pytest.mark.parametrize("session", RUNS, indirect=True, ids="-".join)
def test_figures_of_the_ledger_agree_with_the_sinkhole(session: Session | str) -> None:
    """What was not allowed has no query, no connection and no byte to its name."""
    for entry in there(session).entries:
        left = entry.upstream
        assert entry.verdict == "allow" or (left.dns, left.connections, left.bytes_out) == (0, 0, 0), entry.target


def test_every_part_of_the_matrix_has_an_attempt() -> None:
    """A line without one would be a promise without a test."""
    assert sorted(LINES) == list(range(1, 33))
    assert sorted(line for area in AREAS.values() for line in area) == list(range(1, 33))
    assert {attempt.part for attempt in ATTEMPTS.values()} == set(PARTS)
    assert {line_of(part) for part in PARTS} == set(LINES)


@pytest.mark.parametrize("part", PARTS)
def test_a_part_is_tried_or_excused_in_each_manner(part: str) -> None:
    """Where nothing is tried, a reason says why."""
    for manner in Manner:
        endings = [attempt.endings[manner] for attempt in ATTEMPTS.values() if attempt.part == part]
        assert endings
        assert all(ending.why for ending in endings if isinstance(ending, (Open, Absent)))


@pytest.mark.parametrize("test", sorted({e.test for a in ATTEMPTS.values() for e in a.endings.values() if isinstance(e, Elsewhere)}))  # fmt: skip
def test_a_test_that_the_table_names_is_there(test: str) -> None:
    file, _, name = test.partition("::")
    tree = ast.parse((ROOT / file).read_text())
    assert name.partition("[")[0] in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_an_attempt_that_is_stopped_says_what_is_recorded() -> None:
    """A record may be missing only where no call was made: a socket, a file or a variable that could not be had."""
    silent = {
        attempt.part
        for attempt in ATTEMPTS.values()
        for ending in attempt.endings.values()
        if isinstance(ending, Closed) and not ending.record
    }
    files = {"31c", "7a", "7b", "7c", "7d", "7e", "7f", "7g", "8e", "8f", "8g", "8i"}
    sockets = {"5e", "5f", "5g", "8a", "8b", "8c", "8d", "8h"}
    # What reaches nobody, not even the proxy: bound to a device, from an address that isn't here, to the pod itself.
    to_nobody = {"1f", "1g", "3b", "3c", "5c", "5h", "6f"}
    assert silent <= files | sockets | to_nobody


# Without a fence: what shows that the attempts would get out, and that the sinkhole would see it. Nothing that touches
# files or processes.
UNFENCED = ["a_raw_socket", "quic", "udp_over_ipv6", "dns_txt", "a_direct_resolver", "dns_over_tcp", "port_22", "smc", "ping", "one_resolution_a_call", "a_datagram_bound_to_a_device", "a_frame", "a_raw_packet", "an_answer_to_a_forged_datagram", "an_answer_to_a_forged_connection", "an_error_for_a_forged_datagram", "loopback_by_a_device_over_ipv6", "everybody_on_the_link", "a_multicast_membership", "a_neighbours_address"]  # fmt: skip
BARE = f"""
import json
from childproof.escape import ways
ways.WAIT = 0.3
from childproof.escape import attempts, talk
from childproof.escape.table import ATTEMPTS
from childproof.escape.ways import Direct
print(json.dumps(talk.run({{name: ATTEMPTS[name].make for name in {UNFENCED}}}, Direct({{}}))))
"""


@sealed
def test_the_same_attempts_get_out_where_there_is_no_fence(tmp_path: Path) -> None:
    """The control of the whole matrix: the sinkhole sees each of them, and its host is reached."""
    done = subprocess.run(
        [sys.executable, "-m", "childproof.escape.outside", sys.executable, "-c", BARE],
        cwd=tmp_path, capture_output=True, text=True, timeout=110, check=False,
    )  # fmt: skip
    if done.returncode:
        pytest.skip(f"this kernel gives no namespaces: {done.stderr}")
    seen = json.loads(done.stdout.splitlines()[-1])
    assert {"TCP 203.0.113.1:80", "UDP 203.0.113.30:443", "UDP [2606:4700::31]:123"} <= set(seen["during"]), done.stdout
    assert {"DNS c4nary-0f-the-test.txt.tunnel.example", "TCP 9.9.9.9:53", "TCP 203.0.113.20:22"} <= set(seen["during"])
    assert {"UDP 203.0.113.64:4464", "UDP 203.0.113.65:4465", "ethertype 0x88b5"} <= set(seen["during"])
    assert {"UDP [2001:db8:77::1]:4477", "TCP [2001:db8:77::1]:4477", "IP protocol 58 to [2606:4700::66]"} <= set(
        seen["during"]
    )
    assert {"IP protocol 58 to [2001:db8:77::1]", "UDP [::1]:4464", "UDP 255.255.255.255:4464"} <= set(seen["during"])
    assert {"ARP 10.99.0.77", "neighbour fd00:99::4d65:7373:6167"} <= set(seen["during"])
    assert any(frame.startswith("multicast listener of ff15::") for frame in seen["during"])
    assert seen["requests"] == ["GET once.reached.example/public/once"]


def test_the_page_says_what_the_table_says() -> None:
    """`python -m tests.escape.table > docs/escapes.md` writes it anew."""
    assert (ROOT / "docs/escapes.md").read_text() == page()
