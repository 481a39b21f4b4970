"""`childproof stubs new`: what was inferred from an OpenAPI document, written out as a stub.yaml to read and change."""

import re
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from childproof.errors import Fault, InputError
from childproof.model import HostError, normalize_host

from .infer import Inference, resource_name
from .lists import ListDialect
from .openapi import OpenApi, load_openapi

_NAME = re.compile(r"[a-z0-9][a-z0-9-]*")


def start_stub(folder: Path, document: Path, hosts: Sequence[str] = ()) -> Path:
    """Make a stub's folder from a document. Raises InputError; what exists already is never overwritten."""
    faults = []
    if not _NAME.fullmatch(folder.name):
        faults.append(
            Fault(folder.name, 0, 0, "a name that a stub can't have", "lower-case letters, digits and hyphens")
        )
    if (folder / "stub.yaml").exists():
        faults.append(Fault(str(folder / "stub.yaml"), 0, 0, "a stub that exists already", "a new name"))
    if faults:
        raise InputError(faults)
    api = load_openapi(document)
    if not hosts and not _hosts(api):
        raise InputError.single(document, "no server with a host name", "the service's host", "--host api.example.com")
    target = f"openapi{''.join(document.suffixes[-2:] if document.suffix == '.gz' else [document.suffix])}"
    text = starter(folder.name, api, hosts or _hosts(api), target)
    try:
        (folder / "cases").mkdir(parents=True, exist_ok=True)
        (folder / target).write_bytes(document.read_bytes())
        (folder / "stub.yaml").write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError.single(folder, error.strerror or "can't be written", "a folder that can be written") from None
    return folder


def starter(name: str, api: OpenApi, hosts: Sequence[str], document: str) -> str:
    """The text of the inferred stub.yaml."""
    inference = Inference(api)
    dialect: dict[str, Any] = {"lists": _lists(inference.common_lists())}
    error = inference.error_body()
    if error is not None:
        dialect["errors"] = {"body": error}
    dialect["ids"] = "{prefix}_{alnum:14}"
    parts = [
        f"# Inferred from {document}; everything here may be changed. childproof stubs check {name} says what is wrong.",
        _yaml({"stub": name, "hosts": list(hosts), "openapi": document}),
        "# any key will do; {bearer: seeded} takes only the tokens of seed.yaml\n" + _yaml({"auth": _auth(api)}),
        _yaml({"dialect": dialect}),
        _yaml({"resources": _resources(api, inference)}),
    ]
    return "\n".join(parts)


def _resources(api: OpenApi, inference: Inference) -> dict[str, Any]:
    found: dict[str, dict[str, Any]] = {}
    for operation in api.operations():
        inferred = inference.operation(operation)
        if inferred.action not in {"create", "retrieve", "list"} or not inferred.collection:
            continue
        if not api.has_path(inferred.collection) or " " in inferred.schema:
            continue
        if inference.schema_at(inferred.collection) != inferred.schema:
            continue  # several kinds live there; left to be inferred call by call
        name = resource_name(api, inferred.schema)
        known = found.setdefault(name, {"schema": inferred.schema, "path": inferred.collection})
        if inferred.action == "create" and len(inferred.collection) < len(known["path"]):
            known["path"] = inferred.collection
    paths: dict[str, str] = {}
    prefixes: dict[str, str] = {}
    out = {}
    for name, entry in found.items():
        if paths.setdefault(entry["path"], name) != name:
            continue
        short = name[:4].strip("_.-")
        free = prefixes.setdefault(short, name) == name
        out[name] = {**entry, "id": short if free else name.replace(".", "_")}
    return out


def _lists(lists: ListDialect) -> dict[str, Any]:
    out: dict[str, Any] = {"style": lists.style}
    if lists.limit_name:
        out["limit"] = {"name": lists.limit_name, "default": lists.default, "max": lists.maximum}
    for key in ("cursor", "before", "more", "next", "total", "url"):
        if getattr(lists, key):
            out[key] = getattr(lists, key)
    out["items"] = lists.items
    if lists.extra:
        out["extra"] = dict(lists.extra)
    return out


def _auth(api: OpenApi) -> Any:
    """`none` for a document without security, else any key where its schemes look for one."""
    places: dict[str, Any] = {}
    for scheme in api.security_schemes():
        kind = scheme.get("type")
        if kind == "http" and scheme.get("scheme", "").lower() in {"bearer", "basic"}:
            places[scheme["scheme"].lower()] = "any"
        elif kind == "apiKey" and scheme.get("in") in {"header", "query"}:
            places[scheme["in"]] = scheme["name"]
        elif kind in {"oauth2", "openIdConnect"}:
            places["bearer"] = "any"
    return places or "none"


def _hosts(api: OpenApi) -> list[str]:
    found = []
    for url in api.servers:
        name = urlsplit(url).hostname or ""
        try:
            host = normalize_host(name)
        except HostError:
            continue
        if host not in found:
            found.append(host)
    return found


def _yaml(value: Mapping[str, Any]) -> str:
    """A mapping as YAML: its own keys one a line, what is small below them on one line."""
    out = []
    for key, inner in value.items():
        text = yaml.safe_dump(inner, sort_keys=False, allow_unicode=True, width=110, default_flow_style=None)
        text = text.removesuffix("...\n").rstrip()
        block = isinstance(inner, dict) and inner and not text.startswith("{")
        out.append(f"{key}:\n{textwrap.indent(text, '  ')}\n" if block else f"{key}: {text}\n")
    return "".join(out)
