"""What was sent: searching it, reading one message, and the numbers."""

from typing import Any

from childproof.stubkit import Context, Entity, operation

from .checking import refused

BRIEF = (
    "Tag", "MessageID", "MessageStream", "To", "Cc", "Bcc", "Recipients", "ReceivedAt", "From", "Subject", "Attachments", "Status",
    "TrackOpens", "TrackLinks", "Metadata", "Sandboxed",
)  # fmt: skip


@operation("GET /messages/outbound")
def listed(ctx: Context) -> dict[str, Any]:
    """Messages, the newest first."""
    query = ctx.query
    sender = query.get("fromemail") or query.get("fromEmail")
    stream = query.get("messagestream") or query.get("messageStream")
    found = [
        one for one in ctx.list("message")
        if (not query.get("recipient") or query["recipient"].lower() in map(str.lower, one["Recipients"]))
        and (not sender or sender.lower() in one["From"].lower())
        and (not stream or one["MessageStream"] == stream)
        and (not query.get("tag") or one["Tag"] == query["tag"])
        and (not query.get("status") or one["Status"].lower() == query["status"].lower())
        and (not query.get("subject") or query["subject"].lower() in one["Subject"].lower())
    ]  # fmt: skip
    first, most = int(query.get("offset") or 0), int(query.get("count") or 100)
    shown = [{name: one[name] for name in BRIEF} for one in found[first : first + most]]
    return {"TotalCount": len(found), "Messages": shown}


@operation("GET /messages/outbound/{messageid}/details")
def read(ctx: Context, messageid: str) -> dict[str, Any]:
    """One, with its texts and what became of it."""
    found = _message(ctx, messageid)
    shown = {name: found[name] for name in (*BRIEF, "TextBody", "HtmlBody", "MessageEvents")}
    return {**shown, "Body": _dump(found)}


@operation("GET /messages/outbound/{messageid}/dump")
def dump(ctx: Context, messageid: str) -> dict[str, Any]:
    """Its head and text as one."""
    return {"Body": _dump(_message(ctx, messageid))}


@operation("GET /stats/outbound")
def stats(ctx: Context) -> dict[str, Any]:
    """The numbers of a span; nobody opens or clicks here."""
    sent, bounced = len(_span(ctx, "message", "ReceivedAt")), _span(ctx, "bounce", "BouncedAt")
    complaints = sum(1 for one in bounced if one["Type"] == "SpamComplaint")
    number = len(bounced) - complaints
    names = (
        "SMTPApiErrors", "Opens", "UniqueOpens", "Tracked", "WithClientRecorded", "WithPlatformRecorded", "WithReadTimeRecorded",
        "TotalClicks", "UniqueLinksClicked", "TotalTrackedLinksSent", "WithLinkTracking", "WithOpenTracking",
    )  # fmt: skip
    return {
        "Sent": sent, "Bounced": number, "BounceRate": round(100 * number / sent, 3) if sent else 0,
        "SpamComplaints": complaints, "SpamComplaintsRate": round(100 * complaints / sent, 3) if sent else 0,
        **dict.fromkeys(names, 0),
    }  # fmt: skip


@operation("GET /stats/outbound/sends")
def sends(ctx: Context) -> dict[str, Any]:
    """How many were sent, day by day."""
    days: dict[str, int] = {}
    for one in reversed(_span(ctx, "message", "ReceivedAt")):
        days[one["ReceivedAt"][:10]] = days.get(one["ReceivedAt"][:10], 0) + 1
    return {"Days": [{"Date": day, "Sent": number} for day, number in days.items()], "Sent": sum(days.values())}


def _span(ctx: Context, resource: str, field: str) -> list[Entity]:
    query = ctx.query
    return [
        one for one in ctx.list(resource)
        if (not query.get("fromdate") or one[field][:10] >= query["fromdate"])
        and (not query.get("todate") or one[field][:10] <= query["todate"])
        and (not query.get("tag") or one["Tag"] == query["tag"])
        and (not query.get("messagestream") or one["MessageStream"] == query["messagestream"])
    ]  # fmt: skip


def _message(ctx: Context, messageid: str) -> Entity:
    found = ctx.find("message", messageid)
    if found is None:
        raise refused(701, "This message does not exist or was not found.", 404)
    return found


def _dump(message: Entity) -> str:
    to = ", ".join(box["Email"] for box in message["To"])
    head = f"From: {message['From']}\r\nTo: {to}\r\nSubject: {message['Subject']}\r\nX-PM-Message-Id: {message.id}\r\n"
    return f"{head}\r\n{message['TextBody'] or message['HtmlBody'] or ''}"
