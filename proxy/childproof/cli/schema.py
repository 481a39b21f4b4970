"""`childproof schema NAME`: the JSON Schemas that ship, for editors and other tools."""

import json
import os
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
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
NAMES = ("rules", "case", "stub", "older", "world", "world-export", "config", "ledger", "control")


@click.command()
@click.argument("name", type=click.Choice(NAMES))
def schema(name: str) -> None:
    """Print the JSON Schema of a file format.

    It is one of rules, case (of rules and of stubs), stub, older (what a stub takes of earlier versions), world (what `world seed` reads, with a section for each stub
    there is), world-export (what `world export` writes), config, ledger, control (the OpenAPI document of the control API).
    """
    print(json.dumps(find_schema(name), indent=2))


def find_schema(name: str) -> dict[str, Any]:
    """The schema of a format. Where several parts have files of that name, one that takes the files of each."""
    if name == "world":
        return _of_worlds()
    if name == "control":
        from childproof.control.api import described  # noqa: PLC0415 (the engine's imports: only for this one)

        return described()
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


def _of_worlds() -> dict[str, Any]:
    """With the sections of all stubs of this installation and configuration. Raises InputError."""
    from childproof.catalog import load_catalog  # noqa: PLC0415 (stubs: only for the one format that they shape)
    from childproof.run.config.config import load_config  # noqa: PLC0415
    from childproof.seeds.schema import world_schema  # noqa: PLC0415

    catalog = load_catalog(load_config(os.environ, Path.cwd()).stubs)
    return world_schema([catalog.get(name).service for name in sorted(catalog)], {}, more=True)
