"""A proxy in trouble: `python states.py TOPOLOGY STATE` beside the sinkhole, while a client keeps trying.

The client writes what it saw into `answers.txt`, a line each. Calls are denied by the rules, so that nothing may arrive
anywhere; in the state `full_disk` the client makes calls that a rule allows, once there is no room to record them.
"""

import json
import re
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from childproof.escape import ways

ways.WAIT = 1  # before the others read it

from childproof.escape.sinkhole import HOST  # noqa: E402
from childproof.escape.talk import asked, datagram, exchange, fetch, get, post  # noqa: E402

CHILDPROOF = [sys.executable, "-m", "childproof"]
GOOD = """
version: 1
rules:
  - name: reached
    match: {host: "*.reached.example", path: /public/**}
    allow: {addresses: [%s/32]}
"""
SLOW = 40  # seconds that the slowest machine may take for a few calls
clients: list[subprocess.Popen[str]] = []  # the last is the one whose end is the end of answers
BROKEN = "version: 1\nrules:\n  - name: all\n    match: {host: '**'}\n    allow: everything\n"


def said(make: Callable[[], str]) -> str:
    try:
        return make()[:40].splitlines()[0]
    except (OSError, IndexError, ways.Refused) as error:
        return type(error).__name__


def client(topology: str, ports: str) -> None:
    """Try until told to stop: calls, and where nothing stands in between, datagrams and names too."""
    way = ways.Direct({}) if topology == "sealed" else ways.Proxied(json.loads(ports))
    with Path("answers.txt").open("a", buffering=1) as out, ThreadPoolExecutor(40) as pool:
        number = 0
        while not Path("stop").exists():
            number += 1
            host = f"call{number}.example"
            out.write(said(partial(exchange, way, host, 80, get(host))) + "\n")
            if topology == "sealed":
                out.write(said(partial(datagram, "203.0.113.50", 4433)) + "\n")
                out.write(said(partial(asked, host, 16)) + "\n")
            for name, count, request in (
                ("big", 8, post("big.example", "/", bytes(9 << 20))),
                ("many", 40, get("many.example")),
            ):
                if Path(name).exists():
                    call = partial(exchange, way, f"{name}.example", 80, request)
                    out.writelines(answer + "\n" for answer in pool.map(said, [call] * count))
            if Path("allowed").exists():
                out.write(said(partial(fetch, way, "x.reached.example", "/public/x")) + "\n")
            time.sleep(0.01)


# --- states


def killed(process: subprocess.Popen[str]) -> None:
    process.kill()


def stopped(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGSTOP)
    time.sleep(0.7)
    process.kill()


def no_memory(process: subprocess.Popen[str]) -> None:
    """Room for half a body more than is taken now."""
    size = int(Path(f"/proc/{process.pid}/statm").read_text().split()[0]) * resource.getpagesize()
    limited(process, resource.RLIMIT_AS, size + (4 << 20), "big")


def no_descriptors(process: subprocess.Popen[str]) -> None:
    """Not one more than are open now."""
    limited(process, resource.RLIMIT_NOFILE, len(list(Path(f"/proc/{process.pid}/fd").iterdir())), "many")


def limited(process: subprocess.Popen[str], kind: int, soft: int, what: str) -> None:
    before = resource.prlimit(process.pid, kind)
    resource.prlimit(process.pid, kind, (soft, before[1]))
    Path(what).touch()
    more_answers(30)
    Path(what).unlink()
    if process.poll() is not None:
        Path("ended").touch()
        return
    resource.prlimit(process.pid, kind, before)
    recovered()


def full_disk(process: subprocess.Popen[str]) -> None:
    with Path("disk/filler").open("wb", buffering=0) as filler:
        try:
            while True:
                filler.write(bytes(4096))
        except OSError:
            pass
    time.sleep(0.3)
    Path("allowed").touch()
    more_answers(20)
    Path("allowed").unlink()
    time.sleep(0.3)
    Path("disk/filler").unlink()
    recovered()


def reloading(process: subprocess.Popen[str]) -> None:
    for number in range(8):
        Path("rules.yaml").write_text(BROKEN if number % 2 else GOOD % HOST)
        process.send_signal(signal.SIGHUP)
        more_answers(3)
    recovered()


STATES = {state.__name__: state for state in (killed, stopped, no_memory, no_descriptors, full_disk, reloading)}


def answers() -> list[str]:
    file = Path("answers.txt")
    return file.read_text().splitlines() if file.exists() else []


def more_answers(count: int) -> None:
    """Wait for that many, for as long as a slow machine may take and there is a client to give them."""
    due = len(answers()) + count
    give_up = time.monotonic() + SLOW
    while len(answers()) < due and time.monotonic() < give_up and clients[-1].poll() is None:
        time.sleep(0.02)


def recovered() -> None:
    """Wait until calls are denied in words again."""
    give_up = time.monotonic() + SLOW
    while time.monotonic() < give_up and clients[-1].poll() is None:
        more_answers(6)
        if any(answer.startswith("HTTP/1.1 403") for answer in answers()[-6:]):
            return


def main(topology: str, state: str) -> None:
    Path("rules.yaml").write_text(GOOD % HOST)
    Path("disk").mkdir()
    if state == "full_disk":
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "none", "disk"], check=True)
    options = ["--db", "disk/box.db", "--rules", "rules.yaml", "--report", "none"]
    me = [sys.executable, __file__, "client", topology]
    if topology == "sealed":
        process = subprocess.Popen([*CHILDPROOF, "run", *options, "--", *me, "{}"], stderr=subprocess.PIPE, text=True)
        other = None
        clients.append(process)
    else:
        command = [*CHILDPROOF, "serve", *options, "--http", "127.0.0.1:0"]
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        port = 0
        while not port:
            line = process.stderr.readline()
            if not line:
                sys.exit("the proxy did not start")
            found = re.search(r"http +127\.0\.0\.1:(\d+)", line)
            port = int(found[1]) if found else 0
        other = subprocess.Popen([*me, json.dumps({"http": ["127.0.0.1", port]})], text=True)
        clients.append(other)
    said_by_it: list[str] = []
    reader = threading.Thread(target=lambda: said_by_it.append(process.stderr.read()), daemon=True)
    reader.start()
    more_answers(4)
    if not answers():
        process.kill()
        reader.join(10)
        sys.exit("".join(said_by_it))
    STATES[state](process)
    if other is not None:
        more_answers(4)
    Path("stop").touch()
    if other is not None:
        other.wait(30)
        process.terminate()
    process.wait(30)
    reader.join(10)
    if state == "full_disk":
        subprocess.run(["cp", "disk/box.db", "disk/box.db-wal", "."], check=False, stderr=subprocess.DEVNULL)
    else:
        subprocess.run("cp disk/* .", shell=True, check=False)
    sys.stderr.write("".join(said_by_it))


if __name__ == "__main__":
    if sys.argv[1] == "client":
        client(*sys.argv[2:])
    else:
        main(*sys.argv[1:])
