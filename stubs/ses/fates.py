"""What becomes of a recipient's mail: delivered, or one of the ends that the mailbox simulator's addresses stand for."""

from dataclasses import dataclass
from typing import Any

from childproof.stubkit import Context, Entity

from .account import count
from .suppression import suppress_for
from .telling import tell
from .times import iso

_SIMULATOR = "simulator.amazonses.com"


@dataclass(frozen=True, slots=True)
class Fate:
    """An event's type, with what a bounce or a complaint says. `mailed`: whether a mail goes out at all."""

    kind: str
    type: str = ""
    sub_type: str = ""
    mailed: bool = True
    simulated: bool = False
    status: str = "5.1.1"
    diagnosis: str = "smtp; 550 5.1.1 user unknown"


_SIMULATED = {
    "success": Fate("DELIVERY", simulated=True),
    "bounce": Fate("BOUNCE", "Permanent", "General", mailed=False, simulated=True),
    "ooto": Fate("DELIVERY", simulated=True),
    "complaint": Fate("COMPLAINT", simulated=True),
    "suppressionlist": Fate("BOUNCE", "Permanent", "Suppressed", mailed=False, simulated=True,
                            diagnosis="Amazon SES has suppressed sending to this address because it has a recent history of bouncing as an "
                                      "invalid address."),
}  # fmt: skip


def fate_of(address: str) -> Fate:
    """What becomes of a mail to an address: the simulator's have ends of their own, labels after `+` not counted."""
    local, _, domain = address.lower().rpartition("@")
    if domain == _SIMULATOR:
        return _SIMULATED.get(local.partition("+")[0], Fate("DELIVERY", simulated=True))
    return Fate("DELIVERY")


def told(ctx: Context, record: Entity, address: str, fate: Fate, *, after: bool = False) -> None:
    """Count and tell of what became of one recipient's mail: at once where none goes out, else when it has arrived."""
    if fate.mailed and not after:
        return
    now = iso(ctx.now_ms())
    feedback = f"{record.id.rpartition('-')[0]}-{ctx.token(6, '0123456789abcdef')}-000000"
    if fate.kind == "BOUNCE":
        count(ctx, "bounces")
        tell(ctx, record, "BOUNCE", {"bounce": _bounce(address, fate, now, feedback)}, address)
        if not fate.simulated and fate.sub_type == "General":
            suppress_for(ctx, address, "BOUNCE", message=record.id, feedback=feedback)
        return
    if fate.kind == "DELIVERY_DELAY":
        delay = {
            "timestamp": now,
            "delayType": "TransientCommunicationFailure",
            "delayedRecipients": [
                {"emailAddress": address, "status": "4.4.1", "diagnosticCode": "smtp; 421 4.4.1 Unable to connect"}
            ],
        }
        tell(ctx, record, "DELIVERY_DELAY", {"deliveryDelay": delay}, address)
        return
    delivery = {
        "timestamp": now, "processingTimeMillis": 0, "recipients": [address], "smtpResponse": "250 2.0.0 OK",
        "reportingMTA": "a8-70.smtp-out.amazonses.com",
    }  # fmt: skip
    tell(ctx, record, "DELIVERY", {"delivery": delivery}, address)
    if fate.kind == "COMPLAINT":
        count(ctx, "complaints")
        complaint = {
            "complainedRecipients": [{"emailAddress": address}], "timestamp": now, "feedbackId": feedback,
            "complaintFeedbackType": "abuse", "userAgent": "Amazon SES Mailbox Simulator", "arrivalDate": now, "complaintSubType": None,
        }  # fmt: skip
        tell(ctx, ctx.get("sent", record.id), "COMPLAINT", {"complaint": complaint}, address)


def _bounce(address: str, fate: Fate, now: str, feedback: str) -> dict[str, Any]:
    bounced = {"emailAddress": address, "action": "failed", "status": fate.status, "diagnosticCode": fate.diagnosis}
    return {
        "feedbackId": feedback, "bounceType": fate.type, "bounceSubType": fate.sub_type, "bouncedRecipients": [bounced],
        "timestamp": now, "reportingMTA": "dns; amazonses.com",
    }  # fmt: skip
