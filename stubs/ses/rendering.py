"""Templates filled in: Handlebars, where a name without a value is a fault."""

from typing import Any

from childproof.stubkit import Context, Refusal, TemplateError, from_json, template

from .refusals import newer

PARTS = ("subject", "text", "html")


class Unrendered(Exception):
    """A template that can't be filled in, in the words of the event that tells of it."""


def data_of(ctx: Context, text: str | None) -> dict[str, Any]:
    """Template data as it was sent: a JSON object in a text. Raises Refusal."""
    data = from_json(text or "{}", dict)
    if data is None:
        code = "BadRequestException" if newer(ctx) else "InvalidRenderingParameter"
        raise Refusal(400, code, "Template rendering data is invalid.")
    return data


def filled(ctx: Context, content: dict[str, str], data: dict[str, Any]) -> dict[str, str]:
    """The parts of a template with data in them. Raises Unrendered."""
    made = {}
    for part in PARTS:
        try:
            made[part] = template(content.get(part) or "").render(
                data, escape=part == "html", missing="refuse", within=ctx.rendering
            )
        except TemplateError as error:
            if error.name:
                raise Unrendered(f"Attribute '{error.name}' is not present in the rendering data.") from None
            raise Unrendered(str(error)) from None
    return made


def check(content: dict[str, str]) -> str:
    """What is wrong with a template's parts; "" if nothing."""
    for part in PARTS:
        try:
            template(content.get(part) or "")
        except TemplateError as error:
            return str(error)
    return ""
