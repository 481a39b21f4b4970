"""`childproof schema NAME`: the JSON Schemas that ship, for editors and other tools."""

import json
from importlib.resources import files
from importlib.util import find_spec
from typing import Any

import click

# Where the parts keep the schemas of the files that they read or write: PACKAGE/schemas/NAME.json.
PACKAGES = (
    "childproof.policy",
    "childproof.stubkit",
    "childproof.catalog",
    "childproof.run",
    "childproof.world",
    "childproof.ledger",
)
NAMES = ("rules", "case", "stub", "world", "config", "ledger")


@click.command()
@click.argument("name", type=click.Choice(NAMES))
def schema(name: str) -> None:
    """Print the JSON Schema of a file format: rules, case (of rules and of stubs), stub, world, config or ledger."""
    print(json.dumps(find_schema(name), indent=2))


def find_schema(name: str) -> dict[str, Any]:
    """The schema of a format. Where several parts have files of that name, one that takes the files of each."""
    found: list[dict[str, Any]] = []
    for package in PACKAGES:
        if find_spec(package) is not None:
            file = files(package) / "schemas" / f"{name}.json"
            if file.is_file():
                found.append(json.loads(file.read_text(encoding="utf-8")))
    if not found:
        raise click.ClickException(f"this version of childproof has no schema of {name} files yet")
    if len(found) == 1:
        return found[0]
    return {"$schema": found[0]["$schema"], "title": f"childproof {name} files", "anyOf": found}
