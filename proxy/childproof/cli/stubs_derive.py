"""`childproof stubs derive`: the surface of a vendor's API description, without its prose."""

import gzip
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import click
import msgspec

from childproof.errors import InputError
from childproof.stubkit.document.bundle import bundled
from childproof.stubkit.document.openapi import load_openapi
from childproof.stubkit.document.places import SCHEMAS
from childproof.stubkit.making.derive import derive, schemas_of


@click.command("derive", short_help="Reduce a document to names and types.")
@click.argument("spec", type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="Where to write the surface.")
@click.option("--only", multiple=True, metavar="PREFIX", help="Keep only paths that begin so. May be given again.")
@click.option(
    "--with",
    "more",
    multiple=True,
    metavar="[NAME=]FILE",
    help="Add the paths of another document, written by hand or of an older API. They may refer to SPEC's schemas; "
    "NAME is put before the names of its own.",
)
def derive_command(spec: Path, output: Path, only: tuple[str, ...], more: tuple[str, ...]) -> None:
    """Write names and types of an OpenAPI or Swagger document; drop descriptions, examples and all other prose.

    SPEC is JSON or YAML, also gzipped; Swagger 2 becomes OpenAPI 3, several files become one, and so does a service model
    (service-2.json). The output is minified with one line for each path and schema, so that the
    diff to the vendor's next version can be reviewed.
    """
    document = read_document(spec)
    added = [_added(text, schemas_of(document).keys()) for text in more]
    derived = derive(document, source=str(spec), only=only, more=added)
    try:
        output.write_bytes(derived.text)
    except OSError as error:
        raise InputError.single(output, error.strerror or "can't be written", "a file that can be written") from None
    small = len(gzip.compress(derived.text, mtime=0))
    print(f"{output}: {len(derived.text):,} bytes ({small:,} gzipped), from {spec.stat().st_size:,} of {spec.name}")
    print(
        f"  {derived.paths:,} paths, {derived.operations:,} operations, {derived.schemas:,} schemas, "
        f"{derived.shared:,} parts shared between them"
    )


def _added(text: str, beside: Collection[str]) -> dict[str, Any]:
    """A document of --with, its schemas renamed where a name is given."""
    name, equals, file = text.partition("=")
    if not equals or Path(text).exists():
        return read_document(Path(text), beside=beside)
    document = read_document(Path(file), beside=beside)
    own = schemas_of(document)
    document["components"]["schemas"] = {f"{name}{schema}": node for schema, node in own.items()}
    renamed: dict[str, Any] = _renamed(document, {f"{SCHEMAS}{schema}": f"{SCHEMAS}{name}{schema}" for schema in own})
    return renamed


def _renamed(node: Any, names: Mapping[str, str]) -> Any:
    """The same, with references to other names."""
    if isinstance(node, dict):
        return {
            key: names.get(value, value) if key == "$ref" and isinstance(value, str) else _renamed(value, names)
            for key, value in node.items()
        }
    return [_renamed(item, names) for item in node] if isinstance(node, list) else node


def read_document(path: Path, *, beside: Collection[str] = ()) -> dict[str, Any]:
    """A document as one OpenAPI 3 document, whatever it was. InputError says what is wrong with it, and where.

    `beside`: names of schemas in a document that this one is added to.
    """
    api = load_openapi(path, beside=beside)
    if not api.whole:
        return bundled(api)
    document: dict[str, Any] = msgspec.json.decode(api.sources.main.raw)
    return document
