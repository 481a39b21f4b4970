"""Mail that a service sends of its own accord: a receipt, an invitation. Queued with the call's changes, delivered after it.

Whether a mail reaches anybody is for the rules to say, as for any other: where they lead SMTP to a stub, that takes it;
else it is recorded as denied. It never leaves the machine.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, formataddr, parseaddr
from typing import TYPE_CHECKING

from childproof.model import Effect
from childproof.world import OUTBOX
from childproof.world.transaction import Transaction

if TYPE_CHECKING:
    from .service import Service

# An address of the kind that every server takes (RFC 5321, section 4.1.2, without quoted local parts).
_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.)+[A-Za-z0-9-]{1,63}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")
_HEXADECIMAL = "0123456789abcdef"


@dataclass(frozen=True, slots=True)
class Message:
    """What is to be sent, and to whom: bare addresses."""

    sender: str
    to: tuple[str, ...]
    subject: str
    text: str
    html: str = ""


class Mailing:
    """The part of a context that sends mail."""

    if TYPE_CHECKING:
        service: str
        effects: list[Effect]
        _service: Service
        _tx: Transaction
        _quiet: bool

    def mail(self, to: str | Sequence[str], *, subject: str, text: str, html: str = "", sender: str = "") -> None:
        """Mail people: queued with all that this call changes, sent right after it, with an entry of its own.

        `to` are bare addresses; `sender` may have a name (`Shop <hello@shop.example>`) and is by default `no-reply@` the
        service's host. Whether it arrives is for the rules to say: it is a call of protocol smtp, which a stub takes or
        nobody.
        """
        if not self._quiet:
            recipients = (to,) if isinstance(to, str) else tuple(to)
            message = Message(sender or f"no-reply@{self._service.host}", recipients, subject, text, html)
            self.effects.append(post(self._tx, self.service, message))


def post(tx: Transaction, service: str, message: Message) -> Effect:
    """Queue a message; the effect that tells of it. Where no recipient has an address that can be used, that is all."""
    recipients = [address for address in message.to if _ADDRESS.fullmatch(address)]
    told = {"to": list(message.to), "subject": message.subject}
    if not recipients:
        return Effect(service, "mail.unsendable", "", told)
    written = _written(tx, service, message, recipients)
    payload = {"from": parseaddr(message.sender)[1], "to": recipients, "message": written}
    return Effect(service, "mail.queued", tx.schedule(tx.now(), OUTBOX, "mail", payload), told)


def _written(tx: Transaction, service: str, message: Message, recipients: list[str]) -> str:
    """The message as it goes over the wire (RFC 5322), in ASCII, the same whenever the same call is made again."""
    name, address = parseaddr(message.sender)
    mail = EmailMessage(SMTP.clone(cte_type="7bit"))
    mail["From"] = formataddr((_CONTROL.sub(" ", name), address))
    mail["To"] = ", ".join(recipients)
    mail["Subject"] = _CONTROL.sub(" ", message.subject)
    mail["Date"] = format_datetime(datetime.fromtimestamp(tx.now() // 1000, UTC))
    mail["Message-ID"] = f"<{tx.token(f'{service} mail', 32, _HEXADECIMAL)}@{address.rpartition('@')[2]}>"
    mail.set_content(message.text)
    if message.html:
        mail.add_alternative(message.html, subtype="html")
        mail.set_boundary(tx.token(f"{service} mail", 32, _HEXADECIMAL))
    return mail.as_bytes().decode("ascii")
