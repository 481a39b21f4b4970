"""What all sending has in common: who may send to whom, how much, and what becomes of it.

A mail that is taken gets its id at once and lands in the world's mailbox right after the call. Recipients who are
suppressed, have unsubscribed, or are the mailbox simulator's for bounces get nothing; what became of each is told to
event destinations (`telling`).
"""

import re
from typing import Any

from childproof.stubkit import Context, Entity, Refusal, job

from .account import account, count, region, spend
from .configured import get as get_set
from .contact_lists import get as get_list
from .contacts import key, wants
from .fates import Fate, fate_of, told
from .identities import canonical, identity_of, verified
from .messages import Letter, bare
from .refusals import invalid, newer, rejected
from .suppression import suppressed
from .telling import publish, tell

MOST_RECIPIENTS = 50
LARGEST_CLASSIC = 10_485_760
LARGEST = 41_943_040
_TAG = re.compile(r"[A-Za-z0-9_.@-]{1,256}")
_HEX = "0123456789abcdef"
_REGIONS = {
    "us-east-1": "0100",
    "us-west-2": "0101",
    "eu-west-1": "0102",
    "ap-south-1": "0109",
    "eu-central-1": "0107",
    "us-east-2": "010f",
}


def send(ctx: Context, letter: Letter) -> str:
    """Check a letter, take it, and give its message id. Raises the service's refusal of one that it doesn't take."""
    chosen = check(ctx, letter)
    spend(ctx, len(letter.recipients), "TooManyRequestsException" if newer(ctx) else "Throttling")
    return taken(ctx, letter, chosen)


def check(ctx: Context, letter: Letter) -> Entity | None:
    """Refuse what isn't taken. Gives the configuration set that holds for the letter, where one does."""
    if not account(ctx)["sending"]:
        code = "SendingPausedException" if newer(ctx) else "AccountSendingPausedException"
        raise Refusal(400, code, "Email sending is disabled for your account.")
    for address in (letter.sender, *letter.recipients):
        _well_formed(ctx, address)
    if not letter.recipients:
        raise invalid(ctx, "Missing required header 'To'.")
    if len(letter.recipients) > MOST_RECIPIENTS:
        raise invalid(ctx, f"Recipient count exceeds {MOST_RECIPIENTS}.")
    for name, value in letter.tags:
        if not _TAG.fullmatch(name) or not _TAG.fullmatch(value):
            raise invalid(ctx, f"Invalid tag name or value <{name if not _TAG.fullmatch(name) else value}>.")
    size = (
        len(letter.raw)
        + len(letter.text.encode())
        + len(letter.html.encode())
        + sum(len(one.content) for one in letter.attachments)
    )
    most = LARGEST if newer(ctx) else LARGEST_CLASSIC
    if size > most:
        raise invalid(ctx, f"Message length is more than {most} bytes long: '{size}'.")
    _allowed(ctx, letter)
    identity = identity_of(ctx, bare(letter.sender))
    name = letter.configuration_set or (identity["configuration_set"] if identity is not None else "")
    chosen = get_set(ctx, name) if name else None
    if chosen is not None and not chosen["sending"]:
        code = "SendingPausedException" if newer(ctx) else "ConfigurationSetSendingPausedException"
        raise Refusal(400, code, f"Email sending is disabled for configuration set <{name}>.")
    return chosen


def _allowed(ctx: Context, letter: Letter) -> None:
    """Senders have to be verified; in the sandbox, recipients, too."""
    senders = [letter.sender, letter.return_path, letter.headers.get("from", "")]
    addresses = [bare(one) for one in senders if one]
    if not account(ctx)["production"]:
        addresses += [bare(one) for one in letter.recipients if not fate_of(bare(one)).simulated]
    failed = [address for address in dict.fromkeys(addresses) if not verified(ctx, address)]
    if failed:
        named = region(ctx).upper()
        said = f"The following identities failed the check in region {named}: {', '.join(failed)}"
        raise rejected(f"Email address is not verified. {said}")


def taken(ctx: Context, letter: Letter, chosen: Entity | None) -> str:
    """Take a letter that was checked: its id, its mail, and what becomes of it."""
    message_id = _message_id(ctx)
    fates: dict[str, Fate] = {}
    for address in letter.recipients:
        fates[bare(address)] = _fate(ctx, letter, bare(address), chosen)
    record = ctx.create(
        "sent", message_id, sender=letter.sender, subject=letter.subject, to=list(letter.to), cc=list(letter.cc),
        recipients=list(fates), at=ctx.now_ms(), set=chosen.id if chosen is not None else "", tags=[list(tag) for tag in letter.tags],
        events=[{"type": "SEND", "at": ctx.now_ms(), "address": ""}],
    )  # fmt: skip
    publish(ctx, record, "SEND", {})
    _mail(ctx, letter, message_id, [address for address, fate in fates.items() if fate.mailed])
    for address, fate in fates.items():
        told(ctx, ctx.get("sent", message_id), address, fate)
    return message_id


def _mail(ctx: Context, letter: Letter, message_id: str, recipients: list[str]) -> None:
    """Put the mail into the mailboxes of those who get it."""
    if not recipients:
        return
    # The local region's name in the Message-ID is the first one's alone; all others have theirs.
    host = "email.amazonses.com" if region(ctx) == "us-east-1" else f"{region(ctx)}.amazonses.com"
    payload = {"message": message_id}
    sender = bare(letter.return_path or letter.sender)
    if letter.raw:
        head = f"Message-ID: <{message_id}@{host}>\r\n".encode()
        ctx.mail_raw(sender, recipients, head + letter.raw, then="arrived", payload=payload)
        return
    wanted = {canonical(one) for one in recipients}
    kept = [[one for one in group if canonical(bare(one)) in wanted] for group in (letter.to, letter.cc, letter.bcc)]
    ctx.mail(
        kept[0], cc=kept[1], bcc=kept[2], subject=letter.subject, text=letter.text, html=letter.html, sender=letter.sender,
        reply_to=letter.reply_to, headers=letter.headers, attachments=letter.attachments, message_id=f"{message_id}@{host}",
        bounces=sender, then="arrived", payload=payload,
    )  # fmt: skip


@job("arrived")
def arrived(ctx: Context, payload: dict[str, Any]) -> None:
    """Tell what the rules, and whoever takes mail, said to a message."""
    record = ctx.find("sent", payload["message"])
    if record is None:
        return
    mail = payload["mail"]
    for address in mail["to"]:
        if mail["state"] == "delivered":
            fate = fate_of(address)
            told(ctx, record, address, fate if fate.simulated else Fate("DELIVERY"), after=True)
        elif mail["state"] == "refused":
            diagnosis = f"smtp; {mail.get('status', 550)} {mail.get('reason', '')}".strip()
            told(ctx, record, address, Fate("BOUNCE", "Permanent", "General", diagnosis=diagnosis), after=True)
        else:
            told(ctx, record, address, Fate("DELIVERY_DELAY"), after=True)
        record = ctx.get("sent", record.id)


def _fate(ctx: Context, letter: Letter, address: str, chosen: Entity | None) -> Fate:
    """What becomes of one recipient's mail before it is sent."""
    if suppressed(ctx, address, chosen) is not None:
        said = (
            "Amazon SES has suppressed sending to this address because it is on the suppression list for your account."
        )
        return Fate("BOUNCE", "Permanent", "OnAccountSuppressionList", mailed=False, diagnosis=said)
    if letter.list_name:
        contact_list = get_list(ctx, letter.list_name)
        contact = ctx.find("contact", key(letter.list_name, address))
        if not wants(contact_list, contact, letter.topic or None):
            return Fate("BOUNCE", "Permanent", "UnsubscribedRecipient", mailed=False)
    return fate_of(address)


def failed_rendering(ctx: Context, letter: Letter, chosen: Entity | None, template: str, reason: str) -> str:
    """Take a letter whose template can't be filled in: it gets an id, and nobody gets a mail."""
    message_id = _message_id(ctx)
    record = ctx.create(
        "sent", message_id, sender=letter.sender, subject="", to=list(letter.to), cc=list(letter.cc),
        recipients=[bare(one) for one in letter.recipients], at=ctx.now_ms(), set=chosen.id if chosen is not None else "",
        tags=[list(tag) for tag in letter.tags], events=[],
    )  # fmt: skip
    count(ctx, "rejects")
    tell(ctx, record, "RENDERING_FAILURE", {"failure": {"errorMessage": reason, "templateName": template}})
    return message_id


def _well_formed(ctx: Context, address: str) -> None:
    plain = bare(address)
    local, at, domain = plain.rpartition("@")
    if not at or not domain:
        raise invalid(ctx, "Missing final '@domain'.")
    if not local:
        raise invalid(ctx, "Missing local name.")
    if any(letter in " ,;<>\"'()[]" for letter in domain) or domain.startswith("."):
        raise invalid(ctx, "Domain contains illegal character.")
    if " " in local or "@" in local:
        raise invalid(
            ctx,
            "Local address contains control or whitespace."
            if " " in local
            else "User name is too long or has an illegal character.",
        )


def _message_id(ctx: Context) -> str:
    """An id as the service makes them: its region and the time, then what tells it from others."""
    region_code = _REGIONS.get(region(ctx), "0110")
    digits = ctx.token(32, _HEX)
    parts = (digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:])
    return f"{region_code}{ctx.now_ms():012x}-{'-'.join(parts)}-000000"
