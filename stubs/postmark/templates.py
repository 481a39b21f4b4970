"""Templates (Mustachio, which is Handlebars' blocks and Mustache's sections) and layouts around them."""

from collections.abc import Mapping
from typing import Any

from childproof.stubkit import Context, Entity, TemplateError, operation, template

from .checking import refused, said
from .emails import named

FIELDS = ("Name", "Alias", "Subject", "HtmlBody", "TextBody", "LayoutTemplate")
BRIEF = ("Name", "Active", "Alias", "TemplateType", "LayoutTemplate")


@operation("GET /templates")
def listed(ctx: Context) -> dict[str, Any]:
    """All, in the order in which they were made."""
    kind = ctx.query.get("templateType") or "All"
    found = [one for one in reversed(ctx.list("template")) if kind in {"All", one["TemplateType"]}]
    first = int(ctx.query.get("offset") or ctx.query.get("Offset") or 0)
    most = int(ctx.query.get("count") or ctx.query.get("Count") or 100)
    return {"TotalCount": len(found), "Templates": [_brief(one) for one in found[first : first + most]]}


@operation("POST /templates")
def create(ctx: Context) -> dict[str, Any]:
    """A template, or a layout."""
    body = said(ctx)
    layout = body.get("TemplateType") == "Layout"
    if not body.get("Name"):
        raise refused(1122, "The 'Name' is required.")
    if not layout and not body.get("Subject"):
        raise refused(1122, "The 'Subject' is required.")
    _check(ctx, body, None)
    if not body.get("HtmlBody") and not body.get("TextBody"):
        raise refused(1122, "Provide either the HtmlBody or the TextBody, or both.")
    made = ctx.create(
        "template", **{name: body.get(name) or None for name in FIELDS}, Active=True, AssociatedServerId=1,
        TemplateType="Layout" if layout else "Standard",
    )  # fmt: skip
    return _brief(made)


@operation("GET /templates/{templateIdOrAlias}")
def read(ctx: Context, templateIdOrAlias: str) -> dict[str, Any]:  # noqa: N803 - as the document names it
    """One, with its texts."""
    found = _template(ctx, templateIdOrAlias)
    return {
        **_brief(found),
        **{name: found[name] for name in ("Subject", "HtmlBody", "TextBody", "AssociatedServerId")},
    }


@operation("PUT /templates/{templateIdOrAlias}")
def change(ctx: Context, templateIdOrAlias: str) -> dict[str, Any]:  # noqa: N803 - as above
    """Change what is mentioned."""
    found = _template(ctx, templateIdOrAlias)
    _check(ctx, said(ctx), found)
    return _brief(ctx.update(found, **{name: said(ctx)[name] or None for name in FIELDS if name in said(ctx)}))


@operation("DELETE /templates/{templateIdOrAlias}")
def delete(ctx: Context, templateIdOrAlias: str) -> dict[str, Any]:  # noqa: N803 - as above
    """Delete it."""
    found = _template(ctx, templateIdOrAlias)
    ctx.delete(found)
    return {"ErrorCode": 0, "Message": f"Template {found.id} removed."}


@operation("POST /templates/validate")
def validate(ctx: Context) -> dict[str, Any]:
    """What texts would say with a model, what is wrong with them, and which model they ask for."""
    body = said(ctx)
    given = body.get("TestRenderModel")
    model: dict[str, Any] = given if isinstance(given, dict) else {}
    told: dict[str, Any] = {}
    suggested: dict[str, Any] = {}
    for field in ("Subject", "HtmlBody", "TextBody"):
        if not body.get(field):
            told[field] = None
            continue
        try:
            made = template(str(body[field]))
            suggested |= made.names()
            shown = made.render({**made.names(), **model}, escape=field == "HtmlBody")
        except TemplateError as error:
            wrong = {"Message": str(error), "Line": error.line, "CharacterPosition": 0}
            told[field] = {"ContentIsValid": False, "ValidationErrors": [wrong], "RenderedContent": None}
        else:
            told[field] = {"ContentIsValid": True, "ValidationErrors": [], "RenderedContent": shown}
    sound = all(one is None or one["ContentIsValid"] for one in told.values())
    return {"AllContentIsValid": sound, **told, "SuggestedTemplateModel": {**suggested, **model}}


def _check(ctx: Context, body: Mapping[str, Any], own: Entity | None) -> None:
    alias = body.get("Alias")
    other = named(ctx, str(alias)) if alias else None
    if other is not None and (own is None or other.id != own.id):
        raise refused(1117, f"The alias '{alias}' is already in use.")
    if body.get("LayoutTemplate"):
        layout = named(ctx, str(body["LayoutTemplate"]))
        if layout is None or layout["TemplateType"] != "Layout":
            raise refused(1125, "The layout template with the provided alias was not found.")
    for field in ("Subject", "HtmlBody", "TextBody"):
        try:
            template(str(body.get(field) or "").replace("{{{@content}}}", ""))
        except TemplateError as error:
            raise refused(1109, f"The '{field}' has a syntax error on line {error.line}: {error}") from None


def _template(ctx: Context, wanted: str) -> Entity:
    found = named(ctx, wanted)
    if found is None:
        raise refused(1101, "The 'TemplateId' or alias associated with this request is not valid or was not found.")
    return found


def _brief(found: Entity) -> dict[str, Any]:
    return {"TemplateId": int(found.id), **{name: found[name] for name in BRIEF}}
