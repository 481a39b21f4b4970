"""Event destinations: who is told of what becomes of the mails that name a configuration set."""

from typing import Any

from childproof.stubkit import Context, Entity, operation

from .configured import get
from .refusals import absent, exists, invalid


def _destination(ctx: Context, found: Entity, name: str) -> dict[str, Any]:
    for one in found["destinations"]:
        if one["Name"] == name:
            return dict(one)
    said = f"Event destination <{name}> does not exist for configuration set <{found['name']}>."
    raise absent(ctx, "EventDestinationDoesNotExist", said)


def _add(ctx: Context, set_name: str, destination: dict[str, Any]) -> None:
    found = get(ctx, set_name)
    if any(one["Name"] == destination["Name"] for one in found["destinations"]):
        said = f"Event destination <{destination['Name']}> already exists for configuration set <{set_name}>."
        raise exists(ctx, "EventDestinationAlreadyExists", said)
    ctx.update(found, destinations=[*found["destinations"], _checked(ctx, destination)])


def _replace(ctx: Context, set_name: str, destination: dict[str, Any]) -> None:
    found = get(ctx, set_name)
    _destination(ctx, found, destination["Name"])
    changed = [
        _checked(ctx, destination) if one["Name"] == destination["Name"] else one for one in found["destinations"]
    ]
    ctx.update(found, destinations=changed)


def _remove(ctx: Context, set_name: str, name: str) -> None:
    found = get(ctx, set_name)
    _destination(ctx, found, name)
    ctx.update(found, destinations=[one for one in found["destinations"] if one["Name"] != name])


def _checked(ctx: Context, destination: dict[str, Any]) -> dict[str, Any]:
    places = [key for key in destination if key.endswith("Destination") and destination[key]]
    if len(places) != 1:
        said = "Exactly one destination must be specified."
        raise invalid(ctx, said)
    topic = destination.get("SnsDestination", {}).get("TopicArn")
    if topic is not None and not topic.startswith("arn:"):
        raise invalid(ctx, f"SNS destination <{topic}> is not valid.", "InvalidSNSDestination")
    return {"Enabled": False, "MatchingEventTypes": [], **destination}


@operation("POST /v2/email/configuration-sets/{ConfigurationSetName}/event-destinations")
def create_destination(ctx: Context, ConfigurationSetName: str) -> dict[str, Any]:  # noqa: N803 - as above
    """Tell somebody of what becomes of mails."""
    _add(ctx, ConfigurationSetName, {"Name": ctx.body["EventDestinationName"], **ctx.body["EventDestination"]})
    return {}


@operation("GET /v2/email/configuration-sets/{ConfigurationSetName}/event-destinations")
def destinations(ctx: Context, ConfigurationSetName: str) -> dict[str, Any]:  # noqa: N803 - as above
    """Who is told."""
    return {"EventDestinations": get(ctx, ConfigurationSetName)["destinations"]}


@operation("PUT /v2/email/configuration-sets/{ConfigurationSetName}/event-destinations/{EventDestinationName}")
def update_destination(ctx: Context, ConfigurationSetName: str, EventDestinationName: str) -> dict[str, Any]:  # noqa: N803 - as above
    """Tell somebody else, or of something else."""
    _replace(ctx, ConfigurationSetName, {"Name": EventDestinationName, **ctx.body["EventDestination"]})
    return {}


@operation("DELETE /v2/email/configuration-sets/{ConfigurationSetName}/event-destinations/{EventDestinationName}")
def delete_destination(ctx: Context, ConfigurationSetName: str, EventDestinationName: str) -> dict[str, Any]:  # noqa: N803 - as above
    """Tell them no more."""
    _remove(ctx, ConfigurationSetName, EventDestinationName)
    return {}


# --- event destinations, as the classic API has them

_EVENTS = {"send": "SEND", "reject": "REJECT", "bounce": "BOUNCE", "complaint": "COMPLAINT", "delivery": "DELIVERY", "open": "OPEN",
           "click": "CLICK", "renderingFailure": "RENDERING_FAILURE"}  # fmt: skip


def _modern(given: dict[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {
        "Name": given["Name"],
        "Enabled": given.get("Enabled", False),
        "MatchingEventTypes": [_EVENTS[kind] for kind in given["MatchingEventTypes"]],
    }
    if "SNSDestination" in given:
        made["SnsDestination"] = {"TopicArn": given["SNSDestination"]["TopicARN"]}
    if "KinesisFirehoseDestination" in given:
        own = given["KinesisFirehoseDestination"]
        made["KinesisFirehoseDestination"] = {
            "IamRoleArn": own["IAMRoleARN"],
            "DeliveryStreamArn": own["DeliveryStreamARN"],
        }
    if "CloudWatchDestination" in given:
        made["CloudWatchDestination"] = _dimensions(given["CloudWatchDestination"], str.upper)
    return made


def classic(one: dict[str, Any]) -> dict[str, Any]:
    """A destination as the classic API writes it."""
    back = {modern: name for name, modern in _EVENTS.items()}
    kinds = [back[kind] for kind in one["MatchingEventTypes"] if kind in back]
    made: dict[str, Any] = {"Name": one["Name"], "Enabled": one["Enabled"], "MatchingEventTypes": kinds}
    if "SnsDestination" in one:
        made["SNSDestination"] = {"TopicARN": one["SnsDestination"]["TopicArn"]}
    if "KinesisFirehoseDestination" in one:
        own = one["KinesisFirehoseDestination"]
        made["KinesisFirehoseDestination"] = {
            "IAMRoleARN": own["IamRoleArn"],
            "DeliveryStreamARN": own["DeliveryStreamArn"],
        }
    if "CloudWatchDestination" in one:
        names = {"MESSAGE_TAG": "messageTag", "EMAIL_HEADER": "emailHeader", "LINK_TAG": "linkTag"}
        made["CloudWatchDestination"] = _dimensions(one["CloudWatchDestination"], lambda said: names.get(said, said))
    return made


def _dimensions(given: dict[str, Any], named: Any) -> dict[str, Any]:
    sources = {"messageTag": "MESSAGE_TAG", "emailHeader": "EMAIL_HEADER", "linkTag": "LINK_TAG"}
    return {
        "DimensionConfigurations": [
            {
                **one,
                "DimensionValueSource": sources.get(one["DimensionValueSource"]) or named(one["DimensionValueSource"]),
            }
            for one in given["DimensionConfigurations"]
        ]
    }


@operation("POST /#Action=CreateConfigurationSetEventDestination")
def create_destination_v1(ctx: Context) -> dict[str, Any]:
    """Tell somebody of what becomes of mails."""
    _add(ctx, ctx.body["ConfigurationSetName"], _modern(ctx.body["EventDestination"]))
    return {}


@operation("POST /#Action=UpdateConfigurationSetEventDestination")
def update_destination_v1(ctx: Context) -> dict[str, Any]:
    """Tell somebody else, or of something else."""
    _replace(ctx, ctx.body["ConfigurationSetName"], _modern(ctx.body["EventDestination"]))
    return {}


@operation("POST /#Action=DeleteConfigurationSetEventDestination")
def delete_destination_v1(ctx: Context) -> dict[str, Any]:
    """Tell them no more."""
    _remove(ctx, ctx.body["ConfigurationSetName"], ctx.body["EventDestinationName"])
    return {}
