"""Names in tests, checked: a service that nobody calls by that name would make every minefield hold.

Asked of the server when a name isn't met among what there is, once for each.
"""

import difflib
import re
from collections.abc import Iterable
from typing import get_args
from weakref import WeakKeyDictionary

from childproof.client import Client, ControlError
from childproof.control.messages_record import PROTOCOLS, Verdict
from childproof.errors import ChildproofError

from .hiding import raised_on_purpose

__tracebackhide__ = raised_on_purpose
VERDICTS: tuple[str, ...] = get_args(Verdict)
_METHOD = re.compile(r"[A-Za-z][A-Za-z_-]*")
_kinds: WeakKeyDictionary[Client, dict[str, tuple[str, ...]]] = WeakKeyDictionary()
_services: WeakKeyDictionary[Client, set[str]] = WeakKeyDictionary()


class UnknownNameError(ChildproofError, AttributeError):
    """A test asks for something by a name that nothing has. The message says what there is."""


def checked(
    client: Client,
    *,
    service: str | None = None,
    verdict: str | None = None,
    protocol: str | None = None,
    method: str | None = None,
) -> None:
    """Raise UnknownNameError for a verdict, a protocol or a service that there is none of. A service may be a host."""
    if method is not None and _METHOD.fullmatch(method) is None:
        raise UnknownNameError(
            f"{method!r} is no method; write the method first, then the target: 'POST', 'api.example.com/**'"
        )
    if verdict is not None and verdict not in VERDICTS:
        raise unknown("verdict", verdict, VERDICTS)
    if protocol is not None and protocol not in PROTOCOLS:
        raise unknown("protocol", protocol, PROTOCOLS)
    if service is None or "." in service or ":" in service or service == "localhost":
        return
    known = _services.setdefault(client, set())
    if service not in known:
        try:
            client.stub(service)
        except ControlError as error:
            raise _no_service(client, service, error) from None
        known.add(service)


def kinds(client: Client, service: str) -> tuple[str, ...]:
    """All kinds of entities that a service can hold. Raises UnknownNameError for a service that there is none of."""
    known = _kinds.setdefault(client, {})
    if service not in known:
        try:
            known[service] = tuple(client.coverage(service).kinds)
        except ControlError as error:
            raise _no_service(client, service, error) from None
    return known[service]


def unknown(what: str, name: str, there: Iterable[str], hint: str = "") -> UnknownNameError:
    """The error for a name that nothing has: the nearest of what there is, or all of it."""
    names = sorted(set(there))
    near = difflib.get_close_matches(name, names, n=1)
    shown = ", ".join(names[:40]) + (f" and {len(names) - 40} more" if len(names) > 40 else "")
    return UnknownNameError(
        f"there is no {what} {name!r}{hint}; " + (f"did you mean {near[0]!r}?" if near else f"there is: {shown}")
    )


def _no_service(client: Client, service: str, error: ControlError) -> ChildproofError:
    if error.status != 404:
        return error
    return unknown("service", service, (one.name for one in client.stubs()), hint=", by stub or host")
