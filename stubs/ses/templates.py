"""Templates: the same ones in both APIs."""

from typing import Any

from childproof.stubkit import Context, Entity, Refusal, operation

from .paging import paged
from .refusals import absent, exists, invalid, limited, newer
from .rendering import Unrendered, check, data_of, filled
from .times import iso, seconds

MOST = 20_000
_LARGEST = 512_000  # bytes of a template


def get(ctx: Context, name: str) -> Entity:
    """A template, or the refusal of one that isn't there."""
    found = ctx.find("template", name)
    if found is None:
        raise absent(ctx, "TemplateDoesNotExist", f"Template {name} does not exist.")
    return found


def content_of(template: dict[str, Any]) -> dict[str, str]:
    """What of a template is filled in."""
    return {part: template[part] for part in ("subject", "text", "html")}


def _content(subject: str | None, text: str | None, html: str | None) -> dict[str, str]:
    return {"subject": subject or "", "text": text or "", "html": html or ""}


def _checked(ctx: Context, content: dict[str, str]) -> dict[str, str]:
    """A template's parts, if there are any and they can be read."""
    if not content["subject"]:
        raise invalid(ctx, "The subject must be specified.", "InvalidTemplate")
    if not (content["text"] or content["html"]):
        raise invalid(ctx, "The template must have a text part or an HTML part.", "InvalidTemplate")
    if sum(len(part.encode()) for part in content.values()) > _LARGEST:
        raise invalid(ctx, "The template is larger than 500 KB.", "InvalidTemplate")
    wrong = check(content)
    if wrong:
        raise invalid(ctx, wrong, "InvalidTemplate")
    return content


def _create(ctx: Context, name: str, content: dict[str, str], tags: list[dict[str, str]]) -> None:
    if ctx.find("template", name) is not None:
        raise exists(ctx, "AlreadyExists", f"Template {name} already exists.")
    if len(ctx.list("template")) >= MOST:
        raise limited(ctx, "You have reached the maximum number of templates.")
    made = ctx.create("template", name, name=name, **_checked(ctx, content), tags=tags, created=ctx.now_ms())
    ctx.emit("template.created", made)


def _rendered(ctx: Context, template: Entity, data: str) -> str:
    """A template as a message, without anybody to send it to."""
    try:
        parts = filled(ctx, content_of(template), data_of(ctx, data))
    except Unrendered as error:
        code = "BadRequestException" if newer(ctx) else "MissingRenderingAttribute"
        raise Refusal(400, code, str(error)) from None
    mark = ctx.token(32, "0123456789abcdef")
    head = f"Date: {iso(ctx.now_ms())}\r\nSubject: {parts['subject']}\r\nMIME-Version: 1.0\r\n"
    kinds = [("plain", parts["text"]), ("html", parts["html"])]
    bodies = "".join(
        f"--{mark}\r\nContent-Type: text/{kind}; charset=UTF-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n{part}\r\n"
        for kind, part in kinds
        if part
    )
    return f'{head}Content-Type: multipart/alternative; boundary="{mark}"\r\n\r\n{bodies}--{mark}--\r\n'


@operation("POST /v2/email/templates")
def create(ctx: Context) -> dict[str, Any]:
    """A new template."""
    content = ctx.body["TemplateContent"]
    parts = _content(content.get("Subject"), content.get("Text"), content.get("Html"))
    _create(ctx, ctx.body["TemplateName"], parts, ctx.body.get("Tags", []))
    return {}


@operation("GET /v2/email/templates/{TemplateName}")
def read(ctx: Context, TemplateName: str) -> dict[str, Any]:  # noqa: N803 - the document's own name
    """A template as it was written."""
    found = get(ctx, TemplateName)
    parts = {"Subject": found["subject"], "Text": found["text"], "Html": found["html"]}
    shown = {name: part for name, part in parts.items() if part}
    return {"TemplateName": found["name"], "TemplateContent": shown, "Tags": found["tags"]}


@operation("PUT /v2/email/templates/{TemplateName}")
def update(ctx: Context, TemplateName: str) -> dict[str, Any]:  # noqa: N803 - as above
    """Replace what a template says."""
    found, content = get(ctx, TemplateName), ctx.body["TemplateContent"]
    ctx.update(found, **_checked(ctx, _content(content.get("Subject"), content.get("Text"), content.get("Html"))))
    return {}


@operation("DELETE /v2/email/templates/{TemplateName}")
def delete(ctx: Context, TemplateName: str) -> dict[str, Any]:  # noqa: N803 - as above
    """Take a template away."""
    ctx.delete(get(ctx, TemplateName))
    return {}


@operation("GET /v2/email/templates")
def index(ctx: Context) -> dict[str, Any]:
    """The templates, the newest first."""
    page, more = paged(ctx, ctx.list("template"), lambda one: one.id, most=100)
    shown = [{"TemplateName": one["name"], "CreatedTimestamp": seconds(one["created"])} for one in page]
    return {"TemplatesMetadata": shown, **more}


@operation("POST /v2/email/templates/{TemplateName}/render")
def render(ctx: Context, TemplateName: str) -> dict[str, Any]:  # noqa: N803 - as above
    """What a template makes of some data."""
    return {"RenderedTemplate": _rendered(ctx, get(ctx, TemplateName), ctx.body["TemplateData"])}


@operation("POST /#Action=CreateTemplate")
def create_v1(ctx: Context) -> dict[str, Any]:
    """A new template."""
    given = ctx.body["Template"]
    parts = _content(given.get("SubjectPart"), given.get("TextPart"), given.get("HtmlPart"))
    _create(ctx, given["TemplateName"], parts, [])
    return {}


@operation("POST /#Action=GetTemplate")
def read_v1(ctx: Context) -> dict[str, Any]:
    """A template as it was written."""
    found = get(ctx, ctx.body["TemplateName"])
    parts = {"SubjectPart": found["subject"], "TextPart": found["text"], "HtmlPart": found["html"]}
    shown = {name: part for name, part in parts.items() if part}
    return {"Template": {"TemplateName": found["name"], **shown}}


@operation("POST /#Action=UpdateTemplate")
def update_v1(ctx: Context) -> dict[str, Any]:
    """Replace what a template says."""
    given = ctx.body["Template"]
    found = get(ctx, given["TemplateName"])
    ctx.update(found, **_checked(ctx, _content(given.get("SubjectPart"), given.get("TextPart"), given.get("HtmlPart"))))
    return {}


@operation("POST /#Action=DeleteTemplate")
def delete_v1(ctx: Context) -> dict[str, Any]:
    """Take a template away; that it wasn't there is no fault."""
    found = ctx.find("template", ctx.body["TemplateName"])
    if found is not None:
        ctx.delete(found)
    return {}


@operation("POST /#Action=ListTemplates")
def index_v1(ctx: Context) -> dict[str, Any]:
    """The templates, the newest first."""
    page, more = paged(ctx, ctx.list("template"), lambda one: one.id, most=100)
    shown = [{"Name": one["name"], "CreatedTimestamp": iso(one["created"])} for one in page]
    return {"TemplatesMetadata": shown, **more}


@operation("POST /#Action=TestRenderTemplate")
def render_v1(ctx: Context) -> dict[str, Any]:
    """What a template makes of some data."""
    return {"RenderedTemplate": _rendered(ctx, get(ctx, ctx.body["TemplateName"]), ctx.body["TemplateData"])}
