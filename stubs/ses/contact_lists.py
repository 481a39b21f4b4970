"""Contact lists and their topics. An account may have one list."""

from typing import Any

from childproof.stubkit import Context, Entity, Refusal, operation

from .paging import paged
from .refusals import absent, exists, limited
from .times import seconds

_MOST_TOPICS = 20


def get(ctx: Context, name: str) -> Entity:
    """A contact list, or the refusal of one that isn't there."""
    found = ctx.find("contact_list", name)
    if found is None:
        raise absent(ctx, "", f"List with name: {name} doesn't exist.")
    return found


def _topics(given: list[dict[str, Any]]) -> list[dict[str, Any]]:
    names = [topic["TopicName"] for topic in given]
    if len(names) > _MOST_TOPICS:
        raise Refusal(400, "BadRequestException", f"A list can have at most {_MOST_TOPICS} topics.")
    if len(set(names)) < len(names):
        raise Refusal(400, "BadRequestException", "Topic names must be unique within a list.")
    return given


@operation("POST /v2/email/contact-lists")
def create(ctx: Context) -> dict[str, Any]:
    """A new list."""
    name = ctx.body["ContactListName"]
    if ctx.find("contact_list", name) is not None:
        raise exists(ctx, "", f"List with name: {name} already exists.")
    if ctx.list("contact_list", limit=1):
        raise limited(ctx, "You have reached the maximum number of contact lists: 1.")
    now = ctx.now_ms()
    made = ctx.create(
        "contact_list", name, name=name, topics=_topics(ctx.body.get("Topics", [])), description=ctx.body.get("Description"),
        tags=ctx.body.get("Tags", []), made=now, changed=now,
    )  # fmt: skip
    ctx.emit("contact_list.created", made)
    return {}


@operation("GET /v2/email/contact-lists/{ContactListName}")
def read(ctx: Context, ContactListName: str) -> dict[str, Any]:  # noqa: N803 - the document's own name
    """A list with its topics."""
    found = get(ctx, ContactListName)
    return {
        "ContactListName": found["name"],
        "Topics": found["topics"],
        **({"Description": found["description"]} if found["description"] else {}),
        "CreatedTimestamp": seconds(found["made"]),
        "LastUpdatedTimestamp": seconds(found["changed"]),
        "Tags": found["tags"],
    }


@operation("PUT /v2/email/contact-lists/{ContactListName}")
def update(ctx: Context, ContactListName: str) -> dict[str, Any]:  # noqa: N803 - as above
    """Other topics, another description."""
    found = get(ctx, ContactListName)
    topics = _topics(ctx.body.get("Topics", []))
    ctx.update(found, topics=topics, description=ctx.body.get("Description"), changed=ctx.now_ms())
    return {}


@operation("DELETE /v2/email/contact-lists/{ContactListName}")
def delete(ctx: Context, ContactListName: str) -> dict[str, Any]:  # noqa: N803 - as above
    """Take a list away, and all contacts with it."""
    found = get(ctx, ContactListName)
    for contact in ctx.list("contact", list=found.id):
        ctx.delete(contact)
    ctx.delete(found)
    return {}


@operation("GET /v2/email/contact-lists")
def index(ctx: Context) -> dict[str, Any]:
    """The account's lists."""
    page, more = paged(ctx, ctx.list("contact_list"), lambda one: one.id)
    shown = [{"ContactListName": one["name"], "LastUpdatedTimestamp": seconds(one["changed"])} for one in page]
    return {"ContactLists": shown, **more}
