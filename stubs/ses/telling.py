"""Telling event destinations and topics of what becomes of mails.

Topics are another service, which isn't here: what subscribes to one is in the world file or seed.yaml (`topic_subscription`:
`topic` and `endpoint`), and is sent what that service sends to an HTTPS endpoint. Its signature could only be that
service's own, so there is none. Streams and metrics are kept as settings and told nothing.
"""

import json
from typing import Any

from childproof.stubkit import Context, Entity

from .account import account, region
from .identities import arn, identity_of
from .messages import bare
from .times import iso

_WORDS = {"SEND": "Send", "DELIVERY": "Delivery", "BOUNCE": "Bounce", "COMPLAINT": "Complaint", "REJECT": "Reject",
          "DELIVERY_DELAY": "DeliveryDelay", "RENDERING_FAILURE": "Rendering Failure"}  # fmt: skip
_SUBJECT = "Amazon SES Email Event Notification"
_NOTIFIED = frozenset({"BOUNCE", "COMPLAINT", "DELIVERY"})  # what identities have topics for
_TOLD = frozenset({"BOUNCE", "COMPLAINT", "RENDERING_FAILURE"})  # what the mailbox doesn't tell


def tell(ctx: Context, record: Entity, kind: str, details: dict[str, Any], address: str = "") -> None:
    """Keep an event of a message, and tell whoever wants to know."""
    event = {"type": kind, "at": ctx.now_ms(), "address": address, **_insight(kind, details)}
    record = ctx.update(record, events=[*record["events"], event])
    if kind in _TOLD:
        ctx.emit(f"mail.{kind.lower()}", {"id": record.id, "address": address, "subject": record["subject"]})
    publish(ctx, record, kind, details)


def publish(ctx: Context, record: Entity, kind: str, details: dict[str, Any]) -> None:
    """Tell the topics of event destinations and of the sender's identity."""
    chosen = ctx.find("configuration_set", record["set"]) if record["set"] else None
    for destination in chosen["destinations"] if chosen is not None else ():
        topic = destination.get("SnsDestination", {}).get("TopicArn")
        if destination["Enabled"] and kind in destination["MatchingEventTypes"] and topic:
            _publish(ctx, topic, {"eventType": _WORDS[kind], "mail": _mail(ctx, record), **details})
    if kind not in _NOTIFIED:
        return
    identity = identity_of(ctx, bare(record["sender"]))
    topic = identity["topics"].get(_WORDS[kind]) if identity is not None else None
    if topic:
        _publish(ctx, topic, {"notificationType": _WORDS[kind], "mail": _mail(ctx, record), **details})


def _insight(kind: str, details: dict[str, Any]) -> dict[str, Any]:
    if kind == "BOUNCE":
        bounce = details["bounce"]
        code = bounce["bouncedRecipients"][0]["diagnosticCode"]
        return {"bounce": {"type": bounce["bounceType"].upper(), "sub_type": bounce["bounceSubType"], "code": code}}
    return {"complaint": details["complaint"]["complaintFeedbackType"]} if kind == "COMPLAINT" else {}


def _mail(ctx: Context, record: Entity) -> dict[str, Any]:
    """The message as every event has it."""
    common: dict[str, Any] = {"from": [record["sender"]], "to": record["to"], "messageId": record.id}
    common |= {"cc": record["cc"]} if record["cc"] else {}
    common |= {"subject": record["subject"]} if record["subject"] else {}
    tags: dict[str, list[str]] = {
        "ses:source-ip": ["127.0.0.1"],
        "ses:from-domain": [bare(record["sender"]).rpartition("@")[2]],
        "ses:caller-identity": ["childproof"],
        **({"ses:configuration-set": [record["set"]]} if record["set"] else {}),
    }
    for name, value in record["tags"]:
        tags.setdefault(name, []).append(value)
    headers = [{"name": "From", "value": record["sender"]}, {"name": "To", "value": ", ".join(record["to"])}]
    if record["subject"]:
        headers.append({"name": "Subject", "value": record["subject"]})
    identity = identity_of(ctx, bare(record["sender"]))
    return {
        "timestamp": iso(record["at"]), "source": record["sender"], "messageId": record.id,
        **({"sourceArn": arn(ctx, identity)} if identity is not None else {}),
        "sendingAccountId": account(ctx)["number"], "destination": record["recipients"], "headersTruncated": False,
        "headers": headers, "commonHeaders": common, "tags": tags,
    }  # fmt: skip


def _publish(ctx: Context, topic: str, event: dict[str, Any]) -> None:
    """Send an event to whatever subscribes to a topic: wrapped as a notification, or raw where it asks for that."""
    for subscription in ctx.within("").list("topic_subscription", newest_first=False, topic=topic):
        kind = str(event.get("eventType") or event["notificationType"])
        if subscription.get("raw"):
            ctx.within("").send(subscription, kind, event)
            continue
        digits = ctx.token(32, "0123456789abcdef")
        message_id = "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
        leave = f"https://sns.{region(ctx)}.amazonaws.com/?Action=Unsubscribe&SubscriptionArn={topic}:{subscription.id}"
        notification = {
            "Type": "Notification", "MessageId": message_id, "TopicArn": topic, "Subject": _SUBJECT, "Message": json.dumps(event),
            "Timestamp": iso(ctx.now_ms()), "SignatureVersion": "1", "UnsubscribeURL": leave,
        }  # fmt: skip
        ctx.within("").send(subscription, kind, notification)
