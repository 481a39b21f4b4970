"""What one SMTP connection leaves in the ledger: a call for each message, or one for the session that had none."""

import logging
import ssl
import traceback
from dataclasses import dataclass, field

from childproof.capture.destination import Destination, Ingress, Judge
from childproof.model import Call, Envelope, Outcome, Protocol, Violation

log = logging.getLogger(__name__)
MESSAGE, SESSION = "MESSAGE", "SESSION"
MAX_USER = 320  # RFC 3696: no address is longer


@dataclass(slots=True)
class Record:
    """Builds the calls of one connection and asks the judge. Knows no socket."""

    ingress: Ingress
    destination: Destination
    judge: Judge
    helo: str = ""
    user: str = ""
    tls: bool = False
    _calls: int = 0
    _kinds: set[str] = field(default_factory=set)

    def message(self, sender: str, recipients: tuple[str, ...], content: bytes) -> Outcome:
        """A whole message, at the end of DATA."""
        self._calls += 1
        return self.judge.handle(self._call(MESSAGE, sender, recipients, content))

    def too_large(self, sender: str, recipients: tuple[str, ...], reason: str) -> None:
        """A message that was refused for its size, unread."""
        self._violation(Violation("body_too_large", reason, 552), sender, recipients)

    def malformed(self, reason: str, status: int = 0) -> None:
        """Something that is no SMTP. Recorded once for a connection, so that a flood of it is one entry."""
        if "malformed" not in self._kinds:
            self._violation(Violation("malformed", reason, status))

    def handshake_failed(self, error: BaseException | None) -> None:
        """TLS was not established."""
        if isinstance(error, ssl.SSLError) and error.reason == "CALLBACK_FAILED":
            reason = f"the TLS server name is not the host that was dialled ({self.destination.host})"
            self._violation(Violation("host_mismatch", reason))
            return
        words = getattr(error, "reason", None) or (str(error) if error else "the client broke it off")
        self.malformed(f"the TLS handshake failed: {words}")

    def failed(self, error: BaseException) -> None:
        """An exception of ours while serving the connection."""
        log.error("an SMTP connection failed", exc_info=error)
        head = " · ".join(line.strip() for line in traceback.format_exception(error)[-2:])
        self._violation(Violation("internal", f"an error inside childproof: {head}", 421))

    def ended(self) -> None:
        """The connection is over: an entry if it left none so far."""
        if not self._calls:
            self._calls += 1
            self.judge.handle(self._call(SESSION))

    def _violation(self, violation: Violation, sender: str = "", recipients: tuple[str, ...] = ()) -> None:
        self._calls += 1
        self._kinds.add(violation.kind)
        method = MESSAGE if sender or recipients else SESSION
        try:
            self.judge.handle(self._call(method, sender, recipients, violation=violation))
        except Exception:
            log.exception("an SMTP violation could not be recorded")

    def _call(
        self,
        method: str,
        sender: str = "",
        recipients: tuple[str, ...] = (),
        content: bytes = b"",
        violation: Violation | None = None,
    ) -> Call:
        return Call(
            Protocol.SMTP,
            self.destination.host,
            self.destination.port,
            self.ingress.world,
            self.ingress.sandbox,
            method=method,
            body=content,
            address=self.destination.address,
            tls=self.tls,
            envelope=Envelope(sender, recipients, self.helo, self.user, self.tls),
            violation=violation,
        )
