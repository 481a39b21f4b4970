"""Where a service answers, as its document's servers tell: host names, with variables in them filled in."""

import itertools
import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from childproof.model import HostError, normalize_host

_VARIABLE = re.compile(r"\{([^{}]+)\}")
_MOST = 24  # addresses of one server entry: documents list regions, and rarely products of two lists


def expanded(server: Mapping[str, Any]) -> list[str]:
    """A server entry's addresses: its variables by their defaults first, then by each of their listed values."""
    url = str(server.get("url", ""))
    names = list(dict.fromkeys(_VARIABLE.findall(url)))
    if not names:
        return [url]
    given = server.get("variables")
    variables = given if isinstance(given, dict) else {}
    choices = [_choices(variables.get(name)) or ["{" + name + "}"] for name in names]
    out = []
    for values in itertools.islice(itertools.product(*choices), _MOST):
        filled = url
        for name, value in zip(names, values, strict=True):
            filled = filled.replace("{" + name + "}", value)
        out.append(filled)
    return out


def hosts(servers: Sequence[Mapping[str, Any]]) -> list[str]:
    """The host patterns of server entries, each once, in their order.

    A variable with no list of values that is the first label of a name (`https://{tenant}.example.com`) makes a
    pattern: `*.example.com`. Addresses without a host name, and names that can't be one, are left out.
    """
    found: list[str] = []
    for server in servers:
        for url in expanded({**server, "url": _opened(server)}):
            name = urlsplit(url).hostname or ""
            wild = name.startswith("*.")
            try:
                host = ("*." if wild else "") + normalize_host(name.removeprefix("*."))
            except HostError:
                continue
            if host not in found and "." in host:
                found.append(host)
    return found


def _opened(server: Mapping[str, Any]) -> str:
    """The address with `*` for a first label that may be anything."""
    url = str(server.get("url", ""))
    first = re.match(r"(https?://)\{([^{}]+)\}\.(?=[^/{}]+\.)", url)
    if first is None:
        return url
    given = server.get("variables")
    variable = given.get(first[2]) if isinstance(given, dict) else None
    return url if isinstance(variable, dict) and variable.get("enum") else f"{first[1]}*.{url[first.end() :]}"


def _choices(variable: Any) -> list[str]:
    if not isinstance(variable, dict):
        return []
    default, listed = variable.get("default"), variable.get("enum")
    values = [default] if default not in {None, ""} else []
    values += listed if isinstance(listed, list) else []
    return list(dict.fromkeys(str(value) for value in values))
