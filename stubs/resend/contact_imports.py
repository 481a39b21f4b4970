"""Contacts from a CSV file, read when the world's clock has gone on for ten seconds."""

import csv
import io
from typing import Any

from childproof.stubkit import Context, Refusal, from_json, job, operation

from . import contacts, subscribing

TAKES = 10_000  # ms
LARGEST = 50 * 1024 * 1024
_OBJECT = {"object": "contact_import"}
_COLUMNS = ("email", "first_name", "last_name", "unsubscribed")
_COUNTS = ("total", "created", "updated", "skipped", "failed")


@operation("POST /contacts/imports")
def create(ctx: Context) -> dict[str, Any]:
    """Take a file, and read it later."""
    upload = ctx.file("file")
    if len(upload.data) > LARGEST:
        raise Refusal(422, "validation_error", "The file must not be larger than 50MB.")
    segments = subscribing.segments(ctx, _json(ctx, "segments", list))
    topics = subscribing.chosen(ctx, _json(ctx, "topics", list))
    made = ctx.create(
        "contact_import", **_OBJECT, status="queued", completed_at=None, counts=dict.fromkeys(_COUNTS, 0),
        _columns=_json(ctx, "column_map", dict), _segments=segments, _topics=topics,
        _upsert=ctx.body.get("on_conflict") == "upsert", _abort=ctx.body.get("on_error") == "abort",
    )  # fmt: skip
    ctx.attach(made, upload)
    ctx.schedule(TAKES, "import", {"import": made.id})
    return {**_OBJECT, "id": made.id}


@job("import")
def read(ctx: Context, payload: dict[str, Any]) -> None:
    """Read the file: a row is a contact."""
    found = ctx.get("contact_import", payload["import"])
    upload = ctx.content(found)
    try:
        rows = list(csv.DictReader(io.StringIO((upload.data if upload else b"").decode("utf-8-sig", "replace"))))
    except csv.Error:
        ctx.update(found, status="failed", completed_at=ctx.now())
        return
    counts = dict.fromkeys(_COUNTS, 0) | {"total": len(rows)}
    columns: dict[str, Any] = found["_columns"] or {}
    for row in rows:
        given = _contact(
            {name.strip().lower(): value for name, value in row.items() if name and isinstance(value, str)},
            row,
            columns,
        )
        known = subscribing.with_email(ctx, given.get("email", ""))
        if known is not None and not found["_upsert"]:
            counts["skipped"] += 1
            continue
        try:
            topics = [{"id": topic, "subscription": what} for topic, what in found["_topics"].items()]
            contacts.create(ctx, {"topics": topics, **given}, *found["_segments"], quiet=True)
        except (Refusal, KeyError):
            counts["failed"] += 1
            if found["_abort"]:
                break
        else:
            counts["created" if known is None else "updated"] += 1
    failed = counts["failed"] and found["_abort"]
    ctx.update(found, status="failed" if failed else "completed", completed_at=ctx.now(), counts=counts)


def _contact(plain: dict[str, str], row: dict[str, str], columns: dict[str, Any]) -> dict[str, Any]:
    """A row as a contact: by the columns that the request names, else by those that are called so."""
    found: dict[str, Any] = {}
    for name in _COLUMNS:
        value = row.get(str(columns[name])) if name in columns else plain.get(name)
        if isinstance(value, str) and value:
            found[name] = value.strip()
    if "unsubscribed" in found:
        found["unsubscribed"] = found["unsubscribed"].lower() in {"true", "1", "yes"}
    wanted = columns.get("properties")
    wanted = wanted if isinstance(wanted, dict) else {}
    properties = {key: row.get(str(one.get("column") if isinstance(one, dict) else one)) for key, one in wanted.items()}
    return {**found, "properties": {key: value for key, value in properties.items() if value is not None}}


def _json(ctx: Context, name: str, kind: type) -> Any:
    """A field that holds JSON; None where it isn't there. Raises Resend's refusal."""
    given = ctx.body.get(name)
    if not given:
        return None
    found: Any = from_json(given, kind)
    if found is None:
        raise Refusal(
            422,
            "validation_error",
            f"The `{name}` field must be a JSON-encoded {'object' if kind is dict else 'array'}.",
        )
    return found
