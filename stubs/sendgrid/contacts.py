"""Marketing contacts, told apart by their addresses, and the lists that they are in."""

from typing import Any

from childproof.stubkit import Context, Entity, Refusal, operation

FIELDS = (
    "first_name", "last_name", "address_line_1", "address_line_2", "city", "state_province_region", "postal_code", "country",
)  # fmt: skip
MOST = 50  # that a list of contacts shows


@operation("PUT /marketing/contacts")
def upsert(ctx: Context) -> dict[str, Any]:
    """Add contacts, or change those whose address is known; into lists, where some are named."""
    lists = ctx.body.get("list_ids") or []
    for one in lists:
        _list(ctx, one)
    for one in ctx.body["contacts"]:
        email = one["email"].strip().lower()
        given = {name: one[name] for name in FIELDS if name in one}
        found = next(iter(ctx.list("contact", email=email, limit=1)), None)
        if found is None:
            custom = one.get("custom_fields") or {}
            other = one.get("alternate_emails") or []
            made = {**dict.fromkeys(FIELDS, ""), **given, "custom_fields": custom, "alternate_emails": other}
            ctx.create("contact", email=email, list_ids=list(dict.fromkeys(lists)), segment_ids=[], **made)
            continue
        if "custom_fields" in one:
            given["custom_fields"] = {**found["custom_fields"], **one["custom_fields"]}
        ctx.update(found, list_ids=list(dict.fromkeys([*found["list_ids"], *lists])), **given)
    return {"job_id": _job(ctx)}


@operation("GET /marketing/contacts")
def listed(ctx: Context) -> dict[str, Any]:
    """The 50 that were added last, and how many there are."""
    found = ctx.list("contact")
    return {
        "result": [_shown(ctx, one) for one in found[:MOST]],
        "contact_count": len(found),
        "_metadata": _self(ctx, ""),
    }


@operation("GET /marketing/contacts/count")
def counted(ctx: Context) -> dict[str, Any]:
    """How many there are."""
    number = len(ctx.list("contact"))
    return {"contact_count": number, "billable_count": number}


@operation("GET /marketing/contacts/{id}")
def read(ctx: Context, id: str) -> dict[str, Any]:  # noqa: A002 - as the document names it
    """One."""
    return _shown(ctx, ctx.get("contact", id))


@operation("POST /marketing/contacts/batch")
def batch(ctx: Context) -> dict[str, Any]:
    """Those of these ids that there are."""
    found = [ctx.find("contact", one) for one in ctx.body["ids"]]
    return {"result": [_shown(ctx, one) for one in found if one is not None]}


@operation("POST /marketing/contacts/search/emails")
def by_email(ctx: Context) -> dict[str, Any]:
    """By address: each that is known, with its contact. 404 where none is."""
    found: dict[str, Any] = {}
    for email in ctx.body["emails"]:
        one = next(iter(ctx.list("contact", email=email.strip().lower(), limit=1)), None)
        if one is not None:
            found[email] = {"contact": _shown(ctx, one)}
    if not found:
        raise Refusal(404, "", "cannot find any of the contacts")
    return {"result": found}


@operation("DELETE /marketing/contacts")
def delete(ctx: Context) -> dict[str, Any]:
    """Delete some by id, or all."""
    every = ctx.query.get("delete_all_contacts") == "true"
    ids = [one for one in str(ctx.query.get("ids") or "").split(",") if one]
    if not every and not ids:
        raise Refusal(400, "", "ids or delete_all_contacts must be given", param="ids")
    for one in ctx.list("contact"):
        if every or one.id in ids:
            ctx.delete(one)
    return {"job_id": _job(ctx)}


@operation("GET /marketing/lists/{id}/contacts/count")
def list_count(ctx: Context, id: str) -> dict[str, Any]:  # noqa: A002 - as above
    """How many are in a list."""
    number = _members(ctx, _list(ctx, id).id)
    return {"contact_count": number, "billable_count": number}


@operation("DELETE /marketing/lists/{id}/contacts")
def leave(ctx: Context, id: str) -> dict[str, Any]:  # noqa: A002 - as above
    """Take contacts off a list."""
    ids = str(ctx.query["contact_ids"]).split(",")
    kept = _list(ctx, id).id
    for one in ctx.list("contact"):
        if one.id in ids and kept in one["list_ids"]:
            ctx.update(one, list_ids=[other for other in one["list_ids"] if other != kept])
    return {"job_id": _job(ctx)}


@operation("POST /marketing/lists")
def create_list(ctx: Context) -> dict[str, Any]:
    """An empty list."""
    if ctx.list("contact_list", name=ctx.body["name"], limit=1):
        raise Refusal(400, "", "a list with that name already exists", param="name")
    return _listed(ctx, ctx.create("contact_list", name=ctx.body["name"]))


@operation("GET /marketing/lists")
def lists(ctx: Context) -> dict[str, Any]:
    """All lists, the newest first."""
    found = ctx.list("contact_list")
    size = int(ctx.query.get("page_size") or 100)
    return {"result": [_listed(ctx, one) for one in found[:size]], "_metadata": {"count": len(found)}}


@operation("GET /marketing/lists/{id}")
def read_list(ctx: Context, id: str) -> dict[str, Any]:  # noqa: A002 - as above
    """One, with how many are in it."""
    return _listed(ctx, _list(ctx, id))


@operation("PATCH /marketing/lists/{id}")
def rename_list(ctx: Context, id: str) -> dict[str, Any]:  # noqa: A002 - as above
    """Another name."""
    found = _list(ctx, id)
    return _listed(ctx, ctx.update(found, name=ctx.body.get("name", found["name"])))


def _list(ctx: Context, wanted: str) -> Entity:
    found = ctx.find("contact_list", wanted)
    if found is None:
        raise Refusal(404, "", "list not found")
    return found


def _members(ctx: Context, wanted: str) -> int:
    return sum(1 for one in ctx.list("contact") if wanted in one["list_ids"])


def _listed(ctx: Context, one: Entity) -> dict[str, Any]:
    about = {"self": f"https://{ctx.call.host}/v3/marketing/lists/{one.id}"}
    return {"id": one.id, "name": one["name"], "contact_count": _members(ctx, one.id), "_metadata": about}


def _shown(ctx: Context, one: Entity) -> dict[str, Any]:
    return {**one, "_metadata": _self(ctx, f"/{one.id}")}


def _self(ctx: Context, path: str) -> dict[str, str]:
    return {"self": f"https://{ctx.call.host}/v3/marketing/contacts{path}"}


def _job(ctx: Context) -> str:
    digits = ctx.token(32, "0123456789abcdef")
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
