"""Tags of identities, configuration sets, templates and contact lists, by their ARN."""

from typing import Any

from childproof.stubkit import Context, Entity, Refusal, operation

from .identities import canonical
from .refusals import absent

_KINDS = {"identity": "identity", "configuration-set": "configuration_set", "template": "template", "contact-list": "contact_list",
          "custom-verification-email-template": "verification_template"}  # fmt: skip


def _tagged(ctx: Context, arn: str) -> Entity:
    """What an ARN names."""
    kind, _, name = arn.rpartition(":")[2].partition("/")
    if not arn.startswith("arn:") or kind not in _KINDS or not name:
        raise Refusal(400, "BadRequestException", f"The resource ARN {arn} is not valid.")
    found = ctx.find(_KINDS[kind], canonical(name) if kind == "identity" else name)
    if found is None:
        raise absent(ctx, "", f"Resource {arn} does not exist.")
    return found


@operation("GET /v2/email/tags")
def index(ctx: Context) -> dict[str, Any]:
    """The tags of something."""
    return {"Tags": _tagged(ctx, ctx.query["ResourceArn"])["tags"]}


@operation("POST /v2/email/tags")
def add(ctx: Context) -> dict[str, Any]:
    """Add tags, or change those of the same key."""
    found = _tagged(ctx, ctx.body["ResourceArn"])
    tags = {tag["Key"]: tag["Value"] for tag in (*found["tags"], *ctx.body["Tags"])}
    ctx.update(found, tags=[{"Key": key, "Value": value} for key, value in tags.items()])
    return {}


@operation("DELETE /v2/email/tags")
def remove(ctx: Context) -> dict[str, Any]:
    """Take tags away."""
    found = _tagged(ctx, ctx.query["ResourceArn"])
    ctx.update(found, tags=[tag for tag in found["tags"] if tag["Key"] not in ctx.query["TagKeys"]])
    return {}
