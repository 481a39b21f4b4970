"""Paths that live at hosts of their own: what a document's path items and operations say under `servers`."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

import msgspec

from childproof.model import HostError, normalize_host

from .routing import Router

type Found = tuple[str, dict[str, str]]  # a template and its parameters' values


class Server(msgspec.Struct, frozen=True):
    """An operation that is answered elsewhere than the document's others: `prefix` is the path of that server's address."""

    host: str
    prefix: str
    method: str
    template: str


def servers(item: Mapping[str, Any], template: str, methods: Iterable[str]) -> list[Server]:
    """The servers of a path item's operations, where they have any of their own; an operation's win over its path's."""
    found = []
    for method in methods:
        operation = item.get(method)
        if not isinstance(operation, Mapping):
            continue
        for url in _urls(operation) or _urls(item):
            parts = urlsplit(url)
            try:
                host = normalize_host(parts.hostname or "")
            except HostError:
                continue  # a relative address, or one with a variable in it: the document's other hosts have it
            found.append(Server(host, parts.path.rstrip("/"), method.upper(), template))
    return found


class Hosted:
    """Routes the paths of hosts that have paths of their own. Any other host is answered by the document's general paths.

    A host may have both: those of its own come first. `general` are the hosts of the document as a whole.
    """

    def __init__(
        self,
        own: Iterable[Server],
        operations: Iterable[tuple[str, str]],
        general: Iterable[str],
        spanning: Collection[str] = (),
    ) -> None:
        """`operations` are all of the document, as method and template; `spanning` as routers have it."""
        by_host: dict[str, dict[str, str]] = {}
        self._served: dict[tuple[str, str], dict[str, str]] = {}  # by operation: the path prefix at each host
        for server in own:
            by_host.setdefault(server.host, {})[server.prefix + server.template] = server.template
            self._served.setdefault((server.method, server.template), {}).setdefault(server.host, server.prefix)
        self._routers = {host: (Router(templates, spanning), templates) for host, templates in by_host.items()}
        self._general = frozenset(general)
        self.general = Router(
            dict.fromkeys(path for method, path in operations if (method, path) not in self._served), spanning
        )

    @property
    def hosts(self) -> Iterable[str]:
        """Those that have paths of their own, in the document's order."""
        return self._routers.keys()

    def match(self, host: str, path: str) -> tuple[Found | None, bool]:
        """The own path of a host that a path fits, and whether the document's general paths are the host's, too."""
        known = self._routers.get(host)
        if known is None:
            return None, True
        router, templates = known
        found = router.match(path)
        if found is None:
            return None, host in self._general
        return (templates[found[0]], found[1]), False

    def home(self, method: str, template: str) -> tuple[str, str] | None:
        """Host and path prefix of an operation that has servers of its own, the first of them; None of any other."""
        return next(iter(self._served.get((method, template), {}).items()), None)

    def serves(self, host: str, method: str, template: str) -> bool:
        """Whether an operation is answered at a host: one that has servers of its own is at no other."""
        served = self._served.get((method, template))
        return served is None or host in served


def _urls(node: Mapping[str, Any]) -> list[str]:
    given = node.get("servers")
    return (
        [str(one["url"]) for one in given if isinstance(one, Mapping) and "url" in one]
        if isinstance(given, list)
        else []
    )
