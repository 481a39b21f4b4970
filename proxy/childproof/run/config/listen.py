"""What `listen:` in childproof.yaml says: who is let in where, and which world their calls belong to."""

import ipaddress
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec

from childproof.capture.admission import Network
from childproof.errors import Fault, InputError
from childproof.model import replace

ADDRESS = r"(\[[0-9a-fA-F:]+\]|[^:\s]+):[0-9]{1,5}"
ADDRESSES = ("http", "socks", "at", "transparent", "service", "dns")  # keys of an item that hold one
_MOST = 4096  # bytes of a file that names a world


class NamedBy(msgspec.Struct, frozen=True):
    """Where a world's name is found when the server starts: a file, or a variable of the environment."""

    kind: Literal["file", "env"]
    name: str


class Listen(msgspec.Struct, frozen=True):
    """A listener: the world that its calls belong to, and where to listen, as `host:port`.

    `http` and `socks` are proxies; `at` is the address of one stub, `stub`. `anybody` permits addresses beyond the loopback
    for that: nobody asks who calls there. `transparent` takes connections that this network namespace redirects, `service`
    those that others' namespaces send here; `dns` answers names for either. Empty `sources` admit everybody.

    `world` is empty where `named_by` says who knows it, until `settled`.
    """

    world: str
    http: str = ""
    socks: str = ""
    at: str = ""
    stub: str = ""
    anybody: bool = False
    transparent: str = ""
    service: str = ""
    dns: str = ""
    sources: tuple[Network, ...] = ()
    named_by: NamedBy | None = None

    def addresses(self) -> dict[str, str]:
        """Every address of this item, by its key in childproof.yaml."""
        return {key: address for key in ADDRESSES if (address := getattr(self, key))}


def listeners(items: list[Mapping[str, Any]], path: Path) -> tuple[Listen, ...]:
    """The items of `listen:`; the schema has checked their form. Raises InputError for a range that is none."""
    found, faults = [], []
    for number, item in enumerate(items):
        values = dict(item)
        world = values.pop("world")
        sources = []
        for text in values.pop("from", ()):
            try:
                sources.append(ipaddress.ip_network(text))
            except ValueError as error:
                expected = "a range of addresses, its last bits zero"
                faults.append(Fault(str(path), 0, 0, f"listen.{number}.from: {error}", expected, "from: [10.0.0.0/8]"))
        named_by = None
        if not isinstance(world, str):
            [(kind, name)] = world.items()
            named_by = NamedBy(kind, str(path.absolute().parent / name) if kind == "file" else name)
            world = ""
        found.append(Listen(world, sources=tuple(sources), named_by=named_by, **values))
    if faults:
        raise InputError(faults)
    return tuple(found)


def settled(items: tuple[Listen, ...], environ: Mapping[str, str]) -> tuple[Listen, ...]:
    """The same with every world named. Raises InputError with all that name none."""
    from childproof.world import NAME, NAMES  # noqa: PLC0415 (who only reads the configuration needs no database)

    found, faults = [], []
    for item in items:
        if item.named_by is None:
            found.append(item)
            continue
        try:
            found.append(replace(item, world=_name(item.named_by, environ, NAME)))
        except LookupError as error:
            place, write = _place(item.named_by)
            faults.append(Fault(place, 0, 0, str(error.args[0]), f"a world's name: {NAMES}", write))
    if faults:
        raise InputError(faults)
    return tuple(found)


def _place(named_by: NamedBy) -> tuple[str, str]:
    """Where a name was looked for, and what would be one."""
    if named_by.kind == "file":
        return named_by.name, f"echo main > {named_by.name}"
    return "environment", f"{named_by.name}=main"


def _name(named_by: NamedBy, environ: Mapping[str, str], pattern: str) -> str:
    """Raises LookupError where there is none."""
    text = _variable(named_by.name, environ) if named_by.kind == "env" else _content(Path(named_by.name))
    if not text:
        subject = f"{named_by.name} is empty, and" if named_by.kind == "env" else "an empty file, which"
        raise LookupError(f"{subject} is to name the world of a listener")
    if not re.fullmatch(pattern, text):
        raise LookupError(f"{text[:100]!r} is no name of a world")
    return text


def _variable(name: str, environ: Mapping[str, str]) -> str:
    if name not in environ:
        raise LookupError(f"{name} is not set, and is to name the world of a listener")
    return environ[name].strip()


def _content(path: Path) -> str:
    try:
        with path.open("rb") as file:
            raw = file.read(_MOST + 1)
    except OSError as error:
        raise LookupError(f"can't be read: {error.strerror}; it is to name the world of a listener") from None
    if len(raw) > _MOST:
        raise LookupError(f"more than {_MOST} bytes, where the name of a listener's world is to be")
    return raw.decode("utf-8", "backslashreplace").strip()
