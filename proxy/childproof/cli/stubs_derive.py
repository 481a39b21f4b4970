"""`childproof stubs derive`: the surface of a vendor's API description, without its prose."""

import gzip
import zlib
from pathlib import Path
from typing import Any

import click
import msgspec

from childproof.documents import parse_yaml
from childproof.errors import InputError
from childproof.stubkit.derive import derive


@click.command("derive", short_help="Reduce an OpenAPI document to names and types.")
@click.argument("spec", type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="Where to write the surface.")
@click.option("--only", multiple=True, metavar="PREFIX", help="Keep only paths that begin so. May be given again.")
@click.option(
    "--with",
    "more",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Add the paths of another document, written by hand.",
)
def derive_command(spec: Path, output: Path, only: tuple[str, ...], more: tuple[Path, ...]) -> None:
    """Write names and types of an OpenAPI 3 document; drop descriptions, examples and all other prose.

    SPEC is JSON or YAML, also gzipped. The output is minified with one line for each path and schema, so that the
    diff to the vendor's next version can be reviewed.
    """
    derived = derive(read_document(spec), source=str(spec), only=only, more=[read_document(path) for path in more])
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


def read_document(path: Path) -> dict[str, Any]:
    """An OpenAPI document from a JSON or YAML file, gzipped or not. InputError says what is wrong with the file."""
    try:
        raw = path.read_bytes()
        if raw[:2] == b"\x1f\x8b":
            raw = gzip.decompress(raw)
    except OSError as error:
        raise InputError.single(path, error.strerror or "can't be read", "a readable file") from None
    except (EOFError, zlib.error) as error:
        raise InputError.single(path, f"broken gzip data: {error}", "a whole file") from None
    try:
        document = msgspec.json.decode(raw) if raw.lstrip()[:1] == b"{" else parse_yaml(raw.decode(), str(path)).value
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InputError.single(path, f"neither JSON nor YAML: {error}", "an OpenAPI 3 document") from None
    if not isinstance(document, dict):
        raise InputError.single(path, f"a {type(document).__name__}", "an OpenAPI 3 document")
    return document
