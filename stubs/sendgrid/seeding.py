"""What a world file plants at SendGrid: the templates that an account has, by the ids that programs know."""

from dataclasses import dataclass
from typing import Any

from childproof.stubkit import Refusal, SeedContext, Seeding, seeds


@dataclass(frozen=True)
class Template:
    """A dynamic template with one version, which is active."""

    id: str
    name: str
    subject: str = ""
    html: str = ""
    text: str = ""


@seeds("templates")
def templates(seeding: Seeding, options: list[Template]) -> None:
    """Dynamic templates; a broken one is refused as SendGrid refuses it."""
    for place, option in enumerate(options):
        seeding.first(_template(option), place)


def _template(option: Template) -> Any:
    def step(ctx: SeedContext) -> None:
        if not option.id.startswith("d-"):
            raise Refusal(message=f"{option.id!r} is no dynamic template's id: those begin with d-")
        if ctx.find("template", option.id) is not None:
            raise Refusal(message=f"the template {option.id!r} is there already")
        ctx.create("template", option.id, name=option.name, generation="dynamic", versions=[])
        version = {"name": option.name, "subject": option.subject, "html_content": option.html, "active": 1}
        if option.text:
            version |= {"plain_content": option.text, "generate_plain_content": False}
        ctx.play("POST /templates/{template_id}/versions", version, template_id=option.id)

    return step
