"""Replies that go on."""

from childproof.stubkit import Comment, Context, Event, Pause, Response, operation


@operation("GET /feed")
def feed(ctx: Context) -> Response:
    """All orders so far, from the one after `Last-Event-ID`, with a pause between them."""
    orders = ctx.list("order", newest_first=False)
    ids = [order.id for order in orders]
    begin = ids.index(ctx.last_event_id) + 1 if ctx.last_event_id in ids else 0
    pause = ctx.query.get("pause", 0)

    def events():
        yield Comment("orders")
        for order in orders[begin:]:
            yield Event(order, event="order", id=order.id, retry=2000)
            yield Pause(pause)
        yield Event("[DONE]")

    return ctx.events(events())


@operation("GET /watch")
def watch(ctx: Context) -> Response:
    """The first order that comes in, looked for again and again."""

    def events():
        while True:
            orders = yield ctx.step(_orders)
            if orders:
                yield Event(orders[0])
                return
            yield Pause(0.05)

    return ctx.events(events())


def _orders(ctx: Context) -> list:
    return ctx.list("order")


@operation("GET /export")
def export(ctx: Context) -> Response:
    """Every order on a line."""
    return ctx.lines(ctx.list("order", newest_first=False))


@operation("POST /import")
def load(ctx: Context) -> Response:
    """Two orders, one after the other, and a third that is refused."""

    def lines():
        for item in ("tea", "milk", ""):
            try:
                yield (yield ctx.step(_ordered, item))
            except ValueError as error:
                yield {"error": str(error)}

    return ctx.lines(lines())


def _ordered(ctx: Context, item: str) -> dict:
    made = ctx.create("order", item=item)
    if not item:
        raise ValueError("nothing ordered")
    return made


@operation("GET /endless")
def endless(ctx: Context) -> Response:
    """Text without end."""

    def chunks():
        while True:
            yield "x" * 10_000

    return ctx.chunks(chunks(), headers={"Content-Type": "text/plain"})


@operation("GET /broken")
def broken(ctx: Context) -> Response:
    """A stream that looks at the world when it is too late."""

    def chunks():
        yield "half"
        ctx.list("order")

    return ctx.chunks(chunks())
