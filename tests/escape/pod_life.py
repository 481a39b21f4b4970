"""A pod's proxy through a life full of trouble: `python pod_life.py` beside the sinkhole, while a client keeps trying.

The client is a container of the pod, an ordinary user. It writes what each of its calls came to, with the phase of that
life; `life.json` says what became of the proxy. Calls to an address are denied, those to `reached.example` are allowed.
"""

import json
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from childproof.escape import talk, ways
from childproof.escape.attempts.files import in_a_copy
from childproof.escape.pod import STORE, Pod, wait_until_ready
from childproof.escape.sinkhole import HOST
from childproof.escape.talk import asked, datagram, exchange, fetch, get, post
from childproof.sandbox.fence.redirection import PROXY_UID

PLACE = "203.0.113.50"
GOOD = f"""
version: 1
rules:
  - name: reached
    match: {{host: "*.reached.example", path: /public/**}}
    allow: {{addresses: [{HOST}/32]}}
"""
BROKEN = "version: 1\nrules:\n  - name: all\n    match: {host: '**'}\n    allow: everything\n"
UNANSWERED = ("no descriptors", "stopped", "no memory", "port taken")  # phases in which a client waits in vain
SLOW = 40  # seconds that the slowest machine may take for a phase
PORTS = ((socket.SOCK_STREAM, 15001), (socket.SOCK_DGRAM, 15053), (socket.SOCK_STREAM, 15053))
MEMORY = (  # of cgroups, version 1 and 2: a folder, and the file for a limit
    (Path("/sys/fs/cgroup/memory"), "memory.limit_in_bytes"),
    (Path("/sys/fs/cgroup"), "memory.max"),
)
MORE = 24 << 20  # bytes of memory that the proxy may take beyond what it has: less than three of the bodies


# --- the client


def said(make):
    try:
        return make()[:40].splitlines()[0]
    except (OSError, IndexError) as error:
        return type(error).__name__


def client():
    way, number, taken = ways.Direct({}), 0, []
    with Path("answers.txt").open("a", buffering=1) as out, ThreadPoolExecutor(40) as pool:
        while (phase := Path("phase").read_text()) != "end":
            number += 1
            ways.WAIT = talk.WAIT = 0.3 if phase in UNANSWERED else 10
            calls = {
                "tcp": partial(exchange, way, PLACE, 80, get(PLACE, f"/{number}")),
                "udp": partial(datagram, PLACE, 4433),
                "dns": partial(asked, f"call{number}.example", 16),
                "allowed": partial(fetch, way, "x.reached.example", f"/public/{number}"),
            }
            if phase == "port taken" and not taken:
                taken = [listener(host, *port) for port in PORTS for host in ("127.0.0.1", "::1")]
            elif phase != "port taken":
                while taken:
                    taken.pop().close()
            if phase == "no descriptors":
                list(pool.map(said, [calls["tcp"]] * 40))
            if phase == "no memory":
                list(pool.map(said, [partial(exchange, way, PLACE, 80, post(PLACE, "/", bytes(9 << 20)))] * 8))
            if phase in UNANSWERED:
                del calls["allowed"]  # a name to resolve first: a second of nothing
            for kind, call in calls.items():
                answer = said(call)
                if Path("phase").read_text() == phase:
                    out.write(json.dumps([phase, kind, number, answer]) + "\n")
            time.sleep(0.01)


def listener(host, kind, port):
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, kind)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind((host, port))
    if kind == socket.SOCK_STREAM:
        sock.listen()
    return sock


# --- the proxy's life


def limit(process, kind, soft):
    """Set a soft limit of the proxy's, as its own user, who may; what it was."""

    def as_its_user():
        os.setgid(PROXY_UID)
        os.setuid(PROXY_UID)
        before = resource.prlimit(process, kind)
        resource.prlimit(process, kind, (soft, before[1]))
        return str(before[0])

    return int(in_a_copy(as_its_user))


class Life:
    def __init__(self, folder):
        self.told = {}
        self.folder = folder
        self.disk = folder / "volume"
        self.pod = Pod.prepare(folder, rules=GOOD)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m,uid=15001,gid=15001", "none", self.disk], check=True)
        self.enter("not yet up")
        no_right = self.pod.init(capabilities=frozenset())
        self.told["init without the right to"] = [no_right.returncode, no_right.stderr]
        assert self.pod.init().returncode == 0
        app = self.pod.app(uid=1000, gid=1000)
        self.client = app.start([sys.executable, __file__, "client"])
        self.proxy = None

    def enter(self, phase, rounds=0):
        """Begin a phase, and wait until the client has made all of its calls in it so often."""
        place = self.folder / "app" / "phase"
        place.with_suffix(".new").write_text(phase)
        place.with_suffix(".new").rename(place)
        give_up = time.monotonic() + SLOW
        while len(self.answers(phase, "dns" if phase in UNANSWERED else "allowed")) < rounds:
            assert self.client.poll() is None, phase
            assert time.monotonic() < give_up, phase
            time.sleep(0.01)

    def answers(self, phase, kind):
        file = self.folder / "app" / "answers.txt"
        lines = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
        return [line[3] for line in lines if line[:2] == [phase, kind]]

    def until_works(self, phase):
        """Begin a phase that must end with a call that is judged and one that arrives."""
        self.enter(phase, 1)
        give_up = time.monotonic() + SLOW
        while not (
            self.answers(phase, "tcp")[-1].startswith("HTTP/1.1 403") and self.answers(phase, "allowed")[-1].startswith("HTTP/1.1 200")
        ):  # fmt: skip
            assert time.monotonic() < give_up, phase
            self.enter(phase, len(self.answers(phase, "allowed")) + 1)

    def start(self, phase):
        self.enter(f"before {phase}", 1)
        self.proxy = self.pod.start()
        wait_until_ready(self.proxy, self.folder / "said.txt")
        self.until_works(phase)

    def ended(self, number=0):
        if number:
            self.proxy.send_signal(number)
        return self.proxy.wait(SLOW)

    def reload(self, rules):
        place = self.folder / "config" / "rules.yaml"
        place.with_suffix(".new").write_text(rules)
        place.with_suffix(".new").rename(place)
        self.proxy.send_signal(signal.SIGHUP)

    def live(self):
        self.enter("not yet up", 2)
        self.start("up")

        for number in range(6):
            self.enter(f"reload {number}")
            self.reload(BROKEN if number % 2 == 0 else GOOD)
            self.enter(f"reload {number}", 2)

        opened = len(list(Path(f"/proc/{self.proxy.pid}/fd").iterdir()))
        before = limit(self.proxy.pid, resource.RLIMIT_NOFILE, opened)
        self.enter("no descriptors", 1)
        limit(self.proxy.pid, resource.RLIMIT_NOFILE, before)
        self.until_works("descriptors again")

        with (self.disk / "filler").open("wb", buffering=0) as filler:
            try:
                while True:
                    filler.write(bytes(4096))
            except OSError:
                pass
        self.enter("full disk", 6)
        self.enter("disk again")
        (self.disk / "filler").unlink()
        self.until_works("disk again")

        self.told["stop"] = self.ended(signal.SIGTERM)
        self.enter("ended", 2)

        self.start("restarted")
        self.proxy.send_signal(signal.SIGSTOP)
        self.enter("stopped", 1)
        self.proxy.send_signal(signal.SIGCONT)
        self.until_works("continued")

        self.ended(signal.SIGKILL)
        self.enter("killed", 2)

        self.start("risen")
        self.told["memory"] = self.limit_memory()
        self.enter("no memory", 1)
        self.told["after no memory"] = self.proxy.poll()
        if self.proxy.poll() is None:
            self.ended(signal.SIGKILL)

        self.enter("port taken", 1)
        self.proxy = self.pod.start()
        self.told["start at a port that is taken"] = self.ended()
        self.start("in the end")
        self.enter("end")
        self.client.wait(SLOW)
        self.told["end"] = self.ended(signal.SIGTERM)

    def limit_memory(self):
        """Which of the ways to limit it there is."""
        for folder, name in MEMORY:
            group = folder / f"childproof-{os.getpid()}"
            try:
                group.mkdir()
            except OSError:
                continue
            try:
                used = int(Path(f"/proc/{self.proxy.pid}/statm").read_text().split()[1]) * resource.getpagesize()
                # Version 1 counts what is taken from now on.
                (group / name).write_text(str(MORE + (used if name == "memory.max" else 0)))
                (group / "cgroup.procs").write_text(str(self.proxy.pid))
            except OSError:
                group.rmdir()
                continue
            self.group = group
            return "cgroup"
        size = int(Path(f"/proc/{self.proxy.pid}/statm").read_text().split()[0]) * resource.getpagesize()
        limit(self.proxy.pid, resource.RLIMIT_AS, size + MORE)
        return "address space"


def main():
    life = Life(Path.cwd())
    try:
        life.live()
    finally:
        if life.proxy is not None and life.proxy.poll() is None:
            life.ended(signal.SIGKILL)
        life.client.kill()
        life.client.wait()
        sys.stderr.write(life.pod.said())
        Path("life.json").write_text(json.dumps(life.told))
        subprocess.run(f"cp {life.disk}/{STORE}* .", shell=True, check=False)
        group = getattr(life, "group", None)
        if group is not None:
            group.rmdir()


if __name__ == "__main__":
    client() if sys.argv[1:] == ["client"] else main()
