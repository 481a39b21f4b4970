"""Runs in a network namespace of its own: redirects it in every way, tries everything, and prints what came of it as JSON.

As a real root: the proxy's user must exist beside others.
"""

import contextlib
import io
import json
import multiprocessing
import os
import socket
import struct
import sys
import threading
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

from neighbour import ECHO, FAR, FAR6, HERE, HERE6, THERE, THERE6, TOKEN, Neighbour
from redirected_attempts import attempt, everything_quietly, everything_raw, leak, packet_sockets

from childproof.capture.original import DestinationUnknown, original_destination
from childproof.cli.main import main
from childproof.errors import SandboxError
from childproof.escape import outside
from childproof.sandbox.fence import initiating, installing, proving, redirection
from childproof.sandbox.fence.redirection import Redirection
from childproof.sandbox.fence.refusaltables import RefusalTables
from childproof.sandbox.netfilter import nft
from childproof.sandbox.netfilter.netlink import NETLINK_NETFILTER, Message, Netlink, attribute, attributes, text

PROXY, SOMEBODY = 15001, 1000
RESOLVERS = (IPv4Address(THERE), IPv6Address(THERE6))


def as_user(uid, run, *arguments, **more):
    """What `run` returns in a process of that user without a capability, but NET_RAW for root."""
    ours, theirs = os.pipe()
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            if uid:
                os.setgroups([])
                os.setresgid(uid, uid, uid)
                os.setresuid(uid, uid, uid)
            else:
                without_admin()
            with os.fdopen(theirs, "w") as out:
                json.dump(run(*arguments, **more), out)
            code = 0
        finally:
            os._exit(code)
    os.close(theirs)
    with os.fdopen(ours) as said:
        answer = json.load(said)
    os.waitpid(pid, 0)
    return answer


def without_admin():
    """Root as a container may have it: NET_RAW and nothing else."""
    low = 1 << 13
    assert outside.libc.capset(struct.pack("=Ii", 0x20080522, 0), struct.pack("=6I", low, low, 0, 0, 0, 0)) == 0


def control(marker):
    """What the proxy may do and nobody else: ask the resolver."""

    def ask():
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.sendto(marker, (THERE, 53))

    as_user(PROXY, ask)


def listener(address, port):
    return socket.create_server((address, port), family=socket.AF_INET6 if ":" in address else socket.AF_INET)


def accept_and_tell(server, told):
    while True:
        client, _ = server.accept()
        with client:
            try:
                told.append(list(original_destination(client)))
            except DestinationUnknown as error:
                told.append(str(error))
            with contextlib.suppress(OSError):
                client.sendall(client.recv(100) + b" by the proxy")


def repeat(sock):
    while True:
        data, client = sock.recvfrom(100)
        sock.sendto(data, client)


class Proxy:
    """Listeners in a process of their own: what arrives is told at the end."""

    def __init__(self, *tcp, names=()):
        self.told = []
        self._pipe, theirs = multiprocessing.Pipe()
        self._tcp, self._names = tcp, names
        self._pid = os.fork()
        if self._pid == 0:
            try:
                self._serve(theirs)
            finally:
                os._exit(0)
        self._pipe.recv()

    def _serve(self, pipe):
        told = []
        for address, port in self._tcp:
            threading.Thread(target=accept_and_tell, args=(listener(address, port), told), daemon=True).start()
        for address in self._names:
            sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
            sock.bind((address, 15053))
            threading.Thread(target=repeat, args=(sock,), daemon=True).start()
        pipe.send("ready")
        pipe.recv()
        pipe.send(told)

    def __enter__(self):
        return self.told

    def __exit__(self, *exception):
        self._pipe.send("end")
        self.told += self._pipe.recv()
        os.waitpid(self._pid, 0)


def rules_in_kernel():
    """Family, chain and handle of each of our rules."""
    with Netlink(NETLINK_NETFILTER) as netlink:
        for body in installing._ours(netlink, installing._GET_RULE):
            found = dict(attributes(body[4:]))
            yield body[0], found[2].rstrip(b"\0").decode(), int.from_bytes(found[3], "big")


def delete(rules):
    """Each as (family, chain, handle), in one transaction."""
    bodies = [
        struct.pack("!BBH", family, 0, 0)
        + text(1, redirection.TABLE)
        + text(2, chain)
        + attribute(3, handle.to_bytes(8, "big"))
        for family, chain, handle in rules
    ]
    with Netlink(NETLINK_NETFILTER) as netlink:
        netlink.ask(nft.batch([Message(10 << 8 | 8, 0, body) for body in bodies]))


def taken_away(wanted):
    """Take rules away, one of each chain: what is noticed then. And each rule alone, as far as the comparison goes."""
    ruleset, _ = initiating._for_this_kernel(wanted)
    with Netlink(NETLINK_NETFILTER) as netlink:
        chains, rules = installing._dumped(netlink)
    alone = [
        f"rule {number} of {name}"
        for (family, name), found in rules.items()
        for number in range(len(found))
        if not list(
            installing._compared(ruleset, dict(chains), {**rules, (family, name): found[:number] + found[number + 1 :]})
        )
    ]
    before = installing.differences(ruleset)
    last = {(family, chain): handle for family, chain, handle in rules_in_kernel()}
    delete([(*place, handle) for place, handle in last.items()])
    return {
        "before": before,
        "alone": alone,
        "after": installing.differences(ruleset),
        "chains": [name for _, name in last],
    }


def shared(neighbour):
    wanted = Redirection(uid=PROXY, resolvers=RESOLVERS)
    told = {}
    for place in (THERE, THERE6):  # so that nothing waits for a neighbour's address
        assert attempt(socket.SOCK_STREAM, place, ECHO) == TOKEN.decode()
    neighbour.saw(control)
    as_user(0, leak)
    told["without"] = neighbour.saw(control)
    old = socket.create_connection((THERE, ECHO), 5)
    idle = socket.create_connection((THERE6, ECHO), 5)
    idle.sendall(b"echo")
    told["no rules"] = list(initiating.check(wanted).faults)
    told["outcome"] = outcome(initiating.install(wanted))
    told["root"] = as_user(0, everything_raw)
    told["somebody"] = as_user(SOMEBODY, everything_quietly)
    for sock in (old, idle):
        with contextlib.suppress(OSError):
            sock.sendall(TOKEN)
    told["saw"] = neighbour.saw(control)
    told["flows"] = as_user(PROXY, flows)
    with Proxy(("127.0.0.1", 15001), ("::1", 15001), names=("127.0.0.1", "::1")) as arrived:
        told["redirected"] = {a: as_user(SOMEBODY, attempt, socket.SOCK_STREAM, a, 8443) for a in (FAR, FAR6, THERE)}
        told["arrived"] = arrived
        told["names"] = {
            a: as_user(SOMEBODY, attempt, socket.SOCK_DGRAM, a, 53)
            for a in (FAR, FAR6, THERE, "127.0.0.11", "127.0.0.53", "::1")
        }
        told["docker's other port"] = as_user(SOMEBODY, attempt, socket.SOCK_DGRAM, "127.0.0.11", 40000)
        told["dialled directly"] = as_user(SOMEBODY, attempt, socket.SOCK_STREAM, "127.0.0.1", 15001)
        told["check as somebody"] = as_user(SOMEBODY, lambda: outcome(initiating.check(wanted)))
        told["check as the proxy"] = as_user(PROXY, lambda: outcome(initiating.check(wanted)))
    with Proxy(("0.0.0.0", 15001), ("::1", 15001), ("0.0.0.0", 8080)):
        told["from outside"] = [neighbour.ask("talk", HERE, 15001, b"x"), neighbour.ask("talk", HERE6, 15001, b"x")]
        told["served"] = neighbour.ask("talk", HERE, 8080, b"x").decode()
        told["own address"] = as_user(SOMEBODY, attempt, socket.SOCK_STREAM, HERE, 8080)
    told["proxy"] = as_user(PROXY, everything_quietly)
    told["proxy's names"] = as_user(PROXY, attempt, socket.SOCK_DGRAM, FAR, 53)
    neighbour.saw(control)
    told["gap"] = under_traffic(neighbour, wanted)
    told["taken away"] = taken_away(wanted)
    initiating.install(wanted)
    docker = (redirection.DOCKER,)
    told["docker's resolver"] = [
        outcome(initiating.check(Redirection(resolvers=docker)))["warnings"],
        outcome(initiating.check(Redirection(uid=None, resolvers=docker, to=RESOLVERS)))["warnings"],
    ]
    told["without admin"] = as_user(0, refused_install)
    told["nobody"] = nobody(neighbour)
    told["removed"] = [initiating.remove(), initiating.remove()]
    as_user(0, leak)
    told["after removal"] = neighbour.saw(control)
    return told


def outcome(found):
    return {
        "rules": found.rules,
        "compared": found.compared,
        "faults": list(found.faults),
        "warnings": list(found.warnings),
        "attempts": {one.tried: one.result for one in found.attempts},
    }


def flows():
    found, lost = [], []
    tables = RefusalTables(lambda *flow: found.append(flow), lambda: lost.append(True))
    while tables.read():
        pass
    first = len(found)
    tables.read()
    return {"found": sorted(set(found)), "again": len(found) - first, "lost": len(lost)}


def refused_install():
    try:
        initiating.install(Redirection())
    except SandboxError as error:
        return f"{error.exit_code} {error}"
    return "installed"


def under_traffic(neighbour, wanted):
    """Install again and again while somebody sends all the time."""
    stop = threading.Event()

    def send():
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            while not stop.is_set():
                with contextlib.suppress(OSError):
                    sock.sendto(TOKEN, (THERE, 9999))
                attempt(socket.SOCK_STREAM, THERE, ECHO)

    whole, _ = initiating._for_this_kernel(wanted)
    thread = threading.Thread(target=send)
    thread.start()
    for number in range(4):
        installing.install(whole)
        installing.install(redirection.chains(Redirection(uid=PROXY + number, resolvers=RESOLVERS)))
    initiating.install(wanted)
    stop.set()
    thread.join()
    return neighbour.saw(control)


def nobody(neighbour):
    initiating.install(Redirection(uid=None, closed=(15000,)))
    told = {"proxy": as_user(PROXY, everything_quietly)}
    with Proxy(("0.0.0.0", 15000)):
        told["closed"] = [as_user(SOMEBODY, attempt, socket.SOCK_STREAM, a, 15000) for a in ("127.0.0.1", HERE)]
        told["open outside"] = neighbour.ask("talk", HERE, 15000, b"x").decode()
    with Proxy(("0.0.0.0", 8081)):  # an answer may leave still: this one is what was asked
        told["saw"] = neighbour.saw(lambda marker: neighbour.ask("talk", HERE, 8081, marker))
    return told


def elsewhere(neighbour):
    told = {}
    for name, to_port in (("one port", 15001), ("kept ports", 0)):
        initiating.install(Redirection(uid=None, to=RESOLVERS, to_port=to_port))
        neighbour.ask("taken")
        told[name] = {a: as_user(SOMEBODY, attempt, socket.SOCK_STREAM, a, 8443) for a in (FAR, FAR6)}
        told[f"{name} names"] = [
            as_user(SOMEBODY, attempt, socket.SOCK_DGRAM, a, 53) for a in (FAR, FAR6, "127.0.0.11")
        ]
        told[f"{name} taken"] = neighbour.ask("taken")
        neighbour.saw(lambda marker: as_user(SOMEBODY, attempt, socket.SOCK_STREAM, FAR, 8443, send=marker))
    told["udp"] = [as_user(user, attempt, socket.SOCK_DGRAM, a) for user in (0, PROXY) for a in (FAR, FAR6, THERE)]
    told["frames"] = as_user(0, packet_sockets)
    told["saw"] = neighbour.saw(lambda marker: as_user(SOMEBODY, attempt, socket.SOCK_STREAM, FAR, 8443, send=marker))
    initiating.install(Redirection(uid=None, to=(IPv4Address(THERE),), to_port=15001), name="proxy.example")
    told["only IPv4"] = as_user(SOMEBODY, attempt, socket.SOCK_STREAM, FAR6, 8443)
    told["noted"] = [str(a) for a in initiating.addresses_of("proxy.example", lambda name: ())]
    told["other name"] = [str(a) for a in initiating.addresses_of("other.example", lambda name: ())]
    initiating.remove()
    return told


def gateway(neighbour):
    initiating.install(Redirection(uid=PROXY, gateway=True, kept=(15021,)))
    with Proxy(("0.0.0.0", 15001), (HERE6, 15001), ("0.0.0.0", 15021)) as arrived:
        talked = [
            neighbour.ask("talk", a, p, b"x").decode()
            for a, p in ((HERE, 8443), (HERE6, 25), (HERE, 15001), (HERE, 15021))
        ]
        told = {"talked": talked, "arrived": arrived}
    initiating.remove()
    return told


def cli(*arguments):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main(["init", *arguments])
        except SystemExit as end:
            return {"code": end.code, "out": out.getvalue(), "err": err.getvalue()}
    return None


def commands():
    told = {
        "first": cli(),
        "again": cli("--uid", "20000"),
        "other options": cli("--check"),
        "closed": cli("--close", "15000", "--uid", "20000"),
        "closed check": [cli("--check", "--uid", "20000"), cli("--check", "--uid", "20000", "--close", "15000")],
        "restored": cli("--uid", "20000"),
        "same options": cli("--check", "--uid", "20000", "--json"),
        "to": cli("--to", f"{THERE}:1234", "--json"),
        "keep": cli("--to", f"[{THERE6}]", "--keep-ports"),
        "wrong": [
            cli("--to", "no host"),
            cli("--to", "x.invalid"),
            cli("--to", "[::1]"),
            cli("--keep", "80"),
            cli("--gateway", "--to", THERE),
            cli("--uid", "0"),
            cli("--gateway", "--keep", "80", "--keep-ports"),
            cli("--close", "15001"),
            cli("--close", "15000", "--to", THERE),
        ],
        "remove": cli("--remove"),
        "remove again": cli("--remove", "--json"),
        "nothing there": cli("--check"),
    }
    told["without admin"] = as_user(0, cli)
    return told


def without_ipv6(neighbour):
    for name in ("all", "default", "out", "lo"):
        Path(f"/proc/sys/net/ipv6/conf/{name}/disable_ipv6").write_text("1")
    found = outcome(initiating.install(Redirection(uid=PROXY, resolvers=RESOLVERS)))
    tried = as_user(0, everything_raw)
    return {"outcome": found, "tried": tried, "saw": neighbour.saw(control)}


proving._SECONDS = 0.2  # nobody answers sooner or later
outside.check(outside.libc.unshare(outside._NEWNET | outside._NEWNS), "unshare")
outside.check(outside.libc.mount(b"none", b"/", None, 16384 | (1 << 18), None), "making / private")
NEIGHBOUR = Neighbour()
json.dump(
    {
        "shared": shared(NEIGHBOUR),
        "elsewhere": elsewhere(NEIGHBOUR),
        "gateway": gateway(NEIGHBOUR),
        "cli": commands(),
        "without IPv6": without_ipv6(NEIGHBOUR),
    },
    sys.stdout,
)
