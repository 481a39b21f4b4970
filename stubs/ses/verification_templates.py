"""Templates of verification mails, and the mails: both APIs share them. The mail's link isn't followed by anybody."""

from typing import Any

from childproof.stubkit import Context, Entity, Refusal, operation

from .identities import wanted
from .messages import Letter
from .paging import paged
from .refusals import absent, exists, newer
from .sending import send

_FIELDS = {
    "FromEmailAddress": "sender", "TemplateSubject": "subject", "TemplateContent": "content", "SuccessRedirectionURL": "success",
    "FailureRedirectionURL": "failure",
}  # fmt: skip
_LISTED = ("FromEmailAddress", "TemplateSubject", "SuccessRedirectionURL", "FailureRedirectionURL")


def _get(ctx: Context, name: str) -> Entity:
    found = ctx.find("verification_template", name)
    if found is None:
        said = f"Custom verification email template <{name}> does not exist."
        raise absent(ctx, "CustomVerificationEmailTemplateDoesNotExist", said)
    return found


def _create(ctx: Context) -> None:
    name = ctx.body["TemplateName"]
    if ctx.find("verification_template", name) is not None:
        said = f"Custom verification email template <{name}> already exists."
        raise exists(ctx, "CustomVerificationEmailTemplateAlreadyExists", said)
    fields = {field: ctx.body[shown] for shown, field in _FIELDS.items()}
    ctx.create("verification_template", name, name=name, tags=ctx.body.get("Tags", []), **fields)


def _update(ctx: Context, name: str) -> None:
    found = _get(ctx, name)
    ctx.update(found, **{field: ctx.body[shown] for shown, field in _FIELDS.items() if shown in ctx.body})


def _shown(found: Entity) -> dict[str, Any]:
    return {"TemplateName": found["name"], **{shown: found[field] for shown, field in _FIELDS.items()}}


def _page(ctx: Context) -> dict[str, Any]:
    rows = ctx.list("verification_template", newest_first=False)
    page, more = paged(ctx, rows, lambda one: one.id, most=50)
    listed = [{"TemplateName": one["name"], **{shown: one[_FIELDS[shown]] for shown in _LISTED}} for one in page]
    return {"CustomVerificationEmailTemplates": listed, **more}


def _send(ctx: Context) -> dict[str, Any]:
    template = _get(ctx, ctx.body["TemplateName"])
    address = ctx.body["EmailAddress"]
    html = f'{template["content"]}<p><a href="{template["success"]}">Verify {address}</a></p>'
    letter = Letter(sender=template["sender"], to=(address,), subject=template["subject"], html=html)
    letter_set = ctx.body.get("ConfigurationSetName", "")
    if "@" not in address:
        raise Refusal(400, "BadRequestException" if newer(ctx) else "InvalidParameterValue", "Missing final '@domain'.")
    message_id = send(ctx, Letter(**{**_fields(letter), "configuration_set": letter_set}))
    wanted(ctx, address)
    return {"MessageId": message_id}


def _fields(letter: Letter) -> dict[str, Any]:
    return {name: getattr(letter, name) for name in ("sender", "to", "subject", "html")}


@operation("POST /v2/email/custom-verification-email-templates")
def create(ctx: Context) -> dict[str, Any]:
    """A new template."""
    _create(ctx)
    return {}


@operation("GET /v2/email/custom-verification-email-templates/{TemplateName}")
def read(ctx: Context, TemplateName: str) -> dict[str, Any]:  # noqa: N803 - the document's own name
    """A template."""
    found = _get(ctx, TemplateName)
    return {**_shown(found), "Tags": found["tags"]}


@operation("PUT /v2/email/custom-verification-email-templates/{TemplateName}")
def update(ctx: Context, TemplateName: str) -> dict[str, Any]:  # noqa: N803 - as above
    """Change a template."""
    _update(ctx, TemplateName)
    return {}


@operation("DELETE /v2/email/custom-verification-email-templates/{TemplateName}")
def delete(ctx: Context, TemplateName: str) -> dict[str, Any]:  # noqa: N803 - as above
    """Take a template away."""
    ctx.delete(_get(ctx, TemplateName))
    return {}


@operation("GET /v2/email/custom-verification-email-templates")
def index(ctx: Context) -> dict[str, Any]:
    """The templates."""
    return _page(ctx)


@operation("POST /v2/email/outbound-custom-verification-emails")
def send_mail(ctx: Context) -> dict[str, Any]:
    """Mail somebody whose address is to be verified."""
    return _send(ctx)


@operation("POST /#Action=CreateCustomVerificationEmailTemplate")
def create_v1(ctx: Context) -> None:
    """A new template."""
    _create(ctx)


@operation("POST /#Action=GetCustomVerificationEmailTemplate")
def read_v1(ctx: Context) -> dict[str, Any]:
    """A template."""
    return _shown(_get(ctx, ctx.body["TemplateName"]))


@operation("POST /#Action=UpdateCustomVerificationEmailTemplate")
def update_v1(ctx: Context) -> None:
    """Change a template."""
    _update(ctx, ctx.body["TemplateName"])


@operation("POST /#Action=DeleteCustomVerificationEmailTemplate")
def delete_v1(ctx: Context) -> None:
    """Take a template away; that it wasn't there is no fault."""
    found = ctx.find("verification_template", ctx.body["TemplateName"])
    if found is not None:
        ctx.delete(found)


@operation("POST /#Action=ListCustomVerificationEmailTemplates")
def index_v1(ctx: Context) -> dict[str, Any]:
    """The templates."""
    return _page(ctx)


@operation("POST /#Action=SendCustomVerificationEmail")
def send_v1(ctx: Context) -> dict[str, Any]:
    """Mail somebody whose address is to be verified."""
    return _send(ctx)
