"""Where telemetry goes: `telemetry:` of childproof.yaml and the environment, as one value.

Headers may be credentials. They come from the environment, from which a command doesn't see them, or from a file, which is
read again when it changes; never from childproof.yaml itself, which a command can read.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from childproof.errors import Fault, InputError

HEADERS, ATTRIBUTES = "CHILDPROOF_OTLP_HEADERS", "CHILDPROOF_OTLP_ATTRIBUTES"
URL = r"https?://[^\s?#]+"
EXPECTED_URL = "the URL of an OTLP receiver over HTTP", "http://127.0.0.1:4318"
MOST = 16 * 1024  # bytes of a file with headers, or with an attribute's value
_HEADER = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # RFC 9110, section 5.6.2
_ATTRIBUTE = r"[A-Za-z][A-Za-z0-9_.-]*"
Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where an OpenTelemetry collector listens: `url` without a signal's path, and headers for it, its key for instance.

    `headers_file` has more of them. `attributes` say who sends: what a span or a record has besides its own.
    """

    url: str
    headers: Pairs = field(default=(), repr=False)
    headers_file: Path | None = None
    attributes: Pairs = ()


def otlp_endpoint(url: str, environ: Mapping[str, str]) -> Endpoint:
    """The collector at `url`, with headers and attributes of the environment. Raises InputError for what is no URL."""
    if not re.fullmatch(URL, url):
        raise InputError.single("--otlp", repr(url), *EXPECTED_URL)
    return Endpoint(url, _pairs(environ, HEADERS, _HEADER), attributes=_pairs(environ, ATTRIBUTES, _ATTRIBUTE))


def telemetry(values: Mapping[str, Any], base: Path, environ: Mapping[str, str]) -> Endpoint | None:
    """What `telemetry:` of a file in the folder `base` says, and the environment. None where nothing is to be sent.

    Raises InputError with all that is wrong.
    """
    url = environ.get("CHILDPROOF_OTLP") or values.get("otlp", "")
    if not url:
        return None
    named = otlp_endpoint(url, environ)
    faults: list[Fault] = []
    attributes: dict[str, str] = {}
    for name, written in values.get("attributes", {}).items():
        try:
            attributes[name] = _value(written, base, environ)
        except (OSError, ValueError, LookupError) as error:
            reason = getattr(error, "strerror", None) or str(error.args[0])
            faults.append(
                Fault("telemetry", 0, 0, f"attributes.{name}: {reason}", "a value that is there at the start")
            )
    file = base / values["headers"]["file"] if "headers" in values else None
    if file is not None:
        try:
            read_headers(file)
        except InputError as error:
            faults += error.faults
    if faults:
        raise InputError(faults)
    return Endpoint(url, named.headers, file, tuple({**attributes, **dict(named.attributes)}.items()))


def read_headers(file: Path) -> Pairs:
    """The headers that a file holds, `name=value` or `name: value` on each line. Raises InputError; no value is in it."""
    try:
        lines = _text(file).splitlines()
    except (OSError, ValueError) as error:
        found = getattr(error, "strerror", None) or str(error)
        raise InputError.single(
            file, f"no headers for telemetry: {found}", "a file with name=value on each line"
        ) from None
    pairs = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        name, sign, value = re.match(r"([^=:]*)([=:]?)(.*)", line).groups()  # type: ignore[union-attr]  # matches anything
        if not sign or not re.fullmatch(_HEADER, name.strip()) or not value.isprintable():
            fault = Fault(str(file), number, 1, "a line that is no header", "name=value", "authorization=Bearer …")
            raise InputError([fault])
        pairs.append((name.strip(), value.strip()))
    return tuple(pairs)


def _value(written: Any, base: Path, environ: Mapping[str, str]) -> str:
    if isinstance(written, str):
        return written
    if "env" in written:
        if not environ.get(written["env"]):
            raise LookupError(f"the variable {written['env']} is not set")
        return environ[written["env"]].strip()
    return _text(base / written["file"]).strip()


def _text(file: Path) -> str:
    """Raises OSError, ValueError."""
    with file.open("rb") as opened:
        raw = opened.read(MOST + 1)
    if len(raw) > MOST:
        raise ValueError(f"{file} has more than {MOST} bytes")
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise ValueError(f"{file} is no text in UTF-8") from None


def _pairs(environ: Mapping[str, str], variable: str, name_pattern: str) -> Pairs:
    pairs = [item.partition("=") for item in environ.get(variable, "").split(",") if item.strip()]
    if not all(sign and re.fullmatch(name_pattern, name.strip()) for name, sign, _ in pairs):
        what = "header" if variable == HEADERS else "attribute"
        found = f"{variable} holds what is no {what}"  # not the text itself, which may be a credential
        write = "authorization=Bearer …" if variable == HEADERS else "k8s.pod.name=shop-0"
        raise InputError.single("environment", found, "name=value, with `,` between them", write)
    return tuple((name.strip(), value.strip()) for name, _, value in pairs)
