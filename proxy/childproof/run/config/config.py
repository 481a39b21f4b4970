"""`childproof.yaml`, the environment and the flags that override it, as one frozen value.

Every setting has one name: `store` in the file is CHILDPROOF_STORE in the environment and `--db` as a flag. The
order is flag, environment, file, default. Its JSON Schema is `schemas/config.json` (`childproof schema config`).
"""

import difflib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

import msgspec

from childproof.documents import Document, parse_yaml, schema_faults
from childproof.errors import Fault, InputError, unreadable
from childproof.model import HostError, SecretSource, normalize_host, parse_address, replace
from childproof.model.places import LOOPBACK, Listener

from .controladdress import PLACE, Control, at
from .endpoint import EXPECTED_URL, URL, Endpoint, telemetry
from .listen import ADDRESS, ADDRESSES, Listen, listeners
from .origin import Origin
from .variables import PREFIX, VARIABLES

DEFAULT_FILE = "childproof.yaml"
DEFAULT_STORE = "childproof.db"
DEFAULT_MAX_BODY = 10 * 1024**2
DEFAULT_CONNECTIONS = 2000
MOST_PORT = 65_535
DEFAULT_GRACE = 4.0  # seconds for calls in progress when a server is stopped
_SIZE = re.compile(r"(\d+) ?([KMG]?)(i?)B")
# Variables that must have a form: name, pattern, what is expected, an example.
_FORMS = (
    ("OTLP", URL, *EXPECTED_URL),
    ("METRICS", ADDRESS, "HOST:PORT", "127.0.0.1:9464"),
    ("CONTROL", PLACE, "HOST:PORT or unix:PATH", "unix:/run/childproof/control.sock"),
)
_POWERS = {"": 0, "K": 1, "M": 2, "G": 3}


class Webhooks(msgspec.Struct, frozen=True):
    """Where webhooks go inside a sandbox: names with their listeners, by `HOST` or `HOST:PORT`.

    `loopback`: this process's own loopback is the sandbox's. `world_time`: they are signed with the world's time.
    """

    deliver: Mapping[str, Listener] = msgspec.field(default_factory=dict)
    loopback: bool = False
    world_time: bool = False


class CAFiles(msgspec.Struct, frozen=True):
    """A mounted authority, both files or none, and the folder where what workloads need is published."""

    cert: Path | None = None
    key: Path | None = None
    publish: Path | None = None


class Log(msgspec.Struct, frozen=True):
    """What goes to standard output: the form of its lines, and which calls are among them."""

    format: Literal["json", "text"] = "json"
    calls: Literal["none", "denied", "all"] = "denied"


@dataclass(frozen=True, slots=True)
class Config:
    """Everything that a run needs to know. Empty `rules` means the shipped default; `max_body` is in bytes."""

    state_dir: Path
    rules: tuple[Path, ...] = ()
    stubs: tuple[Path, ...] = ()
    store: str = DEFAULT_STORE
    worlds: tuple[Path, ...] = ()
    listen: tuple[Listen, ...] = ()
    max_body: int = DEFAULT_MAX_BODY
    canaries: tuple[tuple[str, SecretSource | str], ...] = ()  # name, and where its values are, or the value itself
    connections: int = DEFAULT_CONNECTIONS
    otlp: Endpoint | None = None
    metrics: str = ""  # host:port for Prometheus; nobody listens where it is empty
    health: str = ""  # host:port for probes, likewise
    log: Log | None = None  # None: for people, on standard error
    grace: float = DEFAULT_GRACE
    control: Control | None = None  # where the control API is asked
    webhooks: Webhooks = field(default_factory=Webhooks)
    unknown_ids: Mapping[str, str] = field(default_factory=dict)  # stub -> `refuse` or `synthesize`
    ca: CAFiles = field(default_factory=CAFiles)
    watch: bool = True  # whether `serve` reads files again that have changed, without being told to
    origin: Origin | None = field(default=None, compare=False, repr=False)  # None where no file was read

    def override(
        self,
        *,
        rules: tuple[Path, ...] = (),
        stubs: tuple[Path, ...] = (),
        store: str | None = None,
        metrics: str | None = None,
        control: str | None = None,
    ) -> "Config":
        """The same with the flags that were given: rules replace, stubs add, the others replace."""
        return replace(
            self,
            rules=rules or self.rules,
            stubs=(*self.stubs, *stubs),
            store=store or self.store,
            metrics=metrics or self.metrics,
            control=at(control, self.control) if control else self.control,
            origin=replace(self.origin, rules=rules, stubs=stubs) if self.origin is not None else None,
        )


def load_config(environ: Mapping[str, str], directory: Path, file: Path | None = None) -> Config:
    """The configuration from `file`, else `childproof.yaml` in `directory` if there is one, and the environment.

    Raises InputError with every fault found: an unreadable file, unknown keys, wrong types.
    """
    _refuse_unknown(environ)
    path = config_file(environ, directory, file)
    if path is None:
        return _with_environ(Config(default_state_dir(environ)), environ)
    values = _read(path)
    base = path.absolute().parent
    limits = values.get("limits", {})
    config = Config(
        state_dir=base / values["state"] if "state" in values else default_state_dir(environ),
        rules=tuple(base / item for item in values.get("rules", ())),
        stubs=tuple(base / item for item in values.get("stubs", ())),
        store=str(base / values["store"]) if "store" in values else DEFAULT_STORE,
        worlds=tuple(base / item for item in values.get("worlds", ())),
        listen=listeners(values.get("listen", ()), path),
        canaries=tuple(_canary(item, base) for item in values.get("canaries", ())),
        max_body=_bytes(limits.get("body", DEFAULT_MAX_BODY)),
        connections=limits.get("connections", DEFAULT_CONNECTIONS),
        otlp=telemetry(values.get("telemetry", {}), base, environ),
        metrics=values.get("metrics", ""),
        health=values.get("health", ""),
        log=Log(**values["log"]) if "log" in values else None,
        grace=_seconds(values.get("stop", {}).get("grace", DEFAULT_GRACE)),
        control=_control(values["control"], base) if "control" in values else None,
        webhooks=_webhooks(values.get("webhooks", {}), path),
        unknown_ids=values.get("unknown_ids", {}),
        ca=CAFiles(**{name: base / file for name, file in values.get("ca", {}).items()}),
        watch=values.get("reload", {}).get("watch", True),
    )
    config = _with_environ(config, environ)
    return replace(config, origin=Origin(path, directory, environ, config))


def config_file(environ: Mapping[str, str], directory: Path, file: Path | None = None) -> Path | None:
    """The file that `load_config` reads with the same arguments; None where there is none to read."""
    named = environ.get(PREFIX + "CONFIG")
    path = file or (directory / named if named else None)
    if path is None and (directory / DEFAULT_FILE).exists():
        path = directory / DEFAULT_FILE
    return path


def default_state_dir(environ: Mapping[str, str]) -> Path:
    """Where the CA and caches live: `$CHILDPROOF_STATE`, `$XDG_STATE_HOME/childproof`, or below the home directory."""
    if named := environ.get(PREFIX + "STATE"):
        return Path(named).absolute()
    if base := environ.get("XDG_STATE_HOME"):
        return Path(base) / "childproof"
    try:
        home = Path(environ.get("HOME") or Path.home())
    except RuntimeError:  # a container's user that no passwd file knows
        raise InputError.single(
            "HOME",
            "this user has no home folder",
            "a folder for the CA and caches",
            f"{PREFIX}STATE=$PWD/.childproof",
        ) from None
    return home / ".local" / "state" / "childproof"


def split_address(text: str) -> tuple[str, int]:
    """`host:port` or `[v6]:port` as a pair; the schema has checked the form. Raises InputError for a port over 65535."""
    host, _, port = text.rpartition(":")
    if int(port) > MOST_PORT:
        raise InputError.single("listen", f"the port {port}", "a port up to 65535")
    return host.removeprefix("[").removesuffix("]"), int(port)


def _webhooks(values: Mapping[str, Any], path: Path) -> Webhooks:
    """Raises InputError for a name that is none."""
    named = {}
    for name, written in values.get("deliver", {}).items():
        host, _, port = name.partition(":")
        scheme, _, address = str(written).rpartition("://")
        try:
            key = normalize_host(host) + (f":{port}" if port else "")
        except HostError as error:
            raise InputError.single(path, f"webhooks.deliver: {error}", "a host, or HOST:PORT") from None
        where, number = split_address(f"127.0.0.1:{address}" if address.isdigit() else address)
        if (where != "localhost" and parse_address(where) is None) or not number:
            raise InputError.single(path, f"webhooks.deliver: {written}", "an address of the loopback and a port")
        named[key] = Listener((where,) if where != "localhost" else LOOPBACK, number, tls=scheme == "https")
    return Webhooks(named, values.get("loopback", False), values.get("clock", "real") == "world")


def _control(values: Mapping[str, Any], base: Path) -> Control:
    """Where the control API is asked. Paths are beside the file."""
    listen, token = values["listen"], values.get("token", {})
    if listen.startswith("unix:"):
        listen = f"unix:{base / listen.removeprefix('unix:')}"
    source = SecretSource(env=token["env"]) if "env" in token else None
    return Control(listen, SecretSource(file=str(base / token["file"])) if "file" in token else source)


def _canary(item: Mapping[str, str], base: Path) -> tuple[str, SecretSource | str]:
    """A canary's name and its source; one that says nothing of its name is called after that."""
    if "value" in item:
        return item.get("name", "canary"), item["value"]
    if "env" in item:
        return item.get("name", item["env"]), SecretSource(env=item["env"])
    return item.get("name", item["file"]), SecretSource(file=str(base / item["file"]))


def _refuse_unknown(environ: Mapping[str, str]) -> None:
    """A mistyped variable must not leave a fence with other rules than were meant."""
    known = [PREFIX + name for name in VARIABLES]
    faults = []
    for name in sorted(environ):
        if name.startswith(PREFIX) and name not in known:
            nearest = difflib.get_close_matches(name, known, n=1, cutoff=0.85)
            expected = f"one of {', '.join(known)}"
            faults.append(Fault("environment", 0, 0, f"unknown variable {name}", expected, *nearest))
    if faults:
        raise InputError(faults)


def _read(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise unreadable(path, error, "a configuration file") from None
    except UnicodeDecodeError as error:
        raise InputError.single(path, f"a byte that is no UTF-8 at {error.start}", "a text file") from None
    document = parse_yaml(text, str(path))
    if faults := schema_faults(document, _schema()) or _no_ports(document):
        raise InputError(faults)
    return document.value or {}


def _no_ports(document: Document) -> list[Fault]:
    """Ports of addresses to listen at that are too high to be any."""
    values = document.value or {}
    addresses: dict[tuple[str | int, ...], str] = {}
    for number, item in enumerate(values.get("listen", ())):
        addresses |= {("listen", number, key): item.get(key, "") for key in ADDRESSES}
    addresses |= {(key,): values.get(key, "") for key in ("health", "metrics")}
    found = {path: address.rpartition(":")[2] for path, address in addresses.items() if address}
    return [
        document.fault(path, f"{'.'.join(map(str, path))}: the port {port}", "a port up to 65535")
        for path, port in found.items()
        if int(port) > MOST_PORT
    ]


@cache
def _schema() -> dict[str, Any]:
    schema: dict[str, Any] = json.loads(files("childproof.run").joinpath("schemas/config.json").read_text())
    return schema


def _bytes(size: int | str) -> int:
    match = _SIZE.fullmatch(str(size))
    if match is None:
        return int(size)  # plain bytes
    unit: int = (1024 if match[3] else 1000) ** _POWERS[match[2]]
    return int(match[1]) * unit


def _seconds(written: float | str) -> float:
    """A duration; a plain number is seconds."""
    if not isinstance(written, str):
        return float(written)
    number, unit = re.fullmatch(r"([0-9.]+)(ms|s|m)", written).groups()  # type: ignore[union-attr]  # the schema has checked it
    return float(number) * {"ms": 0.001, "s": 1.0, "m": 60.0}[unit]


def _with_environ(config: Config, environ: Mapping[str, str]) -> Config:
    def paths(name: str) -> tuple[Path, ...]:
        return tuple(Path(item).absolute() for item in environ.get(PREFIX + name, "").split(os.pathsep) if item)

    state = environ.get(PREFIX + "STATE")
    faults = [
        Fault("environment", 0, 0, f"{PREFIX}{name}={environ[PREFIX + name]}", expected, f"{PREFIX}{name}={example}")
        for name, pattern, expected, example in _FORMS
        if environ.get(PREFIX + name) and not re.fullmatch(pattern, environ[PREFIX + name])
    ]
    if faults:
        raise InputError(faults)
    return replace(
        config,
        rules=paths("RULES") or config.rules,
        stubs=paths("STUBS") or config.stubs,
        store=environ.get(PREFIX + "STORE") or config.store,
        state_dir=Path(state).absolute() if state else config.state_dir,
        otlp=config.otlp or telemetry({}, Path(), environ),
        metrics=environ.get(PREFIX + "METRICS") or config.metrics,
        control=_controlled(config.control, environ),
    )


def _controlled(control: Control | None, environ: Mapping[str, str]) -> Control | None:
    """With the variables for it. The token's alone opens nothing, but counts for `--control`.

    One that is set and empty is a faulty token, not none: whoever meant to give one would open the API to everybody.
    """
    address, token = environ.get(PREFIX + "CONTROL"), environ.get(PREFIX + "CONTROL_TOKEN")
    if address:
        control = at(address, control)
    if token is not None:
        control = replace(control or Control(""), token=SecretSource(env=PREFIX + "CONTROL_TOKEN"))
    return control
