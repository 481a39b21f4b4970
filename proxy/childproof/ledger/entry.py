"""What the ledger keeps of a call."""

import msgspec

from childproof.model import NO_UPSTREAM, Change, Effect, Upstream, Would

_WEBSOCKET = "websocket"  # the protocol of one message
CLOCK = "clock"  # the protocol of what passing time does in a world


class Recorded(msgspec.Struct, frozen=True):
    """A request or a reply as it may be kept: headers and body redacted, the body bounded.

    `body` is text; bytes that are no text are base64 after the marker `base64:`. `size` is the body's real length in
    bytes. Where the body was `cut`, `sha256` is the hash of the whole (a hash of little text could be guessed back to
    what was redacted, so there is none then; nor for a stream, of which only the beginning is ever held).
    """

    headers: tuple[tuple[str, str], ...]
    body: str
    size: int
    sha256: str = ""
    cut: bool = False


class Entry(msgspec.Struct, frozen=True):
    """One call: who, when, what, the verdict and why, the answer, and what changed. One per call, never rewritten.

    `at` is real time and `world_at` the world's (unix ms); (`world`, `seq`) is the call's place in history. `verdict`
    is stub, reply, allow or deny; `stub`, `operation` and `fidelity` are set for `stub`. `status` is the protocol's
    own. `settled` is False for an allowed call that is still under way: its upstream figures aren't known yet.

    `trace` (32 hexadecimal digits, a trace id of W3C Trace Context) is shared by all that follows from one call, and
    `cause` is the id of the call that this one follows from; None for a call that the sandbox made.
    `would` is what rules that aren't enforced would have said instead.
    """

    id: str
    world: str
    sandbox: str
    seq: int
    at: int
    world_at: int
    protocol: str
    target: str
    host: str
    port: int
    method: str
    path: str
    verdict: str
    rule: str | None
    reason: str
    stub: str | None
    operation: str | None
    fidelity: str | None
    status: int | None
    duration_us: int
    request: Recorded | None
    reply: Recorded | None
    changes: tuple[Change, ...]
    effects: tuple[Effect, ...]
    upstream: Upstream = NO_UPSTREAM
    error: str | None = None
    settled: bool = True
    trace: str = ""
    cause: str | None = None
    would: tuple[Would, ...] = ()

    @property
    def made(self) -> bool:
        """Whether the sandbox made this call. All else is time's doing, or follows from what was made.

        A message of a WebSocket was made, though the call that opened it is its cause.
        """
        return self.protocol == _WEBSOCKET or (self.cause is None and self.protocol != CLOCK)
