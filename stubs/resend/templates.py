"""Templates: drafts until they are published, with variables in triple braces (`{{{PRODUCT}}}`, `{{{NAME|there}}}`)."""

import html as markup
import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from childproof.stubkit import Context, Entity, Refusal, operation

from . import addresses

RESERVED = frozenset(
    {"FIRST_NAME", "LAST_NAME", "EMAIL", "RESEND_UNSUBSCRIBE_URL", "UNSUBSCRIBE_URL", "contact", "this"}
)
_FIELDS = ("name", "alias", "from", "subject", "html", "text")
_OBJECT = {"object": "template"}
_PLACE = re.compile(r"\{\{\{\s*(?P<name>[A-Za-z_][A-Za-z0-9_.]*)\s*(?:\|(?P<fallback>[^{}]*))?\}\}\}")


def substituted(text: str, value: Callable[[str], Any], *, escape: bool = False) -> str:
    """A text with its variables filled in; one without a value by its fallback, else by nothing."""

    def one(place: re.Match[str]) -> str:
        found = value(place["name"])
        shown = (place["fallback"] or "") if found is None or found == "" else _text(found)
        return markup.escape(shown, quote=False) if escape else shown

    return _PLACE.sub(one, text)


def filled(ctx: Context, given: dict[str, Any]) -> dict[str, Any]:
    """An email with its template filled in: what the email says itself wins. Raises Resend's refusals."""
    wanted = given.get("template")
    if wanted is None:
        return given
    if given.get("html") is not None or given.get("text") is not None:
        raise Refusal(422, "validation_error", "The `template` field can't be used together with `html` or `text`.")
    template = _found(ctx, wanted["id"])
    published = template.get("_published")
    if published is None:
        raise Refusal(422, "validation_error", "The template must be published before it can be used to send emails.")
    values = _values(published["variables"], wanted.get("variables") or {})
    filled_in = {
        name: substituted(published[name], values.get) for name in ("subject", "html", "text") if published.get(name)
    }
    said = {name: value for name, value in given.items() if name != "template"}
    return {**{name: published[name] for name in ("from", "reply_to") if published.get(name)}, **filled_in, **said}


@operation("POST /templates")
def create(ctx: Context) -> dict[str, Any]:
    """A draft."""
    body = ctx.body
    _check(ctx, body, None)
    version = _version(ctx)
    made = ctx.create(
        "template",
        **_OBJECT,
        **{name: body.get(name) for name in _FIELDS},
        reply_to=addresses.mailboxes(body.get("reply_to"), "reply_to") or None,
        variables=_variables(ctx, body.get("variables")),
        current_version_id=version,
        status="draft",
        published_at=None,
        has_unpublished_versions=True,
    )
    return {**_OBJECT, "id": made.id}


@operation("GET /templates/{id}")
def retrieve(ctx: Context, id: str) -> Entity:  # noqa: A002 - the document's name
    """One, by id or alias, as it was last written."""
    return _found(ctx, id)


@operation("PATCH /templates/{id}")
def update(ctx: Context, id: str) -> dict[str, Any]:  # noqa: A002 - as above
    """Change one. What was published stays in use until the change is published."""
    found = _found(ctx, id)
    body = ctx.body
    _check(ctx, body, found)
    fields: dict[str, Any] = {name: body[name] for name in _FIELDS if name in body}
    if "reply_to" in body:
        fields["reply_to"] = addresses.mailboxes(body["reply_to"], "reply_to") or None
    if "variables" in body:
        fields["variables"] = _variables(ctx, body["variables"])
    ctx.update(found, **fields, current_version_id=_version(ctx), has_unpublished_versions=True)
    return {**_OBJECT, "id": found.id}


@operation("DELETE /templates/{id}")
def delete(ctx: Context, id: str) -> dict[str, Any]:  # noqa: A002 - as above
    """Delete one."""
    found = _found(ctx, id)
    ctx.delete(found)
    return {**_OBJECT, "id": found.id, "deleted": True}


@operation("POST /templates/{id}/publish")
def publish(ctx: Context, id: str) -> dict[str, Any]:  # noqa: A002 - as above
    """What is written now is what mails are made of."""
    found = _found(ctx, id)
    kept = {name: found.get(name) for name in ("from", "subject", "html", "text", "reply_to", "variables")}
    ctx.update(found, status="published", published_at=ctx.now(), has_unpublished_versions=False, _published=kept)
    return {**_OBJECT, "id": found.id}


@operation("POST /templates/{id}/duplicate")
def duplicate(ctx: Context, id: str) -> dict[str, Any]:  # noqa: A002 - as above
    """A draft that says the same."""
    found = _found(ctx, id)
    kept = {name: found.get(name) for name in ("from", "subject", "html", "text", "reply_to", "variables")}
    made = ctx.create(
        "template", **_OBJECT, **kept, name=f"{found['name']} (Copy)", alias=None, status="draft", published_at=None,
        current_version_id=_version(ctx), has_unpublished_versions=True,
    )  # fmt: skip
    return {**_OBJECT, "id": made.id}


def _found(ctx: Context, id_or_alias: str) -> Entity:
    found = ctx.find("template", id_or_alias) or next(iter(ctx.list("template", alias=id_or_alias, limit=1)), None)
    if found is None:
        raise ctx.not_found("template", id_or_alias)
    return found


def _check(ctx: Context, body: Mapping[str, Any], found: Entity | None) -> None:
    if body.get("from"):
        addresses.sender(body["from"])
    alias = body.get("alias")
    known = ctx.list("template", alias=alias, limit=1) if alias else []
    if known and (found is None or known[0].id != found.id):
        raise Refusal(422, "validation_error", f"A template with the alias `{alias}` already exists.")


def _variables(ctx: Context, given: Any) -> list[dict[str, Any]]:
    made = []
    for one in given or ():
        if one["key"] in RESERVED:
            raise Refusal(422, "validation_error", f"`{one['key']}` is a reserved variable name.")
        fallback = one.get("fallback_value")
        if fallback is not None and not _fits(one["type"], fallback):
            raise Refusal(
                422, "validation_error", f"The fallback value of `{one['key']}` must be of type `{one['type']}`."
            )
        told = {"key": one["key"], "type": one["type"], "fallback_value": fallback}
        made.append({"id": _version(ctx), **told, "created_at": ctx.now(), "updated_at": ctx.now()})
    return made


def _values(variables: list[dict[str, Any]], given: Mapping[str, Any]) -> dict[str, Any]:
    """What each variable stands for. Raises Resend's refusal of one that is missing, or of another type."""
    values = dict(given)
    for variable in variables:
        key = variable["key"]
        if values.get(key) is None:
            if variable["fallback_value"] is None:
                raise Refusal(422, "validation_error", f"Missing value for the template variable `{key}`.")
            values[key] = variable["fallback_value"]
        elif not _fits(variable["type"], values[key]):
            raise Refusal(
                422, "validation_error", f"The template variable `{key}` must be of type `{variable['type']}`."
            )
    return values


def _fits(kind: str, value: Any) -> bool:
    if kind == "number":
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, {"string": str, "boolean": bool, "object": dict, "list": list}[kind])


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _version(ctx: Context) -> str:
    return ctx.new_id("template")
