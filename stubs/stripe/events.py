"""Events: what the account was told of. Every change that Stripe tells of is one, in the order of the changes."""

from typing import Any

from childproof.stubkit import Context, Refusal, operation


@operation("GET /v1/events")
def list_events(ctx: Context) -> dict[str, Any]:
    """Events, newest first; `type` may end in `*`, `types` names several."""
    kind, kinds = ctx.query.get("type"), ctx.query.get("types")
    if kind and kinds:
        message = "You may only specify one of these parameters: type, types."
        raise Refusal(400, "parameters_exclusive", message)
    if kind and "*" not in kind:
        return ctx.page("event", type=kind)
    if kind:
        start = kind.partition("*")[0]
        return ctx.page([event for event in ctx.list("event") if event["type"].startswith(start)])
    if kinds:
        return ctx.page([event for event in ctx.list("event") if event["type"] in kinds])
    return ctx.page("event")
