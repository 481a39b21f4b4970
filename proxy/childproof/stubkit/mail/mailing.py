"""Mail that a service sends: of its own accord, or since a client asked for it. Queued with the call's changes, sent after it.

Whether a mail reaches anybody is for the rules to say, as for any other: where they lead SMTP to a stub, that takes it;
else the stub that `mail` in stub.yaml names, where no rule says anything; else it is recorded as denied. It never leaves
the machine.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from childproof.model import Effect
from childproof.stubkit.context.telling import TENANT
from childproof.stubkit.refusal import Refusal
from childproof.world import OUTBOX, Mail, Then, told

from .composing import Attachment, Letter, Mailbox, bare, composed, custom
from .templates import LARGEST, Rendering

if TYPE_CHECKING:
    from childproof.stubkit.service import Service
    from childproof.world.transaction import Transaction

# An address of the kind that every server takes (RFC 5321, section 4.1.2, without quoted local parts).
_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.)+[A-Za-z0-9-]{1,63}")
_CONTROL = re.compile(r"[\x00-\x20\x7f<>]+")
_HEXADECIMAL = "0123456789abcdef"
MOST = 64 * 1024 * 1024  # bytes of all messages of one call, as they go over the wire
_UNSENDABLE = 553  # RFC 5321, section 4.2.3: mailbox name not allowed


class Mailing:
    """The part of a context that sends mail."""

    _mailed = 0  # bytes of this call's messages

    if TYPE_CHECKING:
        service: str
        effects: list[Effect]
        _service: Service
        _tx: Transaction
        _quiet: bool
        _tenant: str

    @cached_property
    def rendering(self) -> Rendering:
        """What this call may still spend on rendering templates: `template(text).render(data, within=ctx.rendering)`."""
        return Rendering()

    def replaced(self, text: str, what: str | re.Pattern[str], by: str | Callable[[re.Match[str]], str]) -> str:
        """A text with something else in some places; a text that is put there is taken as it is.

        Raises Refusal (413) where that would be too long: a small text may name a large one a million times.
        """
        room = min(LARGEST, self.rendering.size) - len(text)

        def one(found: re.Match[str]) -> str:
            nonlocal room
            made = by if isinstance(by, str) else by(found)
            room -= len(made) - len(found[0])
            if room < 0:
                raise Refusal(413, None, f"The message has more than {LARGEST} characters.")
            return made

        made = re.sub(re.escape(what) if isinstance(what, str) else what, one, text)
        self.rendering.size -= len(made)
        return made

    def mail(
        self,
        to: Mailbox | Sequence[Mailbox],
        *,
        subject: str,
        text: str = "",
        html: str = "",
        sender: Mailbox = "",
        cc: Iterable[Mailbox] = (),
        bcc: Iterable[Mailbox] = (),
        reply_to: Iterable[Mailbox] = (),
        headers: Mapping[str, str] | None = None,
        attachments: Iterable[Attachment] = (),
        alternatives: Iterable[tuple[str, str]] = (),
        message_id: str = "",
        bounces: str = "",
        only: Iterable[str] | None = None,
        then: str = "",
        payload: Mapping[str, Any] | None = None,
    ) -> str:
        """Mail people: queued with all that this call changes, sent right after it, with an entry of its own.

        An address is bare, or has a name: `Jenny <jenny@home.example>`, `("Jenny", "jenny@home.example")`. `sender` is by
        default `no-reply@` the service's host; `bounces` is the envelope's sender, where that is another; `only` are those who get it,
        where that aren't all who are named. `alternatives`
        are further forms of the text, (media type, text), between plain text and HTML. `headers` that say how the message
        is made (From, Content-Type) are left out. Returns the Message-ID, in angle brackets.

        Whether it arrives is for the rules to say: it is a call of protocol smtp. `then` names a `@job` that is told:
        its payload is `payload` and `mail`: `state` (`delivered`, `deferred`, `refused`), the SMTP `status`, its `reason`,
        and `to`, all recipients.
        """
        own = sender or f"no-reply@{self._service.host}"
        told_of: tuple[Mailbox, ...] = (to,) if isinstance(to, str) or _is_named(to) else tuple(to)  # type: ignore[assignment]  # a pair of texts is one mailbox
        shown = {name: str(value) for name, value in (headers or {}).items()}
        given = next((value for name, value in shown.items() if name.lower() == "message-id"), "") or message_id
        identity = f"<{_CONTROL.sub('', given)}>" if given else self._message_id(bare(own))
        if self._quiet:
            return identity
        forms = [("text/plain", text)] if text or not html else []
        forms += [*alternatives, *([("text/html", html)] if html else [])]
        copies, blind = tuple(cc), tuple(bcc)
        letter = Letter(
            own, told_of, subject, tuple(forms), copies, tuple(reply_to),
            custom({name: value for name, value in shown.items() if name.lower() != "message-id"}), tuple(attachments),
        )  # fmt: skip
        recipients = [bare(box) for box in (*told_of, *copies, *blind)] if only is None else list(only)
        date = format_datetime(datetime.fromtimestamp(self._tx.now() // 1000, UTC))
        self._post(
            bounces or bare(own),
            recipients,
            lambda: composed(letter, date=date, message_id=identity, boundary=self._boundary),
            {"to": recipients, "subject": subject},
            self._then(then, payload),
        )
        return identity

    def mail_raw(
        self,
        sender: str,
        recipients: Sequence[str],
        message: bytes,
        *,
        then: str = "",
        payload: Mapping[str, Any] | None = None,
    ) -> None:
        """Mail a whole message as it is, bytes of any kind, to bare addresses; otherwise as `mail`."""
        if not self._quiet:
            self._post(sender, list(recipients), lambda: message, {"to": list(recipients)}, self._then(then, payload))

    def _post(self, sender: str, recipients: list[str], write: Any, tells: dict[str, Any], then: Then | None) -> None:
        """Queue a message. Where no recipient has an address that can be used, it is told as unsendable, and that is all."""
        good = tuple(dict.fromkeys(address for address in recipients if _ADDRESS.fullmatch(address)))
        if good:
            message = write()
            self._mailed += len(message)
            if self._mailed > MOST:
                raise Refusal(413, None, f"The messages have more than {MOST} bytes together.")
            mail = Mail(sender, good, message, self.service, self._service.manifest.mail, then)
            job = self._tx.schedule(self._tx.now(), OUTBOX, "mail", mail.to_json())
            self.effects.append(Effect(self.service, "mail.queued", job, tells))
            return
        self.effects.append(Effect(self.service, "mail.unsendable", "", tells))
        if then is not None:
            outcome = told(
                Mail(sender, tuple(recipients), b""), _UNSENDABLE, "5.1.3 no address that mail can be sent to"
            )
            self._tx.schedule(self._tx.now(), then.service, then.job, {**then.payload, "mail": outcome})

    def _then(self, job: str, payload: Mapping[str, Any] | None) -> Then | None:
        if not job:
            return None
        if job not in self._service.behaviours.jobs:
            raise LookupError(f"the stub {self.service} has no @job({job!r})")
        whose = {TENANT: self._tenant} if self._tenant else {}
        return Then(self.service, job, {**(payload or {}), **whose})

    def _boundary(self) -> str:
        return self._tx.token(f"{self.service} mail", 32, _HEXADECIMAL)

    def _message_id(self, sender: str) -> str:
        return f"<{self._boundary()}@{sender.rpartition('@')[2]}>"


def _is_named(to: Any) -> bool:
    """Whether this is one mailbox with its name, and no two mailboxes."""
    return isinstance(to, tuple) and len(to) == 2 and all(isinstance(one, str) for one in to) and "@" not in to[0]
