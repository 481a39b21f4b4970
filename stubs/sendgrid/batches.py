"""Batches: what is scheduled under one id can be paused, resumed and canceled."""

from typing import Any

from childproof.stubkit import Context, Entity, Refusal, operation


@operation("POST /mail/batch")
def create(ctx: Context) -> dict[str, Any]:
    """An id for mails that are to be scheduled together."""
    made = ctx.create("batch", ctx.token(48), status=None)
    return {"batch_id": made.id}


@operation("GET /mail/batch/{batch_id}")
def read(ctx: Context, batch_id: str) -> dict[str, Any]:
    """Whether an id is one."""
    return {"batch_id": _batch(ctx, batch_id).id}


@operation("POST /user/scheduled_sends")
def stop(ctx: Context) -> dict[str, Any]:
    """Pause or cancel what is scheduled under an id."""
    batch = _batch(ctx, ctx.body["batch_id"])
    if batch["status"] is not None:
        raise Refusal(400, "", "a status for this batch id exists, try PATCH to update the status", param="batch_id")
    ctx.update(batch, status=ctx.body["status"])
    return {"batch_id": batch.id, "status": ctx.body["status"]}


@operation("GET /user/scheduled_sends")
def stopped(ctx: Context) -> list[dict[str, Any]]:
    """All that is paused or canceled."""
    return [_shown(one) for one in ctx.list("batch") if one["status"] is not None]


@operation("GET /user/scheduled_sends/{batch_id}")
def status(ctx: Context, batch_id: str) -> list[dict[str, Any]]:
    """Whether one is."""
    batch = ctx.find("batch", batch_id)
    return [_shown(batch)] if batch is not None and batch["status"] is not None else []


@operation("PATCH /user/scheduled_sends/{batch_id}")
def change(ctx: Context, batch_id: str) -> None:
    """From paused to canceled, or back."""
    ctx.update(_stopped(ctx, batch_id), status=ctx.body["status"])


@operation("DELETE /user/scheduled_sends/{batch_id}")
def resume(ctx: Context, batch_id: str) -> None:
    """Go on: what has waited meanwhile is sent now."""
    ctx.update(_stopped(ctx, batch_id), status=None)
    for one in ctx.list("scheduled", batch=batch_id):
        if one.get("waits"):
            ctx.update(one, waits=False)
            ctx.schedule(0, "send", {"scheduled": one.id})


def _batch(ctx: Context, batch_id: str) -> Entity:
    found = ctx.find("batch", batch_id)
    if found is None:
        raise Refusal(400, "", "invalid batch id", param="batch_id")
    return found


def _stopped(ctx: Context, batch_id: str) -> Entity:
    batch = _batch(ctx, batch_id)
    if batch["status"] is None:
        raise Refusal(404, "", "batch id not found", param="batch_id")
    return batch


def _shown(batch: Entity) -> dict[str, Any]:
    return {"batch_id": batch.id, "status": batch["status"]}
