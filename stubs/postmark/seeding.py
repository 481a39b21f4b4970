"""What a world file plants at Postmark: the templates that a server has, by the aliases and ids that programs know."""

from dataclasses import dataclass
from typing import Any

from childproof.stubkit import Refusal, SeedContext, Seeding, seeds


@dataclass(frozen=True)
class Template:
    """A template; without a subject it is a layout. `layout` is the alias of one."""

    name: str
    alias: str | None = None
    subject: str | None = None
    html: str | None = None
    text: str | None = None
    layout: str | None = None


@seeds("templates")
def templates(seeding: Seeding, options: list[Template]) -> None:
    """Templates and layouts; a broken one is refused as Postmark refuses it."""
    for place, option in enumerate(options):
        seeding.first(_template(option), place)


def _template(option: Template) -> Any:
    body = {
        "Name": option.name, "Alias": option.alias, "Subject": option.subject, "HtmlBody": option.html, "TextBody": option.text,
        "LayoutTemplate": option.layout, "TemplateType": "Standard" if option.subject else "Layout",
    }  # fmt: skip

    def step(ctx: SeedContext) -> None:
        if not (option.html or option.text):
            raise Refusal(message=f"the template {option.name!r} has neither html nor text")
        ctx.play("POST /templates", {name: value for name, value in body.items() if value is not None})

    return step
