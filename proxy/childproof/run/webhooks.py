"""Webhooks of a run: to listeners of its sandbox, and to others where a rule allows it."""

import asyncio
import contextlib
import socket
import threading
from collections.abc import AsyncIterator, Callable, Container, Sequence
from contextlib import asynccontextmanager

from childproof.capture.webhooks import Connect, Deliverer
from childproof.engine.deliveries import Deliveries
from childproof.model.places import Places

from .compose import Parts
from .config.config import Config, split_address
from .watch.trouble import say


@asynccontextmanager
async def delivering(
    parts: Parts, worlds: Sequence[str], connect: Connect | None, say: Callable[[str], None] = say
) -> AsyncIterator[Deliverer]:
    """Deliver for these worlds meanwhile. `connect` reaches the sandbox's loopback; None: nothing is delivered there."""

    def handed_out(config: Config) -> Deliveries:
        return parts.engine.deliveries(Places(config.webhooks.deliver), world_time=config.webhooks.world_time)

    def reloaded(config: Config) -> None:
        deliverer.use(handed_out(config))

    settle = parts.engine.settle
    async with Deliverer(
        handed_out(parts.config), settle, worlds, connect=connect, closed=parts.closed, say=say
    ) as deliverer:
        loop, own = asyncio.get_running_loop(), threading.get_ident()

        def stirred(world: str) -> None:
            if threading.get_ident() == own:
                deliverer.stir(world)
            else:  # time that somebody lets pass does so in a thread
                loop.call_soon_threadsafe(deliverer.stir, world)

        parts.store.when_stirred(stirred)
        parts.reloads.applied.append(reloaded)
        try:
            yield deliverer
        finally:
            parts.reloads.applied.remove(reloaded)
            parts.store.when_stirred(None)


def own_loopback(parts: Parts, closed: Container[int]) -> Connect | None:
    """This process's loopback, where the configuration says that it is the sandbox's; but for our own ports, `closed`.

    Those may become more and fewer meanwhile.
    """
    if not parts.config.webhooks.loopback:
        return None

    metrics = parts.config.metrics
    told = split_address(metrics)[1] if metrics else None

    async def connect(address: str, port: int) -> socket.socket:
        if port in closed or port == told:
            raise ConnectionRefusedError("childproof itself listens there")
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        sock = socket.socket(family, socket.SOCK_STREAM)
        with contextlib.ExitStack() as undo:
            undo.callback(sock.close)
            sock.setblocking(False)
            await asyncio.get_running_loop().sock_connect(sock, (address, port))
            undo.pop_all()
        return sock

    return connect
