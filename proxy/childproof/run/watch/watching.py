"""Who watches a running engine: Prometheus, which asks for counts, and an OpenTelemetry collector, which is told of calls."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from childproof.engine import Missing
from childproof.ledger import Entry
from childproof.ledger.metrics import Histogram, Metrics, heading, sample
from childproof.model import Upstream, Written, replace
from childproof.run.config.config import Config

from .otlp import Exporter, Sender, event

UNDER_WAY = 4096  # allowed calls whose ends are waited for; of more than that, an end may come without its beginning

UPSTREAM = "childproof_upstream_duration_seconds"
UPSTREAM_MEANING = "Time that allowed calls spent upstream: from the permission to their end."
TROUBLES = {
    "childproof_trouble_total": "Times that something of childproof's own went wrong.",
    "childproof_unrecorded_total": "Calls that were denied and could not be recorded.",
    "childproof_telemetry_lost_total": "Calls whose telemetry could not be sent.",
}


class Watching:
    """Counts and passes on what is recorded. An allowed call counts when it is over: only then it is known what left."""

    def __init__(self, *, sender: Sender | None = None) -> None:
        self.metrics = Metrics()
        self.upstream = Histogram(UPSTREAM, UPSTREAM_MEANING)
        self.troubles = 0
        self.connections: Callable[[], Mapping[str, int]] = dict  # by world, of who listens
        self.authority_ends: Callable[[], float] | None = None  # unix time
        self._sender = sender
        self._under_way: dict[str, tuple[Entry, tuple[Written, ...]]] = {}

    def recorded(self, entry: Entry, written: tuple[Written, ...]) -> None:
        """See `engine.recording.Watcher`."""
        if entry.verdict == "allow" and entry.error is None:
            if len(self._under_way) >= UNDER_WAY:
                self._over(*self._under_way.pop(next(iter(self._under_way))))
            self._under_way[entry.id] = (entry, written)
            return
        self._over(entry, written)

    def settled(
        self, call_id: str, upstream: Upstream, status: int | None, duration_us: int, error: str | None
    ) -> None:
        """See `engine.recording.Watcher`."""
        begun = self._under_way.pop(call_id, None)
        if begun is None:
            return
        entry, written = begun
        self.upstream.add((), max(0, duration_us - entry.duration_us) / 1e6)
        status = entry.status if status is None else status
        entry = replace(entry, upstream=upstream, status=status, duration_us=duration_us, error=error)
        self._over(entry, written)

    def hearing(self, say: Callable[[str], None]) -> Callable[[str], None]:
        """Who says what went wrong of our own, with a count."""

        def heard(message: str) -> None:
            self.troubles += 1
            say(message)

        return heard

    def told(self, name: str, sentence: str, level: str, fields: Mapping[str, Any]) -> None:
        """Pass on what happened to the server itself."""
        if self._sender is not None:
            self._sender.tell(event(name, sentence, level, fields))

    def close(self, within: float | None = None) -> None:
        """Pass on what is left, in so many seconds if they are given: calls that never ended too."""
        for entry, written in self._under_way.values():
            self._over(entry, written)
        self._under_way.clear()
        if self._sender is not None:
            self._sender.close() if within is None else self._sender.close(within)

    @property
    def waiting(self) -> int:
        """Calls that wait to be sent to the collector."""
        return self._sender.waiting if self._sender is not None else 0

    def exposition(self, missing: Missing, more: Iterable[str] = ()) -> str:
        """All counts in Prometheus' text format, since the process began; `missing` is what could not be recorded.

        `more` are further lines.
        """
        counts = (self.troubles, missing.calls, self._sender.lost if self._sender is not None else 0)
        lines = [*self.metrics.lines(), *self.upstream.lines()]
        for (name, meaning), count in zip(TROUBLES.items(), counts, strict=True):
            lines += [*heading(name, "counter", meaning), sample(name, (), (), count)]
        return "\n".join((*lines, *more)) + "\n"

    def _over(self, entry: Entry, written: tuple[Written, ...]) -> None:
        self.metrics.add(entry, written)
        if self._sender is not None:
            self._sender.put(entry, len(written))


def watching(config: Config, say: Callable[[str], None], worlds: Sequence[str] = ()) -> Watching | None:
    """What the configuration asks for; None where nobody is to watch. Raises ChildproofError where a library is missing.

    Of a single world, telemetry says that it comes from there.
    """
    if config.otlp is not None:
        where = {"childproof.world": worlds[0]} if len(worlds) == 1 else {}
        attributes = tuple({**where, **dict(config.otlp.attributes)}.items())
        endpoint = replace(config.otlp, attributes=attributes)
        found = Watching(sender=Sender(Exporter(endpoint), endpoint.url, say))
    elif config.metrics:
        found = Watching()
    else:
        return None
    for world in worlds:
        found.metrics.expect(world)
    return found
