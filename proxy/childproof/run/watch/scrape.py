"""`GET /metrics` for Prometheus, on a listener of its own: outside the sandbox, and not a proxy's port."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from childproof.capture.binding import bind, shown, unbound
from childproof.errors import ListenError
from childproof.run.compose import Parts
from childproof.run.config.config import split_address
from childproof.run.server.pages import Page, answering

from .gauges import gauge_lines

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
PATH = "/metrics"


@asynccontextmanager
async def scraped(address: str, exposition: Callable[[], str]) -> AsyncIterator[str]:
    """Answer at `address` (host:port, port 0 for any) while the block runs; gives where. Raises ListenError."""
    try:
        sockets = bind(*split_address(address), "tcp")
    except OSError as error:
        raise ListenError([unbound("metrics", address, error)]) from None
    try:
        async with answering(sockets, {PATH: lambda: Page(exposition(), CONTENT_TYPE)}):
            yield shown(sockets[0])
    finally:
        for sock in sockets:
            sock.close()


def metrics_page(parts: Parts) -> Callable[[], Page] | None:
    """The page of counts, None where nobody counts."""
    watching = parts.watching
    if watching is None or not parts.config.metrics:
        return None

    def page() -> Page:
        told = gauge_lines(parts, watching.metrics.label)
        return Page(watching.exposition(parts.engine.missing(), told), CONTENT_TYPE)

    return page


@asynccontextmanager
async def scraping(parts: Parts, say: Callable[[str], None]) -> AsyncIterator[None]:
    """Let Prometheus ask while the block runs, where that is configured."""
    page = metrics_page(parts)
    if page is None:
        yield
        return
    async with scraped(parts.config.metrics, lambda: page().text) as address:
        say(f"metrics http://{address}{PATH}")
        yield
