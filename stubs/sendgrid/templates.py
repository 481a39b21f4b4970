"""Transactional templates and their versions, of which one is active."""

from typing import Any

from childproof.stubkit import Context, Entity, Refusal, Response, TemplateError, operation, template

MOST_VERSIONS = 300


@operation("POST /templates")
def create(ctx: Context) -> dict[str, Any]:
    """A template without a version yet; `legacy` ones have ids of another form."""
    generation = ctx.body.get("generation") or "legacy"
    identity = f"d-{ctx.token(32, '0123456789abcdef')}" if generation == "dynamic" else _uuid(ctx)
    made = ctx.create("template", identity, name=ctx.body["name"], generation=generation, versions=[])
    return _shown(ctx, made)


@operation("GET /templates")
def listed(ctx: Context) -> dict[str, Any]:
    """The templates of a generation, newest first. With a page size they are called `result`, as in SendGrid's reply."""
    wanted = (ctx.query.get("generations") or "legacy").split(",")
    found = [_shown(ctx, one) for one in ctx.list("template") if one["generation"] in wanted]
    size = int(ctx.query.get("page_size") or 0)
    if not size:
        return {"templates": found}
    start = int(ctx.query["page_token"]) if str(ctx.query.get("page_token", "")).isdecimal() else 0
    address = f"https://{ctx.call.host}/v3/templates?generations={','.join(wanted)}&page_size={size}"
    told: dict[str, Any] = {"self": f"{address}&page_token={start}", "count": len(found)}
    if start + size < len(found):
        told["next"] = f"{address}&page_token={start + size}"
    return {"result": found[start : start + size], "_metadata": told}


@operation("GET /templates/{template_id}")
def read(ctx: Context, template_id: str) -> dict[str, Any]:
    """One, with its versions."""
    return _shown(ctx, ctx.get("template", template_id))


@operation("PATCH /templates/{template_id}")
def rename(ctx: Context, template_id: str) -> dict[str, Any]:
    """Give it another name."""
    found = ctx.get("template", template_id)
    return _shown(ctx, ctx.update(found, name=ctx.body.get("name", found["name"])))


@operation("POST /templates/{template_id}")
def duplicate(ctx: Context, template_id: str) -> Response:
    """A copy, with all versions."""
    found = ctx.get("template", template_id)
    copy = ctx.create(
        "template", f"d-{ctx.token(32, '0123456789abcdef')}" if found["generation"] == "dynamic" else _uuid(ctx),
        name=ctx.body.get("name") or f"{found['name']} Copy", generation=found["generation"], versions=[],
    )  # fmt: skip
    for version in reversed(ctx.list("version", template_id=template_id)):
        fields = {name: value for name, value in version.items() if name != "id"}
        ctx.create("version", **{**fields, "template_id": copy.id})
    return Response(201, _shown(ctx, copy))


@operation("DELETE /templates/{template_id}")
def delete(ctx: Context, template_id: str) -> None:
    """Delete it and its versions."""
    ctx.delete(ctx.get("template", template_id))
    for version in ctx.list("version", template_id=template_id):
        ctx.delete(version)


@operation("POST /templates/{template_id}/versions")
def add_version(ctx: Context, template_id: str) -> Response:
    """A version. The first is active, and so is one that says so."""
    ctx.get("template", template_id)
    known = ctx.list("version", template_id=template_id)
    if len(known) >= MOST_VERSIONS:
        raise Refusal(400, "", f"A template can't have more than {MOST_VERSIONS} versions.")
    body = ctx.body
    _check(ctx, template_id, body)
    html = body.get("html_content") or ""
    made = ctx.create(
        "version", template_id=template_id, name=body["name"], subject=body.get("subject") or "", html_content=html,
        plain_content=body.get("plain_content") or "", generate_plain_content=body.get("generate_plain_content", True),
        editor=body.get("editor") or "code", test_data=body.get("test_data") or "", active=0,
        thumbnail_url="", user_id=1, warnings=[],
    )  # fmt: skip
    if not known or body.get("active"):
        made = _activated(ctx, made)
    return Response(201, _out(made))


@operation("GET /templates/{template_id}/versions/{version_id}")
def version(ctx: Context, template_id: str, version_id: str) -> dict[str, Any]:
    """One version."""
    return _out(_version(ctx, template_id, version_id))


@operation("PATCH /templates/{template_id}/versions/{version_id}")
def change_version(ctx: Context, template_id: str, version_id: str) -> dict[str, Any]:
    """Change its content, or make it the active one."""
    found = _version(ctx, template_id, version_id)
    _check(ctx, template_id, ctx.body)
    changed = ctx.update(
        found, **{name: value for name, value in ctx.body.items() if name in found and name != "active"}
    )
    changed = ctx.update(changed)
    return _out(_activated(ctx, changed) if ctx.body.get("active") else changed)


@operation("POST /templates/{template_id}/versions/{version_id}/activate")
def activate(ctx: Context, template_id: str, version_id: str) -> dict[str, Any]:
    """From now on this one is sent."""
    return _out(_activated(ctx, _version(ctx, template_id, version_id)))


@operation("DELETE /templates/{template_id}/versions/{version_id}")
def delete_version(ctx: Context, template_id: str, version_id: str) -> None:
    """Delete one."""
    ctx.delete(_version(ctx, template_id, version_id))


def _activated(ctx: Context, version: Entity) -> Entity:
    for other in ctx.list("version", template_id=version["template_id"], active=1):
        if other.id != version.id:
            ctx.update(other, active=0)
    return ctx.update(version, active=1)


def _version(ctx: Context, template_id: str, version_id: str) -> Entity:
    ctx.get("template", template_id)
    found = ctx.get("version", version_id)
    if found["template_id"] != template_id:
        raise ctx.not_found("version", version_id)
    return found


def _check(ctx: Context, template_id: str, body: dict[str, Any]) -> None:
    """Dynamic templates must be sound Handlebars."""
    if ctx.get("template", template_id)["generation"] != "dynamic":
        return
    for field in ("subject", "html_content", "plain_content"):
        try:
            template(body.get(field) or "")
        except TemplateError as error:
            raise Refusal(
                400, "", f"The {field} has a syntax error on line {error.line}: {error}", param=field
            ) from None


def _shown(ctx: Context, found: Entity) -> dict[str, Any]:
    versions = [
        {name: value for name, value in _out(one).items() if name not in {"html_content", "plain_content", "test_data", "warnings"}}
        if ctx.operation == "GET /templates" else _out(one)
        for one in ctx.list("version", template_id=found.id)
    ]  # fmt: skip
    return {**_out(found), "versions": versions}


def _out(entity: Entity) -> dict[str, Any]:
    """With its time as templates have it, which isn't as the rest of the API has times."""
    return {**entity, "updated_at": str(entity["updated_at"])[:19].replace("T", " ")}


def _uuid(ctx: Context) -> str:
    digits = ctx.token(32, "0123456789abcdef")
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
