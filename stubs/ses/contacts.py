"""Contacts: who is on a list, and which of its topics they want."""

from typing import Any

from childproof.stubkit import Context, Entity, Refusal, from_json, operation

from .contact_lists import get as get_list
from .paging import paged
from .refusals import absent, exists
from .times import seconds


def key(name: str, address: str) -> str:
    """What a contact is stored under."""
    return f"{name}/{address}"


def wants(contact_list: Entity, contact: Entity | None, topic: str | None) -> bool:
    """Whether somebody is to get a mail that goes to a list, or to a topic of it."""
    if contact is not None and contact["unsubscribed"]:
        return False
    if topic is None:
        return True
    chosen = {one["TopicName"]: one["SubscriptionStatus"] for one in contact["topics"]} if contact is not None else {}
    usual = {one["TopicName"]: one["DefaultSubscriptionStatus"] for one in contact_list["topics"]}
    return bool(chosen.get(topic, usual.get(topic, "OPT_OUT")) == "OPT_IN")


def _get(ctx: Context, name: str, address: str) -> Entity:
    get_list(ctx, name)
    found = ctx.find("contact", key(name, address))
    if found is None:
        raise absent(ctx, "", f"{address} doesn't exist in List: {name}.")
    return found


def _topics(contact_list: Entity, given: list[dict[str, str]]) -> list[dict[str, str]]:
    known = {topic["TopicName"] for topic in contact_list["topics"]}
    for topic in given:
        if topic["TopicName"] not in known:
            said = f"{topic['TopicName']} doesn't exist in List: {contact_list['name']}."
            raise Refusal(400, "BadRequestException", said)
    return given


def _attributes(text: str | None) -> str | None:
    if text is not None and from_json(text, dict) is None:
        raise Refusal(400, "BadRequestException", "AttributesData is not valid JSON.")
    return text


def _shown(contact_list: Entity, contact: Entity) -> dict[str, Any]:
    chosen = {one["TopicName"] for one in contact["topics"]}
    usual = [
        {"TopicName": one["TopicName"], "SubscriptionStatus": one["DefaultSubscriptionStatus"]}
        for one in contact_list["topics"]
        if one["TopicName"] not in chosen
    ]
    return {
        "EmailAddress": contact["address"],
        "TopicPreferences": contact["topics"],
        "TopicDefaultPreferences": usual,
        "UnsubscribeAll": contact["unsubscribed"],
        "LastUpdatedTimestamp": seconds(contact["changed"]),
    }


@operation("POST /v2/email/contact-lists/{ContactListName}/contacts")
def create(ctx: Context, ContactListName: str) -> dict[str, Any]:  # noqa: N803 - the document's own name
    """Add somebody to a list."""
    contact_list, address = get_list(ctx, ContactListName), ctx.body["EmailAddress"]
    if ctx.find("contact", key(ContactListName, address)) is not None:
        raise exists(ctx, "", f"{address} already exists in List: {ContactListName}.")
    now = ctx.now_ms()
    made = ctx.create(
        "contact", key(ContactListName, address), list=contact_list.id, address=address,
        topics=_topics(contact_list, ctx.body.get("TopicPreferences", [])), unsubscribed=ctx.body.get("UnsubscribeAll", False),
        attributes=_attributes(ctx.body.get("AttributesData")), made=now, changed=now,
    )  # fmt: skip
    ctx.emit("contact.created", made)
    return {}


@operation("GET /v2/email/contact-lists/{ContactListName}/contacts/{EmailAddress}")
def read(ctx: Context, ContactListName: str, EmailAddress: str) -> dict[str, Any]:  # noqa: N803 - as above
    """Somebody on a list."""
    found = _get(ctx, ContactListName, EmailAddress)
    attributes = {"AttributesData": found["attributes"]} if found["attributes"] is not None else {}
    shown = _shown(get_list(ctx, ContactListName), found)
    return {"ContactListName": ContactListName, **shown, **attributes, "CreatedTimestamp": seconds(found["made"])}


@operation("PUT /v2/email/contact-lists/{ContactListName}/contacts/{EmailAddress}")
def update(ctx: Context, ContactListName: str, EmailAddress: str) -> dict[str, Any]:  # noqa: N803 - as above
    """Change what somebody wants: all of it is said again."""
    found = _get(ctx, ContactListName, EmailAddress)
    ctx.update(
        found, topics=_topics(get_list(ctx, ContactListName), ctx.body.get("TopicPreferences", [])),
        unsubscribed=ctx.body.get("UnsubscribeAll", False), attributes=_attributes(ctx.body.get("AttributesData")), changed=ctx.now_ms(),
    )  # fmt: skip
    return {}


@operation("DELETE /v2/email/contact-lists/{ContactListName}/contacts/{EmailAddress}")
def delete(ctx: Context, ContactListName: str, EmailAddress: str) -> dict[str, Any]:  # noqa: N803 - as above
    """Take somebody off a list."""
    ctx.delete(_get(ctx, ContactListName, EmailAddress))
    return {}


@operation("POST /v2/email/contact-lists/{ContactListName}/contacts/list")
def index(ctx: Context, ContactListName: str) -> dict[str, Any]:  # noqa: N803 - as above
    """Who is on a list, perhaps only those who want a topic or don't."""
    contact_list = get_list(ctx, ContactListName)
    rows = ctx.list("contact", newest_first=False, list=contact_list.id)
    chosen = ctx.body.get("Filter") or {}
    if "FilteredStatus" in chosen:
        topic = (chosen.get("TopicFilter") or {}).get("TopicName")
        rows = [one for one in rows if wants(contact_list, one, topic) == (chosen["FilteredStatus"] == "OPT_IN")]
    page, more = paged(ctx, rows, lambda one: one.id)
    return {"Contacts": [_shown(contact_list, one) for one in page], **more}
