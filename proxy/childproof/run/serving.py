"""`childproof serve`: explicit listeners until a signal comes, then the report."""

import asyncio
import os

from childproof.capture.mitm.ca import CA, ensure_ca

from .compose import Parts, compose
from .config import Config
from .emit import Reporting, emit_reports
from .listen import Listen, settled
from .proxy import Proxy, until_stopped
from .scrape import scraping
from .trouble import Trouble, ending, say
from .webhooks import delivering, own_loopback

DEFAULT_LISTEN = (Listen("main", http="127.0.0.1:8080", socks="127.0.0.1:1080"),)


def serve(config: Config, reporting: Reporting) -> int:
    """Listen as configured (by default HTTP on 8080 and SOCKS5 on 1080, loopback only) until SIGINT or SIGTERM.

    The exit code: 1 where something could not be recorded.
    """
    listeners = settled(config.listen, os.environ) or DEFAULT_LISTEN
    worlds = tuple(dict.fromkeys(listen.world for listen in listeners))
    ca = ensure_ca(config.state_dir)
    parts = compose(config, worlds=worlds, on_trouble=Trouble())
    before = parts.ledger.position()
    try:
        asyncio.run(_serve(parts, ca, listeners))
        emit_reports(parts, worlds, before, reporting)
        return ending(0, {world: parts.engine.missing(world) for world in worlds})
    finally:
        parts.close()


async def _serve(parts: Parts, ca: CA, listeners: tuple[Listen, ...]) -> None:
    async with Proxy(parts, ca) as proxy, scraping(parts, say):
        listening = await proxy.listen(listeners)
        for opened in listening:
            place = f"http://{opened.address}  {opened.stub}" if opened.stub else opened.address
            say(f"{opened.kind:<7} {place}  world {opened.world}")
        if not all(opened.stub for opened in listening):
            say(f"CA      {ca.cert_pem}  (for clients to trust)")
        say("ready; SIGHUP reads the rules again, Ctrl-C ends")
        worlds = tuple(dict.fromkeys(listen.world for listen in listeners))
        async with delivering(parts, worlds, own_loopback(parts, {opened.port for opened in listening})):
            await until_stopped(parts, say)
