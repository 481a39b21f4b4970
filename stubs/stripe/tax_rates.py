"""Tax rates: a percentage, within a price or on top of it. Only what describes a rate can be changed."""

from typing import Any

from childproof.stubkit import Context, Entity, Refusal, merged_metadata, operation

from .fields import change, new, page, picked, since, tell

_COPIED = ("active", "country", "description", "display_name", "jurisdiction", "state", "tax_type")


@operation("POST /v1/tax_rates")
def create(ctx: Context) -> Entity:
    """A tax rate."""
    body = ctx.body
    percentage = body["percentage"]
    if not 0 <= percentage <= 100:
        message = "Percentage must be between 0 and 100."
        raise Refusal(400, None, message, param="percentage")
    rate = new(
        ctx,
        "tax_rate",
        **({"active": True} | picked(body, *_COPIED)),
        effective_percentage=None,
        inclusive=body["inclusive"],
        metadata=merged_metadata({}, body.get("metadata")),
        percentage=percentage,
        rate_type="percentage",
    )
    tell(ctx, "tax_rate.created", rate)
    return rate


@operation("POST /v1/tax_rates/{tax_rate}")
def update(ctx: Context, tax_rate: str) -> Entity:
    """Change what describes a rate, or archive it. Its percentage stays."""
    found = ctx.get("tax_rate", tax_rate)
    fields = picked(ctx.body, *_COPIED)
    if "metadata" in ctx.body:
        fields["metadata"] = merged_metadata(found["metadata"], ctx.body["metadata"])
    return change(ctx, found, "tax_rate.updated", **fields)


@operation("GET /v1/tax_rates")
def list_rates(ctx: Context) -> dict[str, Any]:
    """Tax rates, newest first."""
    where = {name: ctx.query[name] for name in ("active", "inclusive") if ctx.query.get(name) is not None}
    return page(ctx, since(ctx, ctx.list("tax_rate", **where)))


def checked(ctx: Context, ids: Any, param: str) -> list[str]:
    """The ids of a request's tax rates, all of which must be there and in use."""
    for place, one in enumerate(ids or ()):
        rate = ctx.get("tax_rate", one, param=f"{param}[{place}]")
        if not rate["active"]:
            message = f"The tax rate {one} is archived and cannot be used."
            raise Refusal(400, None, message, param=f"{param}[{place}]")
    return list(ids or ())
