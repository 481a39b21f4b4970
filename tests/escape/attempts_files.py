"""Attempts through the file system and other processes: `python attempts_files.py FOLDER STATE PACKAGE`."""

# What is tried are the system's own calls.
# ruff: noqa: PTH104, PTH108, PTH115, PTH118, PTH119, PTH120, PTH123, PTH202, PTH208, PTH211

import json
import os
import signal
import socket
import sys
from pathlib import Path

from inside import WAIT, attempt, libc, run, tried


def folder(*parts: str) -> str:
    return os.path.join(sys.argv[1], *parts)


def connected(name: str) -> str:
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(WAIT)
        sock.connect(name)
        return sock.recv(20).decode()


attempt(lambda: connected(folder("relative.sock")), "a_socket_bound_by_a_relative_path")
attempt(lambda: connected(folder("deep", "down", "agent.sock")), "a_socket_of_another_network_namespace")
attempt(lambda: connected("/tmp/.X11-unix/X0"), "x11")
attempt(lambda: connected("/var/run/docker.sock"), "docker")
attempt(lambda: connected("/run/systemd/private"), "systemd")
attempt(lambda: connected("\0" + folder()), "an_abstract_socket")


@attempt
def the_key_by_its_path() -> object:
    return os.listdir(sys.argv[2])


@attempt
def the_key_under_other_mounts() -> object:
    """Bind its parent elsewhere, lay an overlay over it, clone the tree: in namespaces of one's own, as their root."""
    reading, writing = os.pipe()
    if (pid := os.fork()) == 0:
        found = []
        uid = os.getuid()
        if libc.unshare(0x10000000 | 0x20000) == 0:
            tried(  # root of the namespace above may not be mapped; the capabilities are there all the same
                lambda: Path("/proc/self/setgroups").write_text("deny"),
                lambda: Path("/proc/self/uid_map").write_text(f"0 {uid} 1"),
            )
            parent = os.path.dirname(sys.argv[2]).encode()
            place = folder("place").encode()
            name = os.path.basename(sys.argv[2])
            upper, work = folder("upper").encode(), folder("work").encode()
            options = b"lowerdir=" + parent + b",upperdir=" + upper + b",workdir=" + work
            for mount in (
                lambda: libc.mount(parent, place, None, 4096, None),
                lambda: libc.mount(parent, place, None, 4096 | 16384, None),
                lambda: libc.mount(b"overlay", place, b"overlay", 0, b"lowerdir=" + parent + b":" + upper),
                lambda: libc.mount(b"overlay", place, b"overlay", 0, options),
                lambda: libc.umount2(sys.argv[2].encode(), 2),
                lambda: libc.syscall(428, -100, parent, 1),  # open_tree(OPEN_TREE_CLONE)
            ):
                result = mount()
                try:
                    found += os.listdir(folder("place", name))
                    if result > 2:
                        found += os.listdir(f"/proc/self/fd/{result}/{name}")
                except OSError:
                    pass
                libc.umount2(place, 2)
            found += os.listdir(sys.argv[2])
        os.write(writing, json.dumps(found).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as file:
        text = file.read()
    os.waitpid(pid, 0)
    return json.loads(text)


@attempt
def the_key_through_the_first_process() -> object:
    return tried(
        lambda: os.readlink("/proc/1/fd/0"),
        lambda: os.listdir("/proc/1/root/" + sys.argv[2]),
        lambda: os.listdir("/proc/1/cwd"),
        lambda: open("/proc/1/mem", "rb"),
        lambda: open("/proc/1/environ", "rb"),
        lambda: os.readlink("/proc/1/ns/net"),
    )


@attempt
def the_record() -> object:
    file = folder("box.db")
    return [
        os.path.getsize(file),
        *tried(
            lambda: open(file, "ab"),
            lambda: os.unlink(file),
            lambda: os.rename(file, file + "2"),
            lambda: os.link(file, folder("link")),
            lambda: os.truncate(file, 0),
            lambda: open(file + "-wal", "ab"),
        ),
    ]


@attempt
def what_judges_the_next_run() -> object:
    own = {
        "configuration": folder("childproof.yaml"),
        "rules": folder("rules.yaml"),
        "included": folder("included.yaml"),
        "stub": folder("mystubs", "acme", "stub.yaml"),
    }
    # Of the installed package only what would leave it whole if it came through.
    installed = {"package": os.path.join(sys.argv[3], "cli", "run.py")}
    return {
        **{
            name: tried(lambda file=file: open(file, "a"), lambda file=file: os.rename(file, folder("moved")))
            for name, file in own.items()
        },
        **{name: tried(lambda file=file: open(file, "a")) for name, file in installed.items()},
    }


@attempt
def the_reports_file() -> object:
    return tried(
        lambda: os.unlink(folder("report.txt")), lambda: os.symlink(folder("elsewhere.txt"), folder("report.txt"))
    )


@attempt
def descriptors() -> object:
    return sorted(int(name) for name in os.listdir("/proc/self/fd"))[3:]


@attempt
def killing_the_first_process() -> object:
    return tried(lambda: os.kill(1, signal.SIGKILL), lambda: os.kill(1, signal.SIGSTOP), lambda: os.kill(1, 15))


@attempt
def the_hosts_processes() -> object:
    return sorted(int(name) for name in os.listdir("/proc") if name.isdigit())[:1]


run()
