"""Spans and logs to the operator's own OpenTelemetry collector, over OTLP with HTTP. Needs the extra `childproof[otel]`.

Nothing of this is imported unless an endpoint is configured, and no OTEL_* variable is heeded: those belong to the
command's own telemetry. What is sent goes from this process, never through a sandbox.
"""

import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from itertools import batched
from typing import TYPE_CHECKING, Any

import msgspec

from childproof import __version__
from childproof.errors import ChildproofError, InputError
from childproof.ledger import Entry
from childproof.ledger.spans import Severity, Span, span_of
from childproof.model.text import printable
from childproof.run.config.endpoint import Endpoint, Pairs, read_headers

if TYPE_CHECKING:
    from opentelemetry.trace import SpanContext

BATCH = 256
EVERY = 1.0  # seconds between two sends, where there is less than a batch
TIMEOUT = 5.0  # of one send, with its retries
PATIENCE = 4.0  # for the last ones, at the end, where nobody says otherwise
MOST = 8192  # entries that wait
HEAVIEST = 32 * 1024 * 1024  # bytes of bodies that wait
MOST_EVENTS = 256  # of the server, that wait


class Event(msgspec.Struct, frozen=True):
    """Something that happened to a server: a word, a sentence, and what else there is to say. `at` is unix nanoseconds."""

    name: str
    at: int
    line: str = ""
    severity: Severity = Severity.INFO
    fields: Mapping[str, str | int | float | bool] = msgspec.field(default_factory=dict)


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
        self._endpoint = endpoint
        self._named: Pairs = ()  # headers that the file held last
        self._file: tuple[int, int] | None = None  # the file's time and size then
        with _without_variables():
            self._sessions = sessions = [Session(), Session()]
            for session in sessions:
                session.trust_env = False  # no proxy of the command's environment
            # Their `shutdown` has no types.
            self._spans: Any = OTLPSpanExporter(f"{base}/v1/traces", session=sessions[0], **options)
            self._logs: Any = OTLPLogExporter(f"{base}/v1/logs", session=sessions[1], **options)
        own = {"service.name": "childproof", "service.version": __version__}
        self._resource = Resource({**own, **dict(endpoint.attributes)})
        self._scope = InstrumentationScope("childproof", __version__)

    def send(self, spans: Iterable[Span]) -> bool:
        """Send these calls as spans and as log records; whether all of it arrived."""
        sent = list(spans)
        self._authorize()
        traced = self._spans.export([self._span(span) for span in sent])
        logged = self._logs.export([self._log(span) for span in sent])
        return bool(traced.name == logged.name == "SUCCESS")

    def tell(self, events: Iterable[Event]) -> bool:
        """Send these events of the server as log records; whether they arrived."""
        self._authorize()
        return bool(self._logs.export([self._event(event) for event in events]).name == "SUCCESS")

    def _authorize(self) -> None:
        """Use the headers that stand in the file by now; those from before where it can't be read for the moment."""
        file = self._endpoint.headers_file
        if file is None:
            return
        with suppress(OSError, InputError):
            seen = file.stat()
            mark = (seen.st_mtime_ns, seen.st_size)
            if mark == self._file:
                return
            pairs = read_headers(file)
            for session in self._sessions:
                for name, _ in self._named:
                    session.headers.pop(name, None)
                session.headers.update({**dict(self._endpoint.headers), **dict(pairs)})
            self._named, self._file = pairs, mark

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

    def _event(self, event: Event) -> Any:
        from opentelemetry._logs import LogRecord, SeverityNumber  # noqa: PLC0415
        from opentelemetry.sdk._logs import ReadableLogRecord  # noqa: PLC0415

        record = LogRecord(
            timestamp=event.at,
            observed_timestamp=event.at,
            severity_text=event.severity.name,
            severity_number=SeverityNumber(int(event.severity)),
            body=event.line or event.name,
            attributes={f"childproof.{name}": value for name, value in event.fields.items()},
            event_name=f"childproof.{event.name}",
        )
        return ReadableLogRecord(record, self._resource, self._scope)


class Sender:
    """Sends what is put, from a thread of its own; a bounded queue. What finds no room or no endpoint is counted."""

    def __init__(self, exporter: Exporter, url: str, say: Callable[[str], None]) -> None:
        self._exporter = exporter
        self._url = url
        self._say = say
        self._waiting: deque[tuple[Entry, int]] = deque()
        self._events: deque[Event] = deque(maxlen=MOST_EVENTS)  # the newest count
        self._weight = 0
        self._wake = threading.Condition()
        self._ended = False
        self._leaving = 0  # calls that are being sent
        self.lost = 0
        self._nobody = f"no telemetry arrives at {url}; calls are answered and recorded all the same"
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

    def tell(self, event: Event) -> None:
        """Have an event of the server sent. Never waits."""
        with self._wake:
            if not self._ended:
                self._events.append(event)

    def close(self, within: float = PATIENCE) -> None:
        """Send what waits, for so many seconds at most, and say what was lost."""
        with self._wake:
            self._ended = True
            self._wake.notify()
        self._thread.join(within)
        lost = self.lost + len(self._waiting) + self._leaving
        if lost:
            self._say(f"telemetry of {lost:,} calls did not reach {self._url}")

    def _run(self) -> None:
        while True:
            with self._wake:
                if not self._ended and len(self._waiting) < BATCH:
                    self._wake.wait(EVERY)
                batch = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
                self._weight -= sum(_weight(entry) for entry, _ in batch)
                self._leaving = len(batch)
                events = list(self._events)
                self._events.clear()
                if not batch and not events and self._ended:
                    break
            if events and not self._attempted(partial(self._exporter.tell, events)) and not batch:
                self._say(self._nobody)
            arrived = not batch or self._sent(batch)
            with self._wake:
                self._leaving = 0
            if not arrived:
                with self._wake:
                    self.lost += len(batch)
                    if self._ended:  # nobody there: the rest would only wait in vain
                        self.lost += len(self._waiting)
                        self._waiting.clear()
                self._say(self._nobody)
        self._exporter.close()

    def _sent(self, batch: list[tuple[Entry, int]]) -> bool:
        return self._attempted(
            lambda: self._exporter.send([span_of(entry, written=written) for entry, written in batch])
        )

    def _attempted(self, send: Callable[[], bool]) -> bool:
        try:
            return send()
        except Exception as error:  # noqa: BLE001 (whatever the SDK or an entry does: the next batch gets its chance)
            self._say(f"telemetry failed: {type(error).__name__}: {printable(str(error))}")
            return False


def event(name: str, sentence: str, level: str, fields: Mapping[str, Any]) -> Event:
    """An event as a server's journal has it, as of now."""
    severity = {"warning": Severity.WARN, "error": Severity.ERROR}.get(level, Severity.INFO)
    told = {key: value if isinstance(value, str | int | float) else str(value) for key, value in fields.items()}
    return Event(name, time.time_ns(), sentence, severity, told)


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
