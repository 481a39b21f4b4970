"""A gRPC service over the same orders."""

from childproof.stubkit import Context, Pause, Refusal, Response, rpc


@rpc("/shop.Orders/Place")
def place(ctx: Context, message: dict) -> dict:
    """Place an order."""
    if not message["item"]:
        raise Refusal(400, "INVALID_ARGUMENT", "What would you like? 100 % is no item.")
    made = ctx.create("order", item=message["item"])
    return {"id": made.id, "item": made["item"]}


@rpc("/shop.Orders/Get")
def get(ctx: Context, message: dict) -> dict:
    """One order."""
    return Response(200, ctx.get("order", message["id"]), {"x-shop": "yes"})


@rpc("/shop.Orders/Watch")
def watch(ctx: Context, message: dict):
    """All orders, and a refusal at the end if one of that name was wanted."""
    for order in (yield ctx.step(_orders)):
        yield {"id": order.id, "item": order["item"]}
        yield Pause(0.02)
    if message["item"] == "never":
        yield Pause(30)
    if message["item"]:
        raise Refusal(404, "NOT_FOUND", f"no more {message['item']}")


@rpc("/shop.Orders/PlaceMany")
def place_many(ctx: Context, message: dict) -> dict:
    """Several orders in one call."""
    made = [ctx.create("order", item=order["item"]) for order in ctx.messages]
    return {"item": f"{len(made)} orders"}


def _orders(ctx: Context) -> list:
    return ctx.list("order", newest_first=False)
