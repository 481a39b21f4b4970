"""Templates and their versions, of which one is active; in Handlebars."""

import re
from typing import Any

from childproof.stubkit import Context, Entity, Refusal, TemplateError, from_json, operation, plain_text
from childproof.stubkit import template as compiled

from . import common
from .common import wrong

MOST_VERSIONS = 40
_GO = re.compile(r"\{\{\s*\.(?=[A-Za-z_])")


def filled(ctx: Context, domain: Entity, given: dict[str, str]) -> dict[str, str]:
    """A message with its stored template filled in; what it says itself wins. Raises Mailgun's refusals."""
    name = given.get("template")
    if not name:
        return given
    template = _found(ctx, domain, name)
    tag = given.get("t:version", "").lower()
    version = _version(ctx, template, tag) if tag else _active(ctx, template)
    if version is None:
        raise wrong(f"template '{name}' has no active version")
    variables = _variables(given)
    made = {"html": _rendered(version["template"], version, variables, escape=True)}
    if common.yes(given.get("t:text")) and not given.get("text"):
        made["text"] = plain_text(made["html"])
    for header, field in (("From", "from"), ("Subject", "subject"), ("Reply-To", "h:Reply-To")):
        if header in version.get("headers", {}) and not given.get(field):
            made[field] = _rendered(version["headers"][header], version, variables, escape=False)
    return {**given, **made}


def _variables(given: dict[str, str]) -> dict[str, Any]:
    """`t:variables`, or what headers and `v:` parameters say where there is none."""
    told = given.get("t:variables") or given.get("h:X-Mailgun-Variables")
    own: dict[str, Any] = {name[2:]: _maybe_json(value) for name, value in given.items() if name.startswith("v:")}
    if not told:
        return own
    found = from_json(told, dict)
    if found is None:
        raise wrong("'t:variables' parameter is not a valid JSON")
    return {**own, **found}


def _maybe_json(value: str) -> Any:
    found = from_json(value, object) if value[:1] in {"{", "["} else None
    return value if found is None else found


def _rendered(text: str, version: Entity, variables: dict[str, Any], *, escape: bool) -> str:
    written = _GO.sub("{{", text) if version["engine"] == "go" else text
    try:
        return compiled(written).render(variables, escape=escape, helpers={"equal": _equal})
    except TemplateError as error:
        raise wrong(f"failed to render template: {error}") from None


def _equal(first: Any, second: Any, *_more: Any) -> bool:
    return str(first) == str(second)


@operation("POST /v3/{domain_name}/templates")
def create(ctx: Context, domain_name: str) -> dict[str, Any]:
    """A template, with its first version where there is a text."""
    domain = common.domain(ctx, domain_name)
    body = ctx.body
    name = body["name"].lower()
    if ctx.list("template", name=name, _domain=domain.id, limit=1):
        raise wrong(f"template with name '{name}' already exists", 409)
    made = ctx.create(
        "template", name=name, description=body.get("description", ""), createdBy=body.get("createdBy", ""),
        createdAt=common.written(ctx.now_ms()), _domain=domain.id,
    )  # fmt: skip
    shown = _shown(made)
    if body.get("template"):
        shown["version"] = _whole(_add(ctx, made, body.get("tag") or "initial", active=True))
    return {"message": "template has been stored", "template": shown}


@operation("GET /v3/{domain_name}/templates")
def listed(ctx: Context, domain_name: str) -> dict[str, Any]:
    """All templates of a domain by name."""
    domain = common.domain(ctx, domain_name)
    found, paging = common.paged(
        ctx, ctx.list("template", _domain=domain.id), lambda one: str(one["name"]), parameter="p", most=100
    )
    items = [_with_active(ctx, one) if common.yes(ctx.query.get("active")) else _shown(one) for one in found]
    return {"items": items, "paging": paging}


@operation("GET /v3/{domain_name}/templates/{template_name}")
def retrieve(ctx: Context, domain_name: str, template_name: str) -> dict[str, Any]:
    """One template, with `active` its version, too."""
    found = _found(ctx, common.domain(ctx, domain_name), template_name)
    return {"template": _with_active(ctx, found) if common.yes(ctx.query.get("active")) else _shown(found)}


@operation("PUT /v3/{domain_name}/templates/{template_name}")
def update(ctx: Context, domain_name: str, template_name: str) -> dict[str, Any]:
    """Describe a template otherwise."""
    found = _found(ctx, common.domain(ctx, domain_name), template_name)
    ctx.update(found, description=ctx.body["description"])
    return {"message": "template has been updated", "template": {"name": found["name"]}}


@operation("DELETE /v3/{domain_name}/templates/{template_name}")
def delete(ctx: Context, domain_name: str, template_name: str) -> dict[str, Any]:
    """Delete a template with all its versions."""
    found = _found(ctx, common.domain(ctx, domain_name), template_name)
    _end(ctx, found)
    return {"message": "template has been deleted", "template": {"name": found["name"]}}


@operation("DELETE /v3/{domain_name}/templates")
def delete_all(ctx: Context, domain_name: str) -> dict[str, Any]:
    """Delete all templates of a domain."""
    for one in ctx.list("template", _domain=common.domain(ctx, domain_name).id):
        _end(ctx, one)
    return {"message": "templates have been deleted"}


@operation("POST /v3/{domain_name}/templates/{template_name}/versions")
def add(ctx: Context, domain_name: str, template_name: str) -> dict[str, Any]:
    """A new version; the first one is active by itself."""
    found = _found(ctx, common.domain(ctx, domain_name), template_name)
    versions = ctx.list("version", _template=found.id)
    if len(versions) >= MOST_VERSIONS:
        raise wrong(f"template can't have more than {MOST_VERSIONS} versions")
    if any(one["tag"] == ctx.body["tag"].lower() for one in versions):
        raise wrong(f"version with tag '{ctx.body['tag'].lower()}' already exists", 409)
    made = _add(ctx, found, ctx.body["tag"], active=not versions or common.yes(ctx.body.get("active")))
    shown = {**_shown(found), "version": _whole(made)}
    return {"message": "new version of the template has been stored", "template": shown}


@operation("GET /v3/{domain_name}/templates/{template_name}/versions")
def versions(ctx: Context, domain_name: str, template_name: str) -> dict[str, Any]:
    """All versions, without their texts."""
    found = _found(ctx, common.domain(ctx, domain_name), template_name)
    shown, paging = common.paged(
        ctx, ctx.list("version", _template=found.id), lambda one: str(one["tag"]), parameter="p", most=100
    )
    told = [{name: value for name, value in _whole(one).items() if name != "template"} for one in shown]
    return {"template": {**_shown(found), "versions": told}, "paging": paging}


@operation("GET /v3/{domain_name}/templates/{template_name}/versions/{version_name}")
def version(ctx: Context, domain_name: str, template_name: str, version_name: str) -> dict[str, Any]:
    """One version with its text."""
    found = _found(ctx, common.domain(ctx, domain_name), template_name)
    return {"template": {**_shown(found), "version": _whole(_version(ctx, found, version_name))}}


@operation("PUT /v3/{domain_name}/templates/{template_name}/versions/{version_name}")
def change(ctx: Context, domain_name: str, template_name: str, version_name: str) -> dict[str, Any]:
    """Change a version, or make it the active one."""
    found = _found(ctx, common.domain(ctx, domain_name), template_name)
    one = _version(ctx, found, version_name)
    fields: dict[str, Any] = {name: ctx.body[name] for name in ("template", "comment") if name in ctx.body}
    if "headers" in ctx.body:
        fields["headers"] = _headers(ctx.body["headers"])
    _check(fields.get("template", ""), one["engine"])
    if common.yes(ctx.body.get("active")):
        _deactivate(ctx, found)
        fields["active"] = True
    ctx.update(one, **fields)
    return {"message": "version has been updated", "template": {"name": found["name"], "version": {"tag": one["tag"]}}}


@operation("DELETE /v3/{domain_name}/templates/{template_name}/versions/{version_name}")
def remove(ctx: Context, domain_name: str, template_name: str, version_name: str) -> dict[str, Any]:
    """Delete a version."""
    found = _found(ctx, common.domain(ctx, domain_name), template_name)
    one = _version(ctx, found, version_name)
    ctx.delete(one)
    return {"message": "version has been deleted", "template": {"name": found["name"], "version": {"tag": one["tag"]}}}


@operation("PUT /v3/{domain_name}/templates/{template_name}/versions/{version_name}/copy/{new_version_name}")
def copy(
    ctx: Context, domain_name: str, template_name: str, version_name: str, new_version_name: str
) -> dict[str, Any]:
    """The same text under another tag, in the place of what had it."""
    found = _found(ctx, common.domain(ctx, domain_name), template_name)
    one = _version(ctx, found, version_name)
    for other in ctx.list("version", _template=found.id, tag=new_version_name.lower()):
        ctx.delete(other)
    kept = {name: one[name] for name in ("template", "engine", "mjml", "headers")}
    made = ctx.create(
        "version", **kept, tag=new_version_name.lower(), comment=ctx.query.get("comment", ""), active=False,
        createdAt=common.written(ctx.now_ms()), _template=found.id,
    )  # fmt: skip
    return {"message": "version has been copied", "version": _whole(made), "template": {"tag": made["tag"]}}


def _add(ctx: Context, template: Entity, tag: str, *, active: bool) -> Entity:
    body = ctx.body
    engine = body.get("engine") or "handlebars"
    if engine not in {"handlebars", "go"}:
        raise wrong("Invalid engine: it can be any of 'handlebars' and 'go'")
    _check(body["template"], engine)
    if active:
        _deactivate(ctx, template)
    return ctx.create(
        "version", tag=tag.lower(), template=body["template"], engine=engine, mjml="", comment=body.get("comment", ""), active=active,
        createdAt=common.written(ctx.now_ms()), headers=_headers(body.get("headers")), _template=template.id,
    )  # fmt: skip


def _check(text: str, engine: str) -> None:
    try:
        compiled(_GO.sub("{{", text) if engine == "go" else text)
    except TemplateError as error:
        raise wrong(f"failed to parse template: {error}") from None


def _headers(given: str | None) -> dict[str, str]:
    found = from_json(given or "{}", dict)
    if found is None:
        raise wrong("'headers' parameter is not a valid JSON")
    return {str(name): str(value) for name, value in found.items()}


def _deactivate(ctx: Context, template: Entity) -> None:
    for one in ctx.list("version", _template=template.id, active=True):
        ctx.update(one, active=False)


def _end(ctx: Context, template: Entity) -> None:
    for one in ctx.list("version", _template=template.id):
        ctx.delete(one)
    ctx.delete(template)


def _found(ctx: Context, domain: Entity, name: str) -> Entity:
    found = next(iter(ctx.list("template", name=name.lower(), _domain=domain.id, limit=1)), None)
    if found is None:
        raise Refusal(404, None, "template not found")
    return found


def _version(ctx: Context, template: Entity, tag: str) -> Entity:
    found = next(iter(ctx.list("version", _template=template.id, tag=tag.lower(), limit=1)), None)
    if found is None:
        raise Refusal(404, None, "template version not found")
    return found


def _active(ctx: Context, template: Entity) -> Entity | None:
    return next(iter(ctx.list("version", _template=template.id, active=True, limit=1)), None)


def _with_active(ctx: Context, template: Entity) -> dict[str, Any]:
    active = _active(ctx, template)
    return {**_shown(template), **({"version": _whole(active)} if active is not None else {})}


def _shown(template: Entity) -> dict[str, Any]:
    return {name: template[name] for name in ("name", "description", "createdAt", "createdBy", "id")}


def _whole(version: Entity) -> dict[str, Any]:
    names = ("tag", "template", "engine", "mjml", "createdAt", "comment", "active", "id")
    return {
        **{name: version[name] for name in names},
        **({"headers": version["headers"]} if version["headers"] else {}),
    }
