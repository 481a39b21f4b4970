"""What a server says of itself: lines for people on standard error, or events for machines on standard output.

An event is one object on one line with `time`, `level`, `event` and fields by name (docs/serve.md has them all). Whatever
is said has its secrets masked, as in the ledger, and nothing waits for who reads it.
"""

import json
import logging
import time
import traceback
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any, Literal

from childproof.ledger import Entry, timestamp
from childproof.ledger.redaction import redact
from childproof.model import Upstream, Written
from childproof.model.text import printable, printable_json
from childproof.run.compose import wall_clock
from childproof.run.config.config import Log

from .lines import Lines
from .trouble import Trouble, say

Level = Literal["info", "warning", "error"]
STDOUT = 1
QUIET = 60.0  # seconds in which the same trouble is said once
_KNOWN = 1000  # different troubles that are remembered


class Journal:
    """Says events. Without `log` they are sentences on standard error; `lines` is for tests."""

    def __init__(
        self,
        log: Log | None,
        *,
        lines: Lines | None = None,
        wall: Callable[[], int] = wall_clock,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._log = log
        self._wall = wall
        self._clock = clock
        self._lines = lines
        self._plain = Trouble()
        # Told of all but calls: the event, its sentence, its level and its fields, masked. Must be quick, and not fail.
        self.heard: Callable[[str, str, str, Mapping[str, Any]], None] | None = None
        self._said: OrderedDict[str, tuple[float, int]] = OrderedDict()
        self._handler = _Records(self)
        if log is not None:
            self._lines = lines or Lines(STDOUT, self._lost)
            logging.getLogger().addHandler(self._handler)

    @property
    def log(self) -> Log | None:
        """What is wanted on standard output; None where people read."""
        return self._log

    def event(self, event: str, sentence: str = "", level: Level = "info", **fields: Any) -> None:
        """Something happened. People read `sentence`, if there is one, machines it as `message` and all fields that aren't empty."""
        if self.heard is not None and event not in _CALLS:
            self.heard(event, redact(sentence), level, {name: _masked(value) for name, value in fields.items()})
        if self._lines is None:
            if sentence:
                say(sentence)
            return
        told = {"message": sentence, **fields}
        masked = {name: _masked(value) for name, value in told.items() if value not in (None, "")}
        self._lines.put(self._written(event, level, masked))

    def say(self, message: str) -> None:
        """A sentence of some part of childproof: as news."""
        self.event("note", message)

    def trouble(self, message: str, **fields: Any) -> None:
        """Something of childproof's own went wrong; the same again is counted, and said again after a while."""
        if self._lines is None:
            self._plain(message)
            if self.heard is not None:
                self.heard("trouble", redact(message), "warning", {})
            return
        now = self._clock()
        at, again = self._said.get(message, (float("-inf"), 0))
        if now - at < QUIET:
            self._said[message] = at, again + 1
            return
        self._said[message] = now, 0
        self._said.move_to_end(message)
        if len(self._said) > _KNOWN:
            self._said.popitem(last=False)
        if again:
            fields["again"] = again
        self.event("trouble", message, "warning", **fields)

    def close(self) -> None:
        """Say what waits to be said."""
        logging.getLogger().removeHandler(self._handler)
        if self._lines is not None:
            self._lines.close()

    # calls: see `engine.recording.Watcher`

    def recorded(self, entry: Entry, written: tuple[Written, ...]) -> None:
        """A call, if its kind is wanted."""
        del written
        wanted = self._log.calls if self._log is not None else "none"
        denied = entry.verdict == "deny" or entry.error is not None
        if wanted == "none" or (wanted == "denied" and not denied):
            return
        fields: dict[str, Any] = {name: getattr(entry, name) for name in _FIELDS}
        self.event("call", level="warning" if denied else "info", id=entry.id, **fields)

    def settled(
        self, call_id: str, upstream: Upstream, status: int | None, duration_us: int, error: str | None
    ) -> None:
        """The end of a call that was let through, or whose reply went on."""
        if self._log is None or self._log.calls != "all":
            return
        moved = {"dns": upstream.dns, "connections": upstream.connections, "bytes_out": upstream.bytes_out,
                 "bytes_in": upstream.bytes_in}  # fmt: skip
        self.event("call_ended", id=call_id, duration_us=duration_us, upstream=moved, status=status, error=error)

    # inside

    def _lost(self, count: int) -> str:
        return self._written("lost", "warning", {"message": f"{count} lines could not be written", "lines": count})

    def _written(self, event: str, level: Level, fields: Mapping[str, Any]) -> str:
        head = {"time": timestamp(self._wall()), "level": level, "event": event}
        if self._log is not None and self._log.format == "text":
            shown = " ".join(f"{name}={_text(value)}" for name, value in fields.items() if name != "message")
            message = f" {printable(str(fields['message']))}" if "message" in fields else ""
            return f"{head['time']} {level:<7} {event}{message}{' ' if shown else ''}{shown}"
        return printable_json(json.dumps({**head, **fields}, ensure_ascii=False, default=str))


_CALLS = frozenset({"call", "call_ended"})
# What a line tells of a call, by the names of `childproof log --json`.
_FIELDS = (
    "world", "sandbox", "protocol", "target", "method", "verdict", "rule", "reason", "stub", "operation", "fidelity",
    "status", "duration_us", "error", "trace",
)  # fmt: skip


def _masked(value: Any) -> Any:
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, Mapping):
        return {name: _masked(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_masked(one) for one in value]
    return value


def _text(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    text = printable(text)
    return json.dumps(text, ensure_ascii=False) if not text or any(sign in text for sign in ' "=') else text


class _Records(logging.Handler):
    """What parts of childproof, and libraries, tell Python's logging: trouble, with the traceback where there is one."""

    def __init__(self, journal: Journal) -> None:
        super().__init__(logging.WARNING)
        self._journal = journal

    def emit(self, record: logging.LogRecord) -> None:
        """See logging.Handler; never raises."""
        try:
            fields: dict[str, Any] = {"logger": record.name}
            if record.exc_info and record.exc_info[1] is not None:
                fields["traceback"] = "".join(traceback.format_exception(record.exc_info[1]))
            self._journal.trouble(record.getMessage(), **fields)
        except Exception:  # noqa: BLE001 (logging's own way: a line on standard error, and no more)
            self.handleError(record)
