"""Events: what the account was told of. Every change that Stripe tells of is one, in the order of the changes."""

import re
from typing import Any

from childproof.stubkit import Context, Refusal, operation

from .fields import page, since


@operation("GET /v1/events")
def list_events(ctx: Context) -> dict[str, Any]:
    """Events, newest first; `type` may end in `*`, `types` names several."""
    kind, kinds = ctx.query.get("type"), ctx.query.get("types")
    if kind and kinds:
        message = "You may only specify one of these parameters: type, types."
        raise Refusal(400, "parameters_exclusive", message)
    success = ctx.query.get("delivery_success")
    if not kind and not kinds and "created" not in ctx.query and success is None:
        return page(ctx, "event")
    if kind and "*" not in kind and success is None:
        return page(ctx, since(ctx, ctx.list("event", type=kind)))
    found = since(ctx, ctx.list("event"))
    if kind:
        wanted = re.compile(".*".join(map(re.escape, kind.split("*"))))
        found = [event for event in found if wanted.fullmatch(event["type"])]
    if kinds:
        found = [event for event in found if event["type"] in kinds]
    if success is not None:
        found = [event for event in found if (event["pending_webhooks"] == 0) is success]
    return page(ctx, found)
