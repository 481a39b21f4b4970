"""A WebSocket: orders are placed by message, and told back."""

from childproof.stubkit import Accept, Close, Context, Message, News, Pause, Refusal, websocket


@websocket("/rooms/{room}/live")
def live(ctx: Context, message: Message | Close | News | None, room: str):
    """One room."""
    match message:
        case None:
            if room == "closed":
                raise Refusal(404, "no_room", "There is no such room.")
            return Accept(
                [{"room": room}], subprotocol="orders.v1", headers={"X-Room": room}, follows=room == "kitchen"
            )
        case News():
            return _untold(ctx)
        case Close(code=code):
            ctx.create("order", item=f"left with {code}")
            return None
        case Message(data="bye"):
            return ["see you", Close(4000, "bye")]
        case Message(data="slowly"):
            return ["one", Pause(0.2), "two"]
        case Message(data="bug"):
            raise ValueError("a bug")
        case Message(data=bytes(data)):
            return data[::-1]
        case _:
            order = message.json()
            if not order.get("item"):
                raise Refusal(422, "missing", "What would you like?")
            ctx.session["count"] = ctx.session.get("count", 0) + 1
            made = ctx.create("order", item=order["item"])
            return {"id": made.id, "count": ctx.session["count"]}


def _untold(ctx: Context) -> list[str]:
    """Every order once."""
    new = ctx.list("order", _told=None, newest_first=False)
    return [ctx.update(order, _told=True)["item"] for order in new]
