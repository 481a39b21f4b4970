"""While a command runs that a server serves: its end is waited for, and the server's connections into its sandbox are made."""

import asyncio
import contextlib
import os
import signal
import socket

from childproof.sandbox import channel
from childproof.sandbox.sealed import SealedSandbox

from .frames import Frames, FramesError

CLOSING = 15.0  # seconds that a server has to record what was under way


def accompanied(link: socket.socket, sandbox: SealedSandbox) -> tuple[int, bool]:
    """Start the command, and be there until its end; its exit code, and whether the server was gone before.

    `link` is the channel that the sandbox was handed over by.
    """
    sandbox.start()
    return asyncio.run(_served(link, sandbox))


async def _served(link: socket.socket, sandbox: SealedSandbox) -> tuple[int, bool]:
    """Wait for the command's end, connecting webhooks meanwhile; its exit code, and whether the server was gone before."""
    link.setblocking(False)
    frames = Frames(link)
    ended = asyncio.create_task(sandbox.finished())
    asked = asyncio.create_task(_webhooks(frames, sandbox))
    await asyncio.wait((ended, asked), return_when=asyncio.FIRST_COMPLETED)
    gone = asked.done() and not ended.done()
    if gone:
        sandbox.signal(signal.SIGKILL)
    code = await ended
    if not gone:
        try:
            await frames.send({"ended": True})
            async with asyncio.timeout(CLOSING):
                await asked
        except (FramesError, TimeoutError):
            gone = True
        else:
            gone = not asked.result()
    asked.cancel()
    await asyncio.gather(asked, return_exceptions=True)
    return code, gone


async def _webhooks(frames: Frames, sandbox: SealedSandbox) -> bool:
    """Make the connections into the sandbox that the server asks for; whether it has closed in good order."""
    making: set[asyncio.Task[None]] = set()
    try:
        while True:
            frame, descriptors = await frames.next()
            for descriptor in descriptors:
                os.close(descriptor)
            if "connect" in frame:
                task = asyncio.create_task(_connect(frames, sandbox, frame))
                making.add(task)
                task.add_done_callback(making.discard)
            if "closed" in frame:
                return True
    except FramesError:
        return False
    finally:
        for task in making:
            task.cancel()


async def _connect(frames: Frames, sandbox: SealedSandbox, frame: channel.Frame) -> None:
    answer = {"connected": frame["connect"]}
    with contextlib.suppress(FramesError):
        try:
            sock = await sandbox.connect(str(frame["address"]), int(frame["port"]))
        except OSError as error:
            await frames.send({**answer, "errno": error.errno or 111})
            return
        with sock:
            await frames.send(answer, [sock.fileno()])
