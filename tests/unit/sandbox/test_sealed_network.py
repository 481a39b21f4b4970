"""From inside, every address answers and none is reached: what leads where, and what is refused."""

import socket
import threading

import pytest

pytestmark = pytest.mark.sealed

DIAL = """
def dial(address, port, family=None):
    family = family or (socket.AF_INET6 if ":" in address else socket.AF_INET)
    with socket.socket(family, socket.SOCK_STREAM) as s:
        s.settimeout(10)
        try:
            s.connect((address, port))
            return s.makefile().readline().strip()
        except OSError as error:
            return type(error).__name__
"""
ADDRESSES = [
    ("203.0.113.7", 4444),
    ("169.254.169.254", 80),
    ("10.0.0.1", 22),
    ("100.64.0.1", 6379),
    ("192.168.1.1", 3306),
    ("2606:4700::1", 443),
    ("fd00:ec2::254", 80),
    ("64:ff9b::808:808", 853),
    ("2002:808:808::1", 25),
]


def test_tcp_to_any_address_arrives_at_the_listener_with_its_destination(sealer):
    outcome = sealer.script(DIAL + f"for a, p in {ADDRESSES!r}: print(dial(a, p))")
    assert outcome.code == 0, outcome.err
    assert outcome.out.splitlines() == [f"{address} {port}" for address, port in ADDRESSES]
    assert outcome.tcp == [list(pair) for pair in ADDRESSES]


@pytest.mark.parametrize("spelling", ["::ffff:8.8.4.4", "0x08080404", "134743044", "010.8.4.4", "8.8.1028"])
def test_other_spellings_of_an_address_lead_to_the_same_listener(sealer, spelling):
    outcome = sealer.script(DIAL + f"print(dial({spelling!r}, 443))")
    assert outcome.tcp == [["8.8.4.4", 443]]


def test_a_link_local_address_with_a_zone_is_ours_too(sealer):
    outcome = sealer.script("""
        s = socket.create_connection(("fe80::1%lo", 81), 10); print(s.makefile().readline().strip())
    """)
    assert outcome.out.strip() == "fe80::1 81", outcome.err


def test_udp_is_refused_at_once_and_recorded_once_a_flow(sealer):
    outcome = sealer.script("""
        for address in ("203.0.113.9", "2606:4700::9"):
            s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
            s.settimeout(10)
            s.connect((address, 443))
            for attempt in range(3):
                try:
                    s.send(b"quic")
                    s.recv(10)
                except OSError as error:
                    print(type(error).__name__)
    """)
    assert outcome.out.split() == ["ConnectionRefusedError"] * 6, outcome.err
    assert outcome.refused == [["udp", "203.0.113.9", 443], ["udp", "2606:4700::9", 443]]


def test_a_ping_is_refused_and_recorded(sealer):
    outcome = sealer.script("""
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP)
        s.settimeout(10)
        s.connect(("9.9.9.9", 0))
        s.send(bytes([8, 0, 0, 0, 0, 0, 0, 0]))
        try:
            s.recv(10)
            print("answered")
        except OSError as error:
            print(error.strerror)
    """)
    assert outcome.out.strip() not in ("", "answered", "timed out"), outcome.err
    assert outcome.refused == [["icmp", "9.9.9.9", 0]]


def test_dns_is_answered_whoever_is_asked_and_however(sealer):
    outcome = sealer.script("""
        for server in ("192.0.2.53", "8.8.8.8", "127.0.0.53", "2001:4860:4860::8888"):
            family = socket.AF_INET6 if ":" in server else socket.AF_INET
            for connected in (True, False):
                s = socket.socket(family, socket.SOCK_DGRAM)
                s.settimeout(10)
                if connected:
                    s.connect((server, 53)); s.send(b"q")
                else:
                    s.sendto(b"q", (server, 53))
                data, peer = s.recvfrom(100)
                print(data.decode(), peer[0] == server, peer[1])
    """)
    assert outcome.out.splitlines() == ["answer:q True 53"] * 8, outcome.err
    assert outcome.dns == ["q"] * 8
    assert outcome.refused == []


def test_dns_over_tcp_arrives_with_its_port(sealer):
    outcome = sealer.script(DIAL + "print(dial('1.1.1.1', 53)); print(dial('127.0.0.53', 53))")
    assert outcome.out.splitlines() == ["1.1.1.1 53", "127.0.0.53 53"]


def test_the_resolver_of_the_c_library_asks_us(sealer):
    outcome = sealer.script("""
        try:
            socket.getaddrinfo("api.stripe.com", 443)
        except OSError:
            pass
    """)
    assert any("stripe" in query for query in outcome.dns)


def test_loopback_belongs_to_the_sandbox(sealer):
    outcome = sealer.script("""
        for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
            server = socket.socket(family); server.bind((address, 80)); server.listen()
            client = socket.create_connection(server.getsockname()[:2], 10)
            server.accept()[0].sendall(b"own"); print(client.recv(10).decode())
        u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); u.bind(("127.0.0.1", 0)); u.settimeout(10)
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"udp", u.getsockname()); print(u.recv(10).decode())
    """)
    assert outcome.out.split() == ["own", "own", "udp"], outcome.err
    assert (outcome.tcp, outcome.refused) == ([], [])


def test_services_on_the_hosts_loopback_are_out_of_reach(sealer):
    touched = []
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_server(("::1", 0), family=socket.AF_INET6) as server6,
        socket.socket(socket.AF_UNIX) as abstract,
    ):
        abstract.bind(f"\0childproof-test-{server.getsockname()[1]}")
        abstract.listen()
        for listening in (server, server6, abstract):
            listening.settimeout(0.2)

            def accept(listening=listening):
                try:
                    listening.accept()
                    touched.append(listening)
                except OSError:
                    pass

            threading.Thread(target=accept, daemon=True).start()
        outcome = sealer.script(
            DIAL
            + f"""
print(dial("127.0.0.1", {server.getsockname()[1]}))
print(dial("::1", {server6.getsockname()[1]}))
try:
    socket.socket(socket.AF_UNIX).connect({abstract.getsockname()!r})
    print("connected")
except OSError as error:
    print(type(error).__name__)
"""
        )
    assert outcome.out.split() == ["ConnectionRefusedError"] * 3, outcome.err
    assert touched == []


def test_our_own_listeners_can_not_be_dialled_directly(sealer):
    outcome = sealer.script("""
        ports = set()
        for table in ("tcp6", "tcp", "udp", "udp6"):
            for line in list(open(f"/proc/net/{table}"))[1:]:
                ports.add((table[:3], int(line.split()[1].split(":")[1], 16)))
        print(len(ports))
        for kind, port in sorted(ports):
            for address in ("127.0.0.1", "::1", "192.0.2.1"):
                family = socket.AF_INET6 if ":" in address else socket.AF_INET
                s = socket.socket(family, socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM)
                s.settimeout(10)
                try:
                    s.connect((address, port))
                    s.send(b"x")
                    s.recv(1)
                    print("answered")
                except OSError as error:
                    print(type(error).__name__)
    """)
    assert outcome.out.split() == ["2"] + ["ConnectionRefusedError"] * 6, outcome.err
    assert outcome.tcp == []
    assert {flow[0] for flow in outcome.refused} == {"tcp", "udp"}


@pytest.mark.parametrize(
    ("family", "kind", "protocol"),
    [(40, 1, 0), (17, 3, 0), (31, 1, 0), (29, 3, 1)],
    ids=["vsock", "packet", "bluetooth", "can"],
)
def test_socket_families_that_pass_by_the_network_namespace_are_refused(sealer, family, kind, protocol):
    outcome = sealer.script(f"""
        try:
            socket.socket({family}, {kind}, {protocol})
            print("made")
        except OSError as error:
            import errno
            print(errno.errorcode[error.errno])
    """)
    assert outcome.out.strip() == "EAFNOSUPPORT"


def test_raw_sockets_are_refused(sealer):
    outcome = sealer.script("""
        try:
            socket.socket(socket.AF_INET, socket.SOCK_RAW, 255)
            print("made")
        except PermissionError:
            print("refused")
    """)
    assert outcome.out.strip() == "refused"
