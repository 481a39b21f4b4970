"""A small engine around one sealed sandbox, in a process of its own so that it can become another user first.

Reads an order as JSON from the first argument, writes what happened as JSON to the descriptor in it. Every TCP
connection is told where it wanted to go; every DNS datagram is answered with `answer:` and itself.
"""

import asyncio
import contextlib
import ctypes
import json
import os
import signal
import socket
import sys
import time
from pathlib import Path

# Everything that is needed after the change of user: the new one may not be able to read our files.
import childproof.sandbox.stage
from childproof.capture.original import DestinationUnknown, original_destination
from childproof.errors import SandboxError
from childproof.sandbox.netfilter.nflog import RefusalReader
from childproof.sandbox.sealed import SandboxSpec, SealedSandbox

PR_SET_DUMPABLE = 4


def hear_again() -> None:
    """Nobody below could trap what was ignored from the start, as nohup and shells' background jobs have it."""
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)


def become(uid: int) -> None:
    os.setgroups([])
    os.setgid(uid)
    os.setuid(uid)
    # A process that changed its user without exec is closed to /proc/self/uid_map, unlike a real login.
    ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)


async def connected(sandbox: SealedSandbox, address: str, port: int, *, patient: bool) -> list:
    """Our end of a connection to inside: its two addresses and what was said; or the name of the error."""
    for _ in range(500):
        try:
            sock = await sandbox.connect(address, port)
        except OSError as error:
            if not patient:
                return [type(error).__name__]
            await asyncio.sleep(0.02)  # it doesn't listen yet
            continue
        with sock:
            loop = asyncio.get_running_loop()
            await loop.sock_sendall(sock, b"hello")
            said = await loop.sock_recv(sock, 100)
            return [sock.getsockname()[0], sock.getpeername()[0], said.decode()]
    return ["nobody"]


async def connect_all(sandbox: SealedSandbox, asked: list, seen: list) -> None:
    for address, port, patient in asked:
        seen.append(await connected(sandbox, address, port, patient=patient))


async def serve(sandbox: SealedSandbox, order: dict, seen: dict) -> int:
    loop = asyncio.get_running_loop()
    listeners = sandbox.handover()
    listeners.tcp.setblocking(False)

    async def accept() -> None:
        while True:
            connection, _ = await loop.sock_accept(listeners.tcp)
            with connection:
                try:
                    address, port = original_destination(connection)
                except DestinationUnknown as error:
                    seen["tcp"].append(["unknown", str(error)])
                    continue
                seen["tcp"].append([address, port])
                with contextlib.suppress(OSError):
                    await loop.sock_sendall(connection, f"{address} {port}\n".encode())

    def datagram(sock: socket.socket) -> None:
        data, peer = sock.recvfrom(4096)
        seen["dns"].append(data.decode("latin-1"))
        sock.sendto(b"answer:" + data, peer)

    for sock in listeners.dns:
        sock.setblocking(False)
        loop.add_reader(sock, datagram, sock)
    if listeners.refusals is not None:
        reader = RefusalReader(
            listeners.refusals,
            lambda *flow: seen["refused"].append(list(flow)),
            lambda: seen["refused"].append("lost"),
        )
        loop.add_reader(reader, reader.read)
    task = asyncio.create_task(accept())
    sandbox.furnish(
        ca_cert=Path(order["ca"]),
        hidden=[Path(path) for path in order["hidden"]],
        read_only=[Path(path) for path in order["read_only"]],
    )
    sandbox.start()
    seen["started"] = True

    dialling = asyncio.create_task(connect_all(sandbox, order["connect"], seen["connected"]))
    try:
        code = await sandbox.finished()
        await dialling
        if order["connect"]:
            seen["connected"].append(await connected(sandbox, "127.0.0.1", 4242, patient=False))
        return code
    finally:
        task.cancel()
        if listeners.refusals is not None:
            reader.read()


def main() -> None:
    order = json.loads(sys.argv[1])
    seen: dict = {"tcp": [], "dns": [], "refused": [], "error": None, "code": None, "started": False, "connected": []}
    if order["uid"] is not None:
        become(order["uid"])
    spec = SandboxSpec(tuple(order["command"]), {**os.environ, **order["env"]}, order["cwd"])
    try:
        began = time.perf_counter()
        sandbox = SealedSandbox.launch(spec)
        seen["pid"] = os.getpid()
        seen["code"] = asyncio.run(serve(sandbox, order, seen))
        seen["seconds"] = time.perf_counter() - began
    except SandboxError as error:
        seen["error"] = str(error)
    with os.fdopen(order["result"], "w") as file:
        json.dump(seen, file)


assert childproof.sandbox.stage
if __name__ == "__main__":
    hear_again()
    main()
