"""What became of a message, recipient by recipient."""

from typing import Any

from childproof.stubkit import Context, operation

from .refusals import absent
from .times import seconds


def _event(event: dict[str, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = {"Timestamp": seconds(event["at"]), "Type": event["type"]}
    if "bounce" in event:
        kinds = {"PERMANENT": "PERMANENT", "TRANSIENT": "TRANSIENT"}
        bounce = event["bounce"]
        kind = kinds.get(bounce["type"], "UNDETERMINED")
        own = {"BounceType": kind, "BounceSubType": bounce["sub_type"], "DiagnosticCode": bounce["code"]}
        shown["Details"] = {"Bounce": own}
    if "complaint" in event:
        shown["Details"] = {"Complaint": {"ComplaintFeedbackType": event["complaint"]}}
    return shown


@operation("GET /v2/email/insights/{MessageId}/")
def read(ctx: Context, MessageId: str) -> dict[str, Any]:  # noqa: N803 - the document's own name
    """The events of a message, by recipient; what is told of all stands at each."""
    found = ctx.find("sent", MessageId)
    if found is None:
        raise absent(ctx, "", f"Message {MessageId} does not exist.")
    insights = [
        {
            "Destination": address,
            "Isp": "UNKNOWN_ISP",
            "Events": [_event(event) for event in found["events"] if event["address"] in {"", address}],
        }
        for address in found["recipients"]
    ]
    tags = [{"Name": name, "Value": value} for name, value in found["tags"]]
    return {
        "MessageId": found.id,
        "FromEmailAddress": found["sender"],
        **({"Subject": found["subject"]} if found["subject"] else {}),
        "EmailTags": tags,
        "Insights": insights,
    }
