"""A parcel's way: some hops at drawn hours, each scheduled by the one before."""

from childproof.stubkit import Context, Entity, job, operation

HOUR = 3_600_000


@operation("POST /parcels")
def send(ctx: Context) -> Entity:
    """Send a parcel, which makes its first hop after the hours that it was given."""
    made = ctx.create("parcel", to=ctx.body["to"], hours=ctx.body["hours"])
    ctx.schedule(ctx.body["hours"] * HOUR, "hop", {"parcel": made["id"]})
    return made


@job("hop")
def hop(ctx: Context, payload: dict) -> None:
    """One hop further, and there by the third."""
    found = ctx.get("parcel", payload["parcel"])
    hops = found["hops"] + 1
    if hops < 3:
        ctx.update(found, hops=hops)
        ctx.schedule(ctx.random.randint(1, 20) * HOUR, "hop", payload)
    else:
        ctx.emit("parcel.arrived", ctx.update(found, hops=hops, state="arrived"))
