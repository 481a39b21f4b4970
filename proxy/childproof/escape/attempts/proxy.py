"""Lines 3c, 9 and 10: the proxy as a target, as a relay, and in trouble."""

from pathlib import Path

from childproof.escape.table import AROUND, NO_PROXY, UNCONTAINED, Absent, Closed, Elsewhere, add, attempt
from childproof.escape.talk import exchange, get, said
from childproof.escape.ways import Proxied, Way

_STATES = "tests/escape/test_proxy_states.py::test_"


@attempt(
    "3c",
    direct=Closed(("refused",), "tcp has no way out"),
    proxied=Absent("it is the proxy's port that a client is meant to speak to; as a relay: 10a"),
    shared=Absent("tried by name: the proxy's ports are known"),
)
def the_listener_itself(way: Way) -> str:
    """Its port stands in /proc/net: the only socket that listens at first."""
    answers = set()
    for line in Path("/proc/net/tcp6").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[3] != "0A":
            continue
        port = int(fields[1].rpartition(":")[2], 16)
        for address in ("127.0.0.1", "::1", "192.0.2.1", "2001:db8::1"):
            try:
                answers.add(exchange(way, address, port, get("api.stripe.com")))
            except OSError as error:
                answers.add(type(error).__name__)
    return "refused" if answers == {"ConnectionRefusedError"} else str(answers)


@attempt("10a", direct=NO_PROXY, proxied=Closed(("refused",), "GET http://127.0.0.1:"))
def connect_to_the_proxy_itself(way: Way) -> str:
    """By loopback in both families, by name, by the machine's own address; in a tunnel and by an absolute URI."""
    assert isinstance(way, Proxied)
    port = way.given["http"][1]
    answers = []
    for host in ("127.0.0.1", "[::1]", "localhost", "10.99.0.1", "0.0.0.0"):
        place = f"{host}:{port}"
        with way.open() as sock:
            head = way.connect(sock, place.encode())
            answers.append(said(sock, get(place)) if head.startswith("HTTP/1.1 200") else head)
        with way.open() as sock:
            answers.append(said(sock, get(place, f"http://{place}/")))
    return "refused" if all(answer.startswith("HTTP/1.1 403") for answer in answers) else str(answers)


@attempt("10a", direct=NO_PROXY, proxied=Closed(("HTTP/1.1 405",), "CONNECT inside a connection"))
def a_tunnel_to_the_proxy_through_the_proxy(way: Way) -> str:
    """A tunnel to its own port, and in it the wish for another one."""
    host, port = way.given["http"]
    return exchange(way, host, port, b"CONNECT x.allowed.example:80 HTTP/1.1\r\nHost: x.allowed.example:80\r\n\r\n")


@attempt("10b", Closed(("HTTP/1.1 403",), "GET http://127.0.0.1:8081/v1/worlds"), direct=Absent("loopback inside belongs to the sandbox's own processes"))  # fmt: skip
def connect_to_a_control_port(way: Way) -> str:
    """A port on which an administration interface would listen."""
    return exchange(way, "127.0.0.1", 8081, get("127.0.0.1:8081", "/v1/worlds"))


@attempt("10c", Closed(("HTTP/1.1 403",), "GET http://[::1]:9/"), direct=Absent("loopback inside belongs to the sandbox's own processes"))  # fmt: skip
def connect_to_loopback(way: Way) -> str:
    """What listens on the machine for the machine only."""
    return exchange(way, "::1", 9, get("[::1]:9"))


_REACH = "tests/control/test_reach.py::test_"
add(
    "7h",
    "the_control_api",
    None,
    direct=Elsewhere(f"{_REACH}a_sealed_command_reaches_neither_socket_nor_port"),
    proxied=UNCONTAINED,
    shared=Elsewhere("tests/unit/run/config/test_controladdress.py::test_beyond_the_loopback_there_has_to_be_a_token"),
)
add(
    "7h",
    "a_socket_of_the_control_api_that_appears_later",
    None,
    direct=Elsewhere(f"{_REACH}a_socket_that_appears_later_answers_no_sealed_command"),
    proxied=UNCONTAINED,
    shared=Absent("a container sees the sockets that its manifest mounts"),
)
_no_rule = Elsewhere(f"{_REACH}no_rule_leads_to_the_api")
add("10b", "a_control_port_that_a_rule_names", None, direct=_no_rule, proxied=_no_rule)

_IN_A_POD = "tests/escape/test_pod_states.py::test_"
for _part, _name in (
    ("9a", "an_engine_that_is_killed"),
    ("9b", "an_engine_that_is_stopped"),
    ("9c", "a_proxy_that_starts"),
    ("9d", "a_reload"),
    ("9e", "no_memory"),
    ("9f", "no_descriptors"),
    ("9g", "a_full_disk"),
):
    _held = Elsewhere(f"{_STATES}{_name}_lets_nothing_through")
    add(
        _part,
        _name,
        None,
        direct=Absent("`childproof run` reads its rules once") if _part == "9d" else _held,
        proxied=_held,
        shared=Elsewhere(f"{_IN_A_POD}{_name}_lets_nothing_through"),
    )

add(
    "9h",
    "an_init_step_that_fails",
    None,
    direct=Elsewhere(f"{_STATES}a_machine_that_can_not_seal_runs_nothing"),
    proxied=Absent("there is no redirection"),
    shared=Elsewhere(f"{_IN_A_POD}an_init_step_that_fails_says_so"),
)
add(
    "9i",
    "a_port_that_somebody_took",
    None,
    direct=Absent("its listeners are made in the sandbox before its first process, and end with it"),
    proxied=AROUND,
    shared=Elsewhere(f"{_IN_A_POD}a_port_that_somebody_took_lets_nothing_through"),
)
add(
    "9j",
    "a_proxy_that_is_ended",
    None,
    direct=Absent("the sandbox ends with it"),
    proxied=Absent("nobody answers: see 9a"),
    shared=Elsewhere(f"{_IN_A_POD}a_proxy_that_is_ended_lets_nothing_through"),
)
