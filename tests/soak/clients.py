"""The clients: good ones that keep what they were answered, and bad ones that never finish.

Each is a function that goes on until it is told to stop. A connection that breaks is no error of theirs: the proxy is
killed under them once. What they were answered must be in the ledger.
"""

import contextlib
import json
import random
import smtplib
import socket
import ssl
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import h2.connection
import h2.events

PAUSE = 0.04  # seconds between two calls of one client: there are other things to do on this machine
WAIT = 20.0
HOSTS = tuple(f"host-{number}.example" for number in range(60))
KEY = "Authorization: Bearer sk_test_soak\r\n"


@dataclass
class Tally:
    """What all clients together were answered. Appending is atomic in CPython."""

    stop: threading.Event = field(default_factory=threading.Event)
    created: list[str] = field(default_factory=list)  # ids of customers and of mail messages
    calls: list[str] = field(default_factory=list)  # ids of calls, from denials
    allowed: list[int] = field(default_factory=list)  # statuses of calls that a rule lets through
    answers: Counter[str] = field(default_factory=Counter)
    broken: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)  # answers that no rule explains


@dataclass(frozen=True)
class Way:
    """How a client gets out: through CONNECT, through SOCKS5, or, in a sealed sandbox, as if there were nothing."""

    ca: str
    http: tuple[str, int] | None = None
    socks: tuple[str, int] | None = None

    def open(self, host: str, port: int) -> socket.socket:
        """A connection to that host."""
        if self.socks is not None:
            sock = socket.create_connection(self.socks, WAIT)
            sock.sendall(b"\x05\x01\x00\x05\x01\x00\x03" + bytes([len(host)]) + host.encode() + struct.pack("!H", port))
            _exactly(sock, 12)
        elif self.http is not None:
            sock = socket.create_connection(self.http, WAIT)
            sock.sendall(f"CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())
            _head(sock)
        else:
            sock = socket.create_connection((host, port), WAIT)
        return sock

    def secure(self, host: str, *alpn: str) -> ssl.SSLSocket:
        """TLS to that host."""
        context = ssl.create_default_context(cafile=self.ca or None)
        if alpn:
            context.set_alpn_protocols(list(alpn))
        return context.wrap_socket(self.open(host, 443), server_hostname=host)


Client = Callable[[Way, Tally, random.Random], None]


def run(client: Client, way: Way, tally: Tally, seed: int) -> None:
    """One client until the end; whatever breaks is counted and begun again."""
    dice = random.Random(seed)
    while not tally.stop.is_set():
        try:
            client(way, tally, dice)
        except (OSError, EOFError, smtplib.SMTPException, ssl.SSLError) as error:
            tally.broken[f"{client.__name__}: {type(error).__name__}"] += 1
            time.sleep(PAUSE * 5)
        except Exception as error:  # noqa: BLE001 - an answer that can't be read is what is looked for
            tally.wrong.append(f"{client.__name__}: {error!r}")
            time.sleep(PAUSE * 5)
        time.sleep(PAUSE)


# good clients


def http(way: Way, tally: Tally, dice: random.Random) -> None:
    """Kept-alive plain HTTP: customers are created."""
    with contextlib.closing(way.open("api.stripe.com", 80)) as sock:
        _create(sock, tally, dice)


def https(way: Way, tally: Tally, dice: random.Random) -> None:
    """The same in TLS."""
    with contextlib.closing(way.secure("api.stripe.com", "http/1.1")) as sock:
        _create(sock, tally, dice)


def denied(way: Way, tally: Tally, dice: random.Random) -> None:
    """Many hosts that nobody knows: each answers with the id of its denial."""
    host = dice.choice(HOSTS)
    with contextlib.closing(way.secure(host, "http/1.1")) as sock:
        for _ in range(dice.randint(1, 5)):
            sock.sendall(f"GET /{dice.random()} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
            status, body = _reply(sock)
            _denial(status, body, tally, "https denied")


def http2(way: Way, tally: Tally, dice: random.Random) -> None:
    """Some streams at once, denied."""
    host = dice.choice(HOSTS)
    with contextlib.closing(way.secure(host, "h2")) as sock:
        assert sock.selected_alpn_protocol() == "h2"
        client = h2.connection.H2Connection()
        client.initiate_connection()
        bodies: dict[int, bytes] = {}
        for _ in range(dice.randint(1, 6)):
            stream = client.get_next_available_stream_id()
            bodies[stream] = b""
            fields = [(":method", "GET"), (":scheme", "https"), (":authority", host), (":path", "/x")]
            client.send_headers(stream, fields, end_stream=True)
        sock.sendall(client.data_to_send())
        left = len(bodies)
        while left:
            data = sock.recv(65536)
            if not data:
                raise EOFError
            for event in client.receive_data(data):
                if isinstance(event, h2.events.DataReceived):
                    bodies[event.stream_id] += event.data
                elif isinstance(event, h2.events.StreamEnded):
                    _denial(403, bodies[event.stream_id], tally, "h2 denied")
                    left -= 1
                elif isinstance(event, h2.events.StreamReset | h2.events.ConnectionTerminated):
                    raise EOFError  # noqa: TRY004 - the connection broke
            sock.sendall(client.data_to_send())


def mail(way: Way, tally: Tally, dice: random.Random) -> None:
    """A session with some messages."""

    class Client(smtplib.SMTP):
        def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
            return way.open(host, port)

    with Client("smtp.gmail.com", 587, timeout=WAIT) as client:
        if dice.random() < 0.3:
            context = ssl.create_default_context(cafile=way.ca or None)
            client.starttls(context=context)
        for number in range(dice.randint(1, 3)):
            client.ehlo_or_helo_if_needed()
            client.mail("agent@example.com")
            client.rcpt("people@example.com")
            code, text = client.data(f"Subject: soak {number}\r\n\r\n{dice.random()}\r\n".encode())
            assert code == 250, (code, text)
            tally.created.append(text.decode().split()[-1])
            tally.answers["mail"] += 1


def raw(way: Way, tally: Tally, dice: random.Random) -> None:
    """Protocols that are denied as raw TCP: a reset, or the proxy's own words."""
    host, port = dice.choice(HOSTS), dice.choice((22, 3306, 6379))
    try:
        with contextlib.closing(way.open(host, port)) as sock:
            sock.sendall(b"SSH-2.0-soak\r\n")
            assert not sock.recv(100), "raw TCP got through"
    except (OSError, EOFError):
        pass
    tally.answers["raw"] += 1


def names(way: Way, tally: Tally, dice: random.Random) -> None:
    """DNS queries over UDP: in a sealed sandbox alone, where the kernel sends them to us."""
    socket.getaddrinfo(dice.choice(HOSTS), 443, type=socket.SOCK_STREAM)
    tally.answers["dns"] += 1


def sentinel(port: int) -> Client:
    """Calls to a listener beside the proxy: one path is allowed, everything else must never reach it."""

    def allowed(way: Way, tally: Tally, dice: random.Random) -> None:
        with contextlib.closing(way.open("127.0.0.1", port)) as sock:
            for path in ("/allowed", f"/leak/{dice.random()}", "/allowed/../leak", "/leak%2fallowed"):
                sock.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
                status, body = _reply(sock)
                if path == "/allowed":
                    assert status == 200, (status, body)
                    tally.allowed.append(status)
                    tally.answers["allowed"] += 1
                else:
                    _denial(status, body, tally, "sentinel denied")

    return allowed


# bad clients: each holds a connection for a while, and says nothing that could be answered


def half_open(way: Way, tally: Tally, dice: random.Random) -> None:
    """A connection at some stage of its beginning, left there; at the end closed, reset or forgotten."""
    address = way.http or way.socks
    if address is None:
        return
    with contextlib.closing(socket.create_connection(address, WAIT)) as sock:
        for word in dice.choice(_BEGINNINGS):
            sock.sendall(word)
            time.sleep(dice.random() * 0.1)
        _linger(tally, dice.random() * 8)
        if dice.random() < 0.5:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    tally.answers["half open"] += 1


def slow_head(way: Way, tally: Tally, dice: random.Random) -> None:
    """A head byte by byte; most never end."""
    with contextlib.closing(way.open("api.stripe.com", 80)) as sock:
        for byte in b"GET /v1/customers HTTP/1.1\r\nHost: api.stripe.com\r\nX-Slow: " + b"a" * dice.randint(0, 200):
            sock.sendall(bytes([byte]))
            if _linger(tally, 0.05):
                return
    tally.answers["slow"] += 1


def slow_body(way: Way, tally: Tally, dice: random.Random) -> None:
    """A body that is announced and comes in drops, in TLS."""
    with contextlib.closing(way.secure("api.stripe.com", "http/1.1")) as sock:
        sock.sendall(b"POST /v1/customers HTTP/1.1\r\nHost: api.stripe.com\r\nContent-Length: 100000\r\n\r\n")
        for _ in range(dice.randint(1, 100)):
            sock.sendall(b"a")
            if _linger(tally, 0.1):
                return
    tally.answers["slow"] += 1


def slow_reader(way: Way, tally: Tally, dice: random.Random) -> None:
    """Many pipelined requests, and nobody who reads the answers."""
    with contextlib.closing(way.open(dice.choice(HOSTS), 80)) as sock:
        sock.settimeout(0.5)
        with contextlib.suppress(TimeoutError):
            for _ in range(200):
                sock.sendall(b"GET /unread HTTP/1.1\r\nHost: nobody.example\r\n\r\n")
        _linger(tally, dice.random() * 3)
    tally.answers["slow"] += 1


_BEGINNINGS: tuple[tuple[bytes, ...], ...] = (
    (b"",),
    (b"C", b"ON", b"NECT api"),
    (b"\x05",),
    (b"\x05\x01\x00", b"\x05\x01\x00\x03\x0bapi"),
    (b"CONNECT a.example:443 HTTP/1.1\r\n\r\n",),
    (b"CONNECT a.example:443 HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"x" * 30),
    (b"CONNECT a.example:25 HTTP/1.1\r\n\r\n", b"EHLO"),
    (b"GET http://a.example/ HTTP/1.1\r\n", b"Host: a.exa"),
    (b"\x00\xff" * 50,),
)


def _linger(tally: Tally, seconds: float) -> bool:
    return tally.stop.wait(seconds)


def _create(sock: socket.socket, tally: Tally, dice: random.Random) -> None:
    for _ in range(dice.randint(1, 20)):
        body = f"name={dice.random()}"
        head = f"POST /v1/customers HTTP/1.1\r\nHost: api.stripe.com\r\n{KEY}Content-Length: {len(body)}\r\n"
        sock.sendall(f"{head}Content-Type: application/x-www-form-urlencoded\r\n\r\n{body}".encode())
        status, answer = _reply(sock)
        assert status == 200, (status, answer)
        tally.created.append(json.loads(answer)["id"])
        tally.answers["customers"] += 1
        time.sleep(PAUSE)
        if tally.stop.is_set():
            return


def _denial(status: int, body: bytes, tally: Tally, kind: str) -> None:
    assert status == 403, (status, body)
    tally.calls.append(json.loads(body)["error"]["call"])
    tally.answers[kind] += 1


def _reply(sock: socket.socket) -> tuple[int, bytes]:
    head, rest = _head(sock)
    lines = head.lower().split(b"\r\n")
    length = next((int(line.partition(b":")[2]) for line in lines if line.startswith(b"content-length:")), 0)
    return int(head[9:12]), rest + _exactly(sock, length - len(rest))


def _head(sock: socket.socket) -> tuple[bytes, bytes]:
    got = b""
    while b"\r\n\r\n" not in got:
        chunk = sock.recv(65536)
        if not chunk:
            raise EOFError("closed before a whole reply")
        got += chunk
    head, _, rest = got.partition(b"\r\n\r\n")
    return head, rest


def _exactly(sock: socket.socket, size: int) -> bytes:
    got = b""
    while len(got) < size:
        chunk = sock.recv(size - len(got))
        if not chunk:
            raise EOFError("closed within a reply")
        got += chunk
    return got


@contextlib.contextmanager
def clients(work: list[tuple[Client, Way]], tally: Tally) -> Iterator[None]:
    """All of them at once, until the block ends."""
    threads = [
        threading.Thread(target=run, args=(client, way, tally, number), daemon=True)
        for number, (client, way) in enumerate(work)
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        tally.stop.set()
        for thread in threads:
            thread.join(WAIT * 2)
