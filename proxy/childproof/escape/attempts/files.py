"""Lines 7 and 8: the file system, other processes, and the fence itself."""

import ctypes
import os
import signal
import socket
from collections.abc import Callable
from functools import partial

from childproof.escape.outside import furnish, route
from childproof.escape.table import UNCONTAINED, Absent, Closed, add, attempt
from childproof.escape.talk import tried
from childproof.escape.ways import WAIT, Way
from childproof.sandbox.netfilter.netlink import NETLINK_NETFILTER, Message, Netlink, attribute, text, u32

libc = ctypes.CDLL(None, use_errno=True)
_NEWNS, _NEWUSER, _NEWNET = 0x20000, 0x10000000, 0x40000000
_BIND, _REC, _DETACH = 4096, 16384, 2
_REFUSED = Closed(("refused",))  # no call is made: there is nothing to record
_NOT_MOUNTED = Closed(("FileNotFoundError",))
_OWN_FIRST = Absent("the first process is the client's own: a container's processes see no others, see 7f")


@attempt("7a", direct=_REFUSED, proxied=UNCONTAINED, shared=_NOT_MOUNTED)
def the_record(way: Way) -> str:
    """The database and its log: to read, to change, to remove."""
    file = way.given["db"]
    size = os.path.getsize(file)
    return f"{size} bytes are there" if size else tried(
        lambda: open(file, "ab"),
        lambda: os.unlink(file),
        lambda: os.rename(file, file + "2"),
        lambda: os.link(file, file + ".link"),
        lambda: os.truncate(file, 0),
        lambda: open(file + "-wal", "ab"),
    )  # fmt: skip


@attempt("7b", direct=_REFUSED, proxied=UNCONTAINED)
def what_judges_the_next_run(way: Way) -> str:
    """The rule file: to change, to put another in its place."""
    file = way.given["rules"]
    return tried(lambda: open(file, "a"), lambda: os.rename(file, file + ".moved"), lambda: os.unlink(file))


@attempt("7c", direct=_REFUSED, proxied=UNCONTAINED)
def the_package_itself(way: Way) -> str:
    """What the next run executes."""
    return tried(lambda: open(way.given["package"] + "/cli/run.py", "a"))


@attempt("7d", direct=Closed(("[]",)), proxied=UNCONTAINED, shared=_NOT_MOUNTED)
def the_key(way: Way) -> str:
    """Where it lies, as the caller sees it."""
    return str(os.listdir(way.given["state"]))


@attempt("7d", direct=Closed(("[]",)), proxied=UNCONTAINED)
def the_key_under_other_mounts(way: Way) -> str:
    """Bind its parent elsewhere, take the cover off: in namespaces of one's own, as their root."""
    state, place = way.given["state"], way.given["folder"] + "/place"
    seen = (f"{place}/{os.path.basename(state)}", state)

    def look() -> list[str]:
        return [name for folder in seen if os.path.isdir(folder) for name in os.listdir(folder)]

    def mounted() -> str:
        if libc.unshare(_NEWUSER | _NEWNS) != 0:
            return "[]"
        found = []
        for flags in (_BIND, _BIND | _REC):
            libc.mount(os.path.dirname(state).encode(), place.encode(), None, flags, None)
            found += look()
            libc.umount2(place.encode(), _DETACH)
        libc.umount2(state.encode(), _DETACH)
        return str(found + look())

    return in_a_copy(mounted)


@attempt("7e", direct=_REFUSED, proxied=UNCONTAINED, shared=_OWN_FIRST)
def the_first_process(way: Way) -> str:
    """Its files, its memory, its environment, its network."""
    return tried(
        lambda: os.readlink("/proc/1/fd/0"),
        lambda: os.listdir("/proc/1/root/" + way.given["state"]),
        lambda: os.listdir("/proc/1/cwd"),
        lambda: open("/proc/1/mem", "rb"),
        lambda: open("/proc/1/environ", "rb"),
        lambda: os.readlink("/proc/1/ns/net"),
    )


@attempt("7e", direct=Closed(("alive",)), proxied=UNCONTAINED, shared=_OWN_FIRST)
def killing_the_first_process(way: Way) -> str:
    """A signal is sent and has no effect: this attempt could not tell otherwise."""
    if os.readlink("/proc/self/ns/pid") == way.given["pid_namespace"]:
        return "the machine's own first process: left alone"
    tried(*(partial(os.kill, 1, number) for number in (signal.SIGTERM, signal.SIGSTOP, signal.SIGKILL)))
    return "alive"


# --- the fence


@attempt("8a", direct=_REFUSED, proxied=UNCONTAINED)
def nft_flush_ruleset(way: Way) -> str:
    """Delete every table, as `nft flush ruleset` asks the kernel to; and the one by its name."""
    del way

    def delete(name: str) -> None:
        header = bytes([1, 0, 0, 0])  # NFPROTO_INET, version 0, resource 0
        messages = [
            Message(0x10, 0, bytes([0, 0, 0, 10]), acknowledged=False),  # NFNL_MSG_BATCH_BEGIN for nftables
            Message(10 << 8 | 2, 0, header + (text(1, name) if name else b"")),  # NFT_MSG_DELTABLE
            Message(0x11, 0, bytes([0, 0, 0, 10]), acknowledged=False),
        ]
        with Netlink(NETLINK_NETFILTER) as netlink:
            netlink.ask(messages)

    return tried(partial(delete, ""), partial(delete, "childproof"))


@attempt("8b", direct=_REFUSED, proxied=UNCONTAINED)
def ip_route_add(way: Way) -> str:
    """A route, an address, a device."""
    del way
    gateway = attribute(5, socket.inet_aton("10.99.0.2"))

    def device() -> None:
        with Netlink(socket.NETLINK_ROUTE) as netlink:
            netlink.ask([Message(16, 0x600, bytes(16) + text(3, "out") + attribute(19, u32(1)))])

    return tried(
        partial(route, gateway, family=socket.AF_INET, table=254, kind=1),
        partial(furnish, "lo", "10.99.0.3"),
        device,
    )


@attempt("8c", direct=Closed(("nothing there",)), proxied=UNCONTAINED)
def a_namespace_of_its_own(way: Way) -> str:
    """With all capabilities over it, and no device in it but its own `lo`."""

    def dialled() -> str:
        if libc.unshare(_NEWUSER | _NEWNET) != 0:
            return "nothing there: no namespace"
        try:
            way.dial("203.0.113.36", 80)
        except OSError:
            return "nothing there"
        return "connected"

    return in_a_copy(dialled)


@attempt("8d", direct=_REFUSED, proxied=UNCONTAINED)
def another_processes_namespace(way: Way) -> str:
    """`nsenter`: of the first process, and of whatever a descriptor or a mount still names."""
    del way

    def enter(path: str) -> None:
        with open(path, "rb") as file:
            if libc.setns(file.fileno(), _NEWNET) != 0:
                raise OSError(ctypes.get_errno(), path)

    return tried(partial(enter, "/proc/1/ns/net"), partial(enter, "/run/netns/out"))


def in_a_copy(act: Callable[[], str]) -> str:
    """What it says in a process of its own, so that nothing of it stays."""
    reading, writing = os.pipe()
    if (pid := os.fork()) == 0:
        try:
            os.write(writing, act().encode())
        except Exception as error:  # noqa: BLE001 (a copy of this process must not go on)
            os.write(writing, repr(error).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as file:
        said = file.read()
    os.waitpid(pid, 0)
    return said


def _connected(way: Way, name: str) -> str:
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(WAIT)
        sock.connect(name.format(**way.given))
        return sock.recv(20).decode()


_NOBODY = Closed(("ConnectionRefusedError", "FileNotFoundError", "PermissionError"))
for _part, _name, _path in (
    ("8e", "docker", "/var/run/docker.sock"),
    ("8e", "podman", "/run/podman/podman.sock"),
    ("8e", "containerd", "/run/containerd/containerd.sock"),
    ("8f", "a_socket_in_a_folder", "{folder}/agent.sock"),
    ("8f", "x11", "/tmp/.X11-unix/X0"),  # noqa: S108 (where X has it)
    ("8f", "systemd", "/run/systemd/private"),
    ("8f", "the_system_bus", "/run/dbus/system_bus_socket"),
    ("8g", "an_abstract_socket", "\0{folder}"),
):
    _shared = (
        Absent("tried by name: every abstract socket that the network namespace has") if _part == "8g" else _NOBODY
    )
    add(_part, _name, partial(_connected, name=_path), direct=_NOBODY, proxied=UNCONTAINED, shared=_shared)
