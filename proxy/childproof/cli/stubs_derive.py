"""`childproof stubs derive`: the surface of a vendor's API description, without its prose."""

import gzip
from collections.abc import Collection
from pathlib import Path
from typing import Any

import click
import msgspec

from childproof.errors import InputError
from childproof.stubkit.bundle import bundled
from childproof.stubkit.derive import derive, schemas_of
from childproof.stubkit.openapi import load_openapi


@click.command("derive", short_help="Reduce a document to names and types.")
@click.argument("spec", type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="Where to write the surface.")
@click.option("--only", multiple=True, metavar="PREFIX", help="Keep only paths that begin so. May be given again.")
@click.option(
    "--with",
    "more",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Add the paths of another document, written by hand. They may refer to SPEC's schemas.",
)
def derive_command(spec: Path, output: Path, only: tuple[str, ...], more: tuple[Path, ...]) -> None:
    """Write names and types of an OpenAPI or Swagger document; drop descriptions, examples and all other prose.

    SPEC is JSON or YAML, also gzipped; Swagger 2 becomes OpenAPI 3, several files become one. The output is minified with one line for each path and schema, so that the
    diff to the vendor's next version can be reviewed.
    """
    document = read_document(spec)
    added = [read_document(path, beside=schemas_of(document).keys()) for path in more]
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


def read_document(path: Path, *, beside: Collection[str] = ()) -> dict[str, Any]:
    """A document as one OpenAPI 3 document, whatever it was. InputError says what is wrong with it, and where.

    `beside`: names of schemas in a document that this one is added to.
    """
    api = load_openapi(path, beside=beside)
    if not api.whole:
        return bundled(api)
    document: dict[str, Any] = msgspec.json.decode(api.sources.main.raw)
    return document
