"""Spans and logs to the operator's own OpenTelemetry collector, over OTLP with HTTP. Needs the extra `childproof[otel]`.

Nothing of this is imported unless an endpoint is configured, and no OTEL_* variable is heeded: those belong to the
command's own telemetry. What is sent goes from this process, never through a sandbox.
"""

import logging
import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import batched
from typing import TYPE_CHECKING, Any

from childproof import __version__
from childproof.errors import ChildproofError
from childproof.ledger import Entry
from childproof.ledger.spans import Span, span_of
from childproof.model.text import printable

from .config import Endpoint

if TYPE_CHECKING:
    from opentelemetry.trace import SpanContext

BATCH = 256
EVERY = 1.0  # seconds between two sends, where there is less than a batch
TIMEOUT = 5.0  # of one send, with its retries
PATIENCE = 10.0  # for the last ones, at the end
MOST = 8192  # entries that wait
HEAVIEST = 32 * 1024 * 1024  # bytes of bodies that wait


class Exporter:
    """Sends batches, one after the other. Raises ChildproofError where the extra isn't installed."""

    def __init__(self, endpoint: Endpoint) -> None:
        try:
            from opentelemetry._logs import SeverityNumber  # noqa: F401, PLC0415 (only where it is wanted)
            from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter  # noqa: PLC0415
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
            from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
            from opentelemetry.sdk.util.instrumentation import InstrumentationScope  # noqa: PLC0415
            from requests import Session  # noqa: PLC0415
        except ImportError as error:
            raise ChildproofError(
                f"sending telemetry needs the OpenTelemetry SDK ({error}); write: pip install 'childproof[otel]'"
            ) from None
        quiet = logging.getLogger("opentelemetry")  # it would print each failure; we say one line
        quiet.addHandler(logging.NullHandler())
        quiet.propagate = False
        base = endpoint.url.rstrip("/")
        options: dict[str, Any] = {"headers": dict(endpoint.headers), "timeout": TIMEOUT}
        with _without_variables():
            sessions = [Session(), Session()]
            for session in sessions:
                session.trust_env = False  # no proxy of the command's environment
            # Their `shutdown` has no types.
            self._spans: Any = OTLPSpanExporter(f"{base}/v1/traces", session=sessions[0], **options)
            self._logs: Any = OTLPLogExporter(f"{base}/v1/logs", session=sessions[1], **options)
        self._resource = Resource({"service.name": "childproof", "service.version": __version__})
        self._scope = InstrumentationScope("childproof", __version__)

    def send(self, spans: Iterable[Span]) -> bool:
        """Send these calls as spans and as log records; whether all of it arrived."""
        sent = list(spans)
        traced = self._spans.export([self._span(span) for span in sent])
        logged = self._logs.export([self._log(span) for span in sent])
        return bool(traced.name == logged.name == "SUCCESS")

    def close(self) -> None:
        """Give connections back."""
        self._spans.shutdown()
        self._logs.shutdown()

    def _span(self, span: Span) -> Any:
        from opentelemetry.sdk.trace import ReadableSpan  # noqa: PLC0415
        from opentelemetry.trace import SpanKind, Status, StatusCode  # noqa: PLC0415

        return ReadableSpan(
            name=span.name,
            context=_context(span.trace, span.id),
            parent=_context(span.trace, span.parent) if span.parent else None,
            resource=self._resource,
            attributes=span.attributes,
            kind=SpanKind.INTERNAL if span.internal else SpanKind.CLIENT,
            status=Status(StatusCode.ERROR, span.line) if span.failed else Status(StatusCode.UNSET),
            start_time=span.start,
            end_time=span.end,
            instrumentation_scope=self._scope,
        )

    def _log(self, span: Span) -> Any:
        from opentelemetry._logs import LogRecord, SeverityNumber  # noqa: PLC0415
        from opentelemetry.sdk._logs import ReadableLogRecord  # noqa: PLC0415
        from opentelemetry.trace import NonRecordingSpan, set_span_in_context  # noqa: PLC0415

        record = LogRecord(
            timestamp=span.end,
            observed_timestamp=span.end,
            context=set_span_in_context(NonRecordingSpan(_context(span.trace, span.id))),
            severity_text=span.severity.name,
            severity_number=SeverityNumber(int(span.severity)),
            body=span.line,
            attributes=span.attributes,
            event_name="childproof.call",
        )
        return ReadableLogRecord(record, self._resource, self._scope)


class Sender:
    """Sends what is put, from a thread of its own; a bounded queue. What finds no room or no endpoint is counted."""

    def __init__(self, exporter: Exporter, url: str, say: Callable[[str], None]) -> None:
        self._exporter = exporter
        self._url = url
        self._say = say
        self._waiting: deque[tuple[Entry, int]] = deque()
        self._weight = 0
        self._wake = threading.Condition()
        self._ended = False
        self.lost = 0
        self._thread = threading.Thread(target=self._run, name="childproof-otlp", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """How many calls wait to be sent."""
        return len(self._waiting)

    def put(self, entry: Entry, written: int) -> None:
        """Have an entry sent, which changed so many entities. Never waits."""
        weight = _weight(entry)
        with self._wake:
            if self._ended or len(self._waiting) >= MOST or self._weight + weight > HEAVIEST:
                self.lost += 1
                return
            self._waiting.append((entry, written))
            self._weight += weight
            if len(self._waiting) >= BATCH:
                self._wake.notify()

    def close(self, within: float = PATIENCE) -> None:
        """Send what waits, for so many seconds at most, and say what was lost."""
        with self._wake:
            self._ended = True
            self._wake.notify()
        self._thread.join(within)
        if self.lost or self._waiting:
            self._say(f"telemetry of {self.lost + len(self._waiting):,} calls did not reach {self._url}")

    def _run(self) -> None:
        while True:
            with self._wake:
                if not self._ended and len(self._waiting) < BATCH:
                    self._wake.wait(EVERY)
                batch = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
                self._weight -= sum(_weight(entry) for entry, _ in batch)
                if not batch and self._ended:
                    break
            if batch and not self._sent(batch):
                with self._wake:
                    self.lost += len(batch)
                    if self._ended:  # nobody there: the rest would only wait in vain
                        self.lost += len(self._waiting)
                        self._waiting.clear()
                self._say(f"no telemetry arrives at {self._url}; calls are answered and recorded all the same")
        self._exporter.close()

    def _sent(self, batch: list[tuple[Entry, int]]) -> bool:
        try:
            return self._exporter.send([span_of(entry, written=written) for entry, written in batch])
        except Exception as error:  # noqa: BLE001 (whatever the SDK or an entry does: the next batch gets its chance)
            self._say(f"telemetry failed: {type(error).__name__}: {printable(str(error))}")
            return False


def send_all(entries: Iterable[Entry], endpoint: Endpoint) -> int:
    """Send what is recorded already; how many calls that were. Raises ChildproofError where the endpoint doesn't take it."""
    exporter = Exporter(endpoint)
    count = 0
    try:
        for batch in batched(entries, BATCH):
            if not exporter.send(map(span_of, batch)):
                raise ChildproofError(
                    f"{endpoint.url} didn't take calls {count + 1} to {count + len(batch)}; is an OTLP receiver over HTTP there?"
                )
            count += len(batch)
    finally:
        exporter.close()
    return count


def _weight(entry: Entry) -> int:
    return sum(len(part.body) for part in (entry.request, entry.reply) if part is not None)


def _context(trace: str, span: str) -> "SpanContext":
    from opentelemetry.trace import SpanContext, TraceFlags  # noqa: PLC0415

    return SpanContext(int(trace, 16), int(span, 16), is_remote=False, trace_flags=TraceFlags(TraceFlags.SAMPLED))


@contextmanager
def _without_variables() -> Iterator[None]:
    """The SDK's own settings come from OTEL_* variables, which were meant for the command."""
    taken = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith("OTEL_")}
    try:
        yield
    finally:
        os.environ.update(taken)
