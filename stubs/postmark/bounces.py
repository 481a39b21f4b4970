"""Bounces: who couldn't be mailed and why; hard ones make an address inactive until they are activated."""

from collections.abc import Mapping
from typing import Any

from childproof.stubkit import Context, Entity, operation

from .checking import refused
from .suppressions import suppress, unsuppress
from .webhooks import tell

# https://postmarkapp.com/developer/api/bounce-api#bounce-types: code, name, whether it makes the address inactive
KINDS: Mapping[str, tuple[int, str, str, bool]] = {
    "HardBounce": (1, "Hard bounce", "The server was unable to deliver your message (ex: unknown user, mailbox not found).", True),
    "Transient": (2, "Message delayed", "The server could not temporarily deliver your message (ex: Message is delayed due to network troubles).", False),
    "Unsubscribe": (16, "Unsubscribe request", "Unsubscribe or Remove request.", False),
    "Subscribe": (32, "Subscribe request", "Subscribe request from someone wanting to get added to the mailing list.", False),
    "AutoResponder": (64, "Auto responder", 'Automatic email responder (ex: "Out of Office" or "On Vacation").', False),
    "AddressChange": (128, "Address change", "The recipient has requested an address change.", False),
    "DnsError": (256, "DNS error", "A temporary DNS error.", False),
    "SpamNotification": (512, "Spam notification", "The message was delivered, but was either blocked by the user, or classified as spam, bulk mail, or had rejected content.", False),
    "OpenRelayTest": (1024, "Open relay test", "The NDR is actually a test email message to see if the mail server is an open relay.", False),
    "Unknown": (2048, "Unknown", "Unable to classify the NDR.", False),
    "SoftBounce": (4096, "Soft bounce", "Unable to temporarily deliver message (i.e. mailbox full, account disabled, exceeds quota, out of disk space).", False),
    "VirusNotification": (8192, "Virus notification", "The bounce is actually a virus notification warning about a virus/code infected message.", False),
    "ChallengeVerification": (16384, "Spam challenge verification", "The bounce is a challenge asking for verification you actually sent the email.", False),
    "BadEmailAddress": (100000, "Invalid email address", "The address is not a valid email address.", True),
    "SpamComplaint": (100001, "Spam complaint", "The subscriber explicitly marked this message as spam.", True),
    "ManuallyDeactivated": (100002, "Manually deactivated", "The email was manually deactivated.", True),
    "Unconfirmed": (100003, "Registration not confirmed", "The subscriber has not clicked on the confirmation link upon registration or import.", False),
    "Blocked": (100006, "ISP block", "Blocked from this ISP due to content or blacklisting.", False),
    "SMTPApiError": (100007, "SMTP API error", "An error occurred while accepting an email through the SMTP API.", False),
    "InboundError": (100008, "Processing failed", "Unable to deliver inbound message to destination inbound hook.", False),
    "DMARCPolicy": (100009, "DMARC Policy", "Email rejected due DMARC Policy.", False),
}  # fmt: skip
_BY_NAME = {name.lower(): name for name in KINDS}


def bounce(ctx: Context, message: Entity, address: str, kind: str, details: str) -> dict[str, Any]:
    """Keep a bounce and tell of it; the message's event. A kind that Postmark doesn't have is a hard bounce."""
    name = _BY_NAME.get(kind.lower(), "HardBounce")
    code, title, description, off = KINDS[name]
    made = ctx.create(
        "bounce", Type=name, TypeCode=code, Name=title, Tag=message["Tag"], MessageID=message.id, ServerID=1,
        MessageStream=message["MessageStream"], Description=description, Details=details, Email=address, From=message["From"],
        BouncedAt=ctx.now(), Inactive=off, CanActivate=off and name != "SpamComplaint", Subject=message["Subject"],
    )  # fmt: skip
    ctx.emit("mail.bounced", {"id": message.id, "to": address, "type": name})
    shown = _shown(made)
    tell(
        ctx,
        message["MessageStream"],
        "SpamComplaint" if name == "SpamComplaint" else "Bounce",
        {**shown, "Metadata": message["Metadata"]},
    )
    if off:
        suppress(
            ctx,
            message["MessageStream"],
            address,
            "SpamComplaint" if name == "SpamComplaint" else "HardBounce",
            "Recipient",
            message=message,
        )
    kind_of = "Transient" if name == "Transient" else "Bounced"
    return {
        "Recipient": address, "Type": kind_of, "ReceivedAt": ctx.now(),
        "Details": {"Summary": details, "BounceID": str(made.id), "DestinationServer": address.rpartition("@")[2]},
    }  # fmt: skip


def _shown(entity: Entity) -> dict[str, Any]:
    names = (
        "Type", "TypeCode", "Name", "Tag", "MessageID", "ServerID", "MessageStream", "Description", "Details", "Email", "From",
        "BouncedAt", "Inactive", "CanActivate", "Subject",
    )  # fmt: skip
    return {"ID": int(entity.id), **{name: entity[name] for name in names}, "DumpAvailable": True}


@operation("GET /bounces")
def listed(ctx: Context) -> dict[str, Any]:
    """Bounces, the newest first."""
    query = ctx.query
    where = {
        field: query[name]
        for name, field in (
            ("type", "Type"),
            ("inactive", "Inactive"),
            ("messageID", "MessageID"),
            ("tag", "Tag"),
            ("messagestream", "MessageStream"),
        )
        if query.get(name) is not None
    }
    wanted = str(query.get("emailFilter") or "").lower()
    found = [one for one in ctx.list("bounce", **where) if wanted in one["Email"].lower()]
    first, most = int(query.get("offset") or 0), int(query.get("count") or 100)
    return {"TotalCount": len(found), "Bounces": [_shown(one) for one in found[first : first + most]]}


@operation("GET /bounces/{bounceid}")
def read(ctx: Context, bounceid: str) -> dict[str, Any]:
    """One."""
    return _shown(_bounce(ctx, bounceid))


@operation("GET /bounces/{bounceid}/dump")
def dump(ctx: Context, bounceid: str) -> dict[str, Any]:
    """What the other server said."""
    found = _bounce(ctx, bounceid)
    return {
        "Body": f"Final-Recipient: rfc822;{found['Email']}\r\nAction: failed\r\nDiagnostic-Code: {found['Details']}\r\n"
    }


@operation("PUT /bounces/{bounceid}/activate")
def activate(ctx: Context, bounceid: str) -> dict[str, Any]:
    """Mail to the address again."""
    found = _bounce(ctx, bounceid)
    if found["Inactive"] and not found["CanActivate"]:
        raise refused(414, "This address can't be activated.")
    unsuppress(ctx, found["MessageStream"], found["Email"])
    return {"Message": "OK", "Bounce": _shown(ctx.update(found, Inactive=False))}


@operation("GET /deliveryStats")
@operation("GET /deliverystats")
def stats(ctx: Context) -> dict[str, Any]:
    """How many bounced, by kind."""
    found = ctx.list("bounce")
    counts: dict[str, int] = {}
    for one in found:
        counts[one["Type"]] = counts.get(one["Type"], 0) + 1
    told: list[dict[str, Any]] = [{"Name": "All", "Count": len(found)}]
    told += [{"Type": kind, "Name": KINDS[kind][1], "Count": number} for kind, number in counts.items()]
    return {"InactiveMails": sum(1 for one in found if one["Inactive"]), "Bounces": told}


def _bounce(ctx: Context, bounceid: str) -> Entity:
    found = ctx.find("bounce", bounceid)
    if found is None:
        raise refused(407, "The bounce you requested was not found.", 404)
    return found
