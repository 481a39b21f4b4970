"""Configuration sets: what holds of the mails that name one. Both APIs share them."""

from typing import Any

from childproof.stubkit import Context, Refusal, operation

from .configured import get
from .event_destinations import classic
from .paging import paged
from .refusals import exists, invalid, limited

MOST = 10_000
_NAME = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")
_OPTIONS = ("TrackingOptions", "DeliveryOptions", "SuppressionOptions", "VdmOptions", "ArchivingOptions")
_TLS = {"Require": "REQUIRE", "Optional": "OPTIONAL"}


def _create(ctx: Context, name: str, **fields: Any) -> None:
    if not name or len(name) > 64 or not set(name) <= _NAME:
        said = f"Configuration set name <{name}> must have up to 64 letters, digits, '_' and '-'."
        raise invalid(ctx, said, "InvalidConfigurationSet")
    if ctx.find("configuration_set", name) is not None:
        raise exists(ctx, "ConfigurationSetAlreadyExists", f"Configuration set <{name}> already exists.")
    if len(ctx.list("configuration_set")) >= MOST:
        raise limited(ctx, "You have reached the maximum number of configuration sets.")
    values = {"sending": True, "reputation": False, "options": {}, "destinations": [], "tags": []}
    made = ctx.create("configuration_set", name, name=name, **{**values, **fields})
    ctx.emit("configuration_set.created", made)


@operation("POST /v2/email/configuration-sets")
def create(ctx: Context) -> dict[str, Any]:
    """A new configuration set."""
    body = ctx.body
    _create(
        ctx,
        body["ConfigurationSetName"],
        sending=body.get("SendingOptions", {}).get("SendingEnabled", True),
        reputation=body.get("ReputationOptions", {}).get("ReputationMetricsEnabled", False),
        options={name: body[name] for name in _OPTIONS if name in body},
        tags=body.get("Tags", []),
    )
    return {}


@operation("GET /v2/email/configuration-sets/{ConfigurationSetName}")
def read(ctx: Context, ConfigurationSetName: str) -> dict[str, Any]:  # noqa: N803 - the document's own name
    """All that was said of it."""
    found = get(ctx, ConfigurationSetName)
    return {
        "ConfigurationSetName": found["name"],
        "SendingOptions": {"SendingEnabled": found["sending"]},
        "ReputationOptions": {"ReputationMetricsEnabled": found["reputation"]},
        "Tags": found["tags"],
        **found["options"],
    }


@operation("POST /v2/email/list-configuration-sets")
def index(ctx: Context) -> dict[str, Any]:
    """Their names."""
    page, more = paged(ctx, sorted(one.id for one in ctx.list("configuration_set")), str)
    return {"ConfigurationSets": page, **more}


@operation("DELETE /v2/email/configuration-sets/{ConfigurationSetName}")
def delete(ctx: Context, ConfigurationSetName: str) -> dict[str, Any]:  # noqa: N803 - as above
    """Take one away."""
    ctx.delete(get(ctx, ConfigurationSetName))
    return {}


@operation("PUT /v2/email/configuration-sets/{ConfigurationSetName}/sending")
def put_sending(ctx: Context, ConfigurationSetName: str) -> dict[str, Any]:  # noqa: N803 - as above
    """Stop or go on sending the mails that name it."""
    ctx.update(get(ctx, ConfigurationSetName), sending=ctx.body.get("SendingEnabled", False))
    return {}


@operation("PUT /v2/email/configuration-sets/{ConfigurationSetName}/reputation-options")
def put_reputation(ctx: Context, ConfigurationSetName: str) -> dict[str, Any]:  # noqa: N803 - as above
    """Whether its reputation is measured; kept."""
    ctx.update(get(ctx, ConfigurationSetName), reputation=ctx.body.get("ReputationMetricsEnabled", False))
    return {}


@operation("PUT /v2/email/configuration-sets/{ConfigurationSetName}/tracking-options")
def put_tracking(ctx: Context, ConfigurationSetName: str) -> dict[str, Any]:  # noqa: N803 - as above
    """The domain of links that are counted; kept."""
    return _option(ctx, ConfigurationSetName, "TrackingOptions", dict(ctx.body))


@operation("PUT /v2/email/configuration-sets/{ConfigurationSetName}/delivery-options")
def put_delivery(ctx: Context, ConfigurationSetName: str) -> dict[str, Any]:  # noqa: N803 - as above
    """Whether mails need TLS; kept."""
    return _option(ctx, ConfigurationSetName, "DeliveryOptions", dict(ctx.body))


@operation("PUT /v2/email/configuration-sets/{ConfigurationSetName}/suppression-options")
def put_suppression(ctx: Context, ConfigurationSetName: str) -> dict[str, Any]:  # noqa: N803 - as above
    """Which reasons of the suppression list hold for its mails, instead of the account's."""
    return _option(ctx, ConfigurationSetName, "SuppressionOptions", dict(ctx.body))


@operation("PUT /v2/email/configuration-sets/{ConfigurationSetName}/vdm-options")
def put_vdm(ctx: Context, ConfigurationSetName: str) -> dict[str, Any]:  # noqa: N803 - as above
    """The dashboard's settings; kept."""
    return _option(ctx, ConfigurationSetName, "VdmOptions", ctx.body.get("VdmOptions"))


@operation("PUT /v2/email/configuration-sets/{ConfigurationSetName}/archiving-options")
def put_archiving(ctx: Context, ConfigurationSetName: str) -> dict[str, Any]:  # noqa: N803 - as above
    """Where its mails are archived; kept."""
    return _option(ctx, ConfigurationSetName, "ArchivingOptions", dict(ctx.body))


def _option(ctx: Context, name: str, option: str, value: Any) -> dict[str, Any]:
    found = get(ctx, name)
    others = {key: said for key, said in found["options"].items() if key != option}
    ctx.update(found, options={**others, option: value} if value else others)
    return {}


# --- the classic API


@operation("POST /#Action=CreateConfigurationSet")
def create_v1(ctx: Context) -> dict[str, Any]:
    """A new configuration set."""
    _create(ctx, ctx.body["ConfigurationSet"]["Name"])
    return {}


@operation("POST /#Action=ListConfigurationSets")
def index_v1(ctx: Context) -> dict[str, Any]:
    """Their names."""
    page, more = paged(ctx, sorted(one.id for one in ctx.list("configuration_set")), str)
    return {"ConfigurationSets": [{"Name": name} for name in page], **more}


@operation("POST /#Action=DeleteConfigurationSet")
def delete_v1(ctx: Context) -> dict[str, Any]:
    """Take one away."""
    ctx.delete(get(ctx, ctx.body["ConfigurationSetName"]))
    return {}


@operation("POST /#Action=DescribeConfigurationSet")
def describe(ctx: Context) -> dict[str, Any]:
    """A configuration set, and those of its attributes that are asked for."""
    found = get(ctx, ctx.body["ConfigurationSetName"])
    wanted = ctx.body.get("ConfigurationSetAttributeNames", [])
    reply: dict[str, Any] = {"ConfigurationSet": {"Name": found["name"]}}
    if "eventDestinations" in wanted:
        reply["EventDestinations"] = [classic(one) for one in found["destinations"]]
    tracking = found["options"].get("TrackingOptions")
    if "trackingOptions" in wanted and tracking:
        reply["TrackingOptions"] = {"CustomRedirectDomain": tracking.get("CustomRedirectDomain", "")}
    if "deliveryOptions" in wanted:
        tls = found["options"].get("DeliveryOptions", {}).get("TlsPolicy", "OPTIONAL")
        reply["DeliveryOptions"] = {"TlsPolicy": "Require" if tls == "REQUIRE" else "Optional"}
    if "reputationOptions" in wanted:
        reply["ReputationOptions"] = {
            "SendingEnabled": found["sending"],
            "ReputationMetricsEnabled": found["reputation"],
        }
    return reply


@operation("POST /#Action=UpdateConfigurationSetSendingEnabled")
def set_sending(ctx: Context) -> None:
    """Stop or go on sending the mails that name it."""
    ctx.update(get(ctx, ctx.body["ConfigurationSetName"]), sending=ctx.body["Enabled"])


@operation("POST /#Action=UpdateConfigurationSetReputationMetricsEnabled")
def set_reputation(ctx: Context) -> None:
    """Whether its reputation is measured; kept."""
    ctx.update(get(ctx, ctx.body["ConfigurationSetName"]), reputation=ctx.body["Enabled"])


@operation("POST /#Action=PutConfigurationSetDeliveryOptions")
def set_delivery(ctx: Context) -> dict[str, Any]:
    """Whether mails need TLS; kept."""
    tls = ctx.body.get("DeliveryOptions", {}).get("TlsPolicy", "Optional")
    return _option(ctx, ctx.body["ConfigurationSetName"], "DeliveryOptions", {"TlsPolicy": _TLS[tls]})


@operation("POST /#Action=CreateConfigurationSetTrackingOptions")
def create_tracking(ctx: Context) -> dict[str, Any]:
    """Set the domain of links that are counted."""
    name = ctx.body["ConfigurationSetName"]
    if "TrackingOptions" in get(ctx, name)["options"]:
        said = f"Tracking options for configuration set <{name}> already exist."
        raise Refusal(400, "TrackingOptionsAlreadyExistsException", said)
    return _option(ctx, name, "TrackingOptions", ctx.body["TrackingOptions"])


@operation("POST /#Action=UpdateConfigurationSetTrackingOptions")
def update_tracking(ctx: Context) -> dict[str, Any]:
    """Change the domain of links that are counted."""
    _tracked(ctx)
    return _option(ctx, ctx.body["ConfigurationSetName"], "TrackingOptions", ctx.body["TrackingOptions"])


@operation("POST /#Action=DeleteConfigurationSetTrackingOptions")
def delete_tracking(ctx: Context) -> dict[str, Any]:
    """Count links by the service's own domain again."""
    _tracked(ctx)
    return _option(ctx, ctx.body["ConfigurationSetName"], "TrackingOptions", None)


def _tracked(ctx: Context) -> None:
    name = ctx.body["ConfigurationSetName"]
    if "TrackingOptions" not in get(ctx, name)["options"]:
        said = f"Tracking options for configuration set <{name}> do not exist."
        raise Refusal(400, "TrackingOptionsDoesNotExistException", said)
