"""Mail that waits to be judged and delivered, as it is kept in the world: a message, its envelope, and who asks what became of it."""

import base64
from typing import Any

import msgspec


class Then(msgspec.Struct, frozen=True):
    """The job of a stub that is to be told what became of a mail: `payload` and `mail` (see `told`) are its payload."""

    service: str
    job: str
    payload: dict[str, Any] = msgspec.field(default_factory=dict)


class Mail(msgspec.Struct, frozen=True):
    """A whole message and its envelope. `service` is the stub that sent it.

    `keeper` is the stub that takes it where no rule says anything of it; "" for none.
    """

    sender: str
    recipients: tuple[str, ...]
    message: bytes
    service: str = ""
    keeper: str = ""
    then: Then | None = None

    def to_json(self) -> dict[str, Any]:
        """As the payload of a job."""
        value: dict[str, Any] = {"from": self.sender, "to": list(self.recipients)}
        try:
            value["message"] = self.message.decode()
        except UnicodeDecodeError:
            value["base64"] = base64.b64encode(self.message).decode()
        if self.service:
            value["service"] = self.service
        if self.keeper:
            value["keeper"] = self.keeper
        if self.then is not None:
            value["then"] = {"service": self.then.service, "job": self.then.job, "payload": self.then.payload}
        return value

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "Mail":
        """As read back."""
        raw = base64.b64decode(value["base64"]) if "base64" in value else value["message"].encode()
        then = Then(**value["then"]) if "then" in value else None
        return cls(value["from"], tuple(value["to"]), raw, value.get("service", ""), value.get("keeper", ""), then)


def told(mail: Mail, status: int, reason: str) -> dict[str, Any]:
    """What a `Then` is told: an SMTP status (250, 4xx for not now, 5xx for never), its words, and whom the mail was for."""
    state = "delivered" if 200 <= status < 300 else "deferred" if 400 <= status < 500 else "refused"
    return {"state": state, "status": status, "reason": reason, "to": list(mail.recipients)}
