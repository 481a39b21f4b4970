"""Message streams: a server has `outbound`, `inbound` and `broadcast` from the start."""

from datetime import datetime, timedelta
from typing import Any

from childproof.stubkit import Context, Entity, operation

from .checking import refused, said

KINDS = {"Transactional": "None", "Broadcasts": "Postmark", "Inbound": "None"}
KEPT_DAYS = 45  # of an archived stream, before it is gone
_FIRST = (("outbound", "Default Transactional Stream", "Transactional"), ("inbound", "Default Inbound Stream", "Inbound"),
          ("broadcast", "Default Broadcast Stream", "Broadcasts"))  # fmt: skip


def _all(ctx: Context) -> list[Entity]:
    """The streams; the first three are made when somebody asks."""
    for identity, name, kind in _FIRST:
        if ctx.find("stream", identity) is None:
            _make(ctx, identity, name, kind, "")
    return list(reversed(ctx.list("stream")))


def _make(ctx: Context, identity: str, name: str, kind: str, description: str) -> Entity:
    return ctx.create(
        "stream", identity, ID=identity, ServerID=1, Name=name, Description=description, MessageStreamType=kind,
        CreatedAt=ctx.now(), UpdatedAt=None, ArchivedAt=None, ExpectedPurgeDate=None,
        SubscriptionManagementConfiguration={"UnsubscribeHandlingType": KINDS[kind]},
    )  # fmt: skip


@operation("GET /message-streams")
def listed(ctx: Context) -> dict[str, Any]:
    """Those that aren't archived, or all."""
    kind = ctx.query.get("MessageStreamType") or ctx.query.get("messageStreamType") or "All"
    archived = ctx.query.get("IncludeArchivedStreams") or ctx.query.get("includeArchivedStreams")
    found = [
        one for one in _all(ctx) if kind in {"All", one["MessageStreamType"]} and (archived or not one["ArchivedAt"])
    ]
    return {"TotalCount": len(found), "MessageStreams": [_shown(one) for one in found]}


@operation("POST /message-streams")
def create(ctx: Context) -> dict[str, Any]:
    """A stream with an id of yours."""
    body = said(ctx)
    identity, kind = str(body.get("ID") or ""), body.get("MessageStreamType")
    if not identity or not body.get("Name"):
        raise refused(1221, "The 'ID' and 'Name' of a message stream are required.")
    if kind not in KINDS:
        raise refused(1220, "The 'MessageStreamType' must be Transactional, Broadcasts or Inbound.")
    if any(one.id == identity for one in _all(ctx)):
        raise refused(1227, f"A message stream with the ID '{identity}' exists already.")
    return _shown(_make(ctx, identity, str(body["Name"]), kind, str(body.get("Description") or "")))


@operation("GET /message-streams/{stream_id}")
def read(ctx: Context, stream_id: str) -> dict[str, Any]:
    """One."""
    return _shown(_stream(ctx, stream_id))


@operation("PATCH /message-streams/{stream_id}")
def change(ctx: Context, stream_id: str) -> dict[str, Any]:
    """Another name or description."""
    found = _stream(ctx, stream_id)
    names = ("Name", "Description", "SubscriptionManagementConfiguration")
    return _shown(
        ctx.update(found, UpdatedAt=ctx.now(), **{name: said(ctx)[name] for name in names if name in said(ctx)})
    )


@operation("POST /message-streams/{stream_id}/archive")
def archive(ctx: Context, stream_id: str) -> dict[str, Any]:
    """Nothing more goes by it; it can be brought back for 45 days."""
    purged = datetime.fromisoformat(ctx.now()) + timedelta(days=KEPT_DAYS)
    until = purged.isoformat().replace("+00:00", "Z")
    ctx.update(_stream(ctx, stream_id), ArchivedAt=ctx.now(), ExpectedPurgeDate=until)
    return {"ID": stream_id, "ServerID": 1, "ExpectedPurgeDate": until}


@operation("POST /message-streams/{stream_id}/unarchive")
def unarchive(ctx: Context, stream_id: str) -> dict[str, Any]:
    """Bring it back."""
    return _shown(ctx.update(_stream(ctx, stream_id), ArchivedAt=None, ExpectedPurgeDate=None))


def _stream(ctx: Context, wanted: str) -> Entity:
    found = next((one for one in _all(ctx) if one.id == wanted), None)
    if found is None:
        raise refused(1226, "The message stream for the provided 'ID' was not found.", 404)
    return found


def _shown(found: Entity) -> dict[str, Any]:
    names = ("ID", "ServerID", "Name", "Description", "MessageStreamType", "CreatedAt", "UpdatedAt", "ArchivedAt", "ExpectedPurgeDate",
             "SubscriptionManagementConfiguration")  # fmt: skip
    return {name: found[name] for name in names}
