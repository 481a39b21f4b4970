"""What goes wrong, in the terms of RFC 9457 (problem details): status, a sentence, and what to send instead."""

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

import msgspec

from childproof.errors import AskedError, Fault, InputError, StoreError, WorldGoneError

MEDIA = "application/problem+json"
_TITLES = {
    413: "Content Too Large",
    422: "Unprocessable Content",
}  # RFC 9110; Python 3.12 has those of RFC 4918 and 7231


class Mistake(msgspec.Struct, frozen=True):
    """One thing that is wrong in a request. `pointer` is a JSON Pointer into the body, or names a parameter: `?limit` of the query, `world` of the path.

    `file`, `line` and `column` are its place in a text, where it has one.
    """

    pointer: str
    found: str
    expected: str
    write: str = ""
    file: str = ""
    line: int = 0
    column: int = 0

    def as_json(self) -> dict[str, Any]:
        """As it is sent: without what isn't known."""
        told: dict[str, Any] = {"pointer": self.pointer, "found": self.found, "expected": self.expected}
        if self.write:
            told["write"] = self.write
        if self.file:
            told |= {"file": self.file, "line": self.line, "column": self.column}
        return told


class Problem(Exception):
    """A refusal. `kind` is a word that programs may compare; `headers` go with the reply. Nothing was changed."""

    def __init__(
        self,
        status: int,
        kind: str,
        detail: str,
        *,
        mistakes: Iterable[Mistake] = (),
        headers: Iterable[tuple[str, str]] = (),
    ) -> None:
        self.status = status
        self.kind = kind
        self.detail = detail
        self.mistakes = tuple(mistakes)
        self.headers = dict(headers)
        super().__init__(detail)

    def as_json(self) -> dict[str, Any]:
        """The body. `type` is a relative reference (RFC 9457, section 3.1.1): the word is what counts."""
        told: dict[str, Any] = {
            "type": f"/v1/problems#{self.kind}",
            "title": _TITLES.get(self.status) or HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
        }
        if self.mistakes:
            told["errors"] = [mistake.as_json() for mistake in self.mistakes]
        return told


def not_found(kind: str, name: str, hint: str, *, pointer: str = "", of: str = "") -> Problem:
    """Something `of` another that isn't there, and where to look what is. It was named by the path's parameter, or at `pointer`."""
    shown = repr(name[:200])
    mistake = Mistake(pointer or kind, shown, f"a {kind} that is there")
    return Problem(404, "not_found", f"the {kind} {shown}{of} isn't there; {hint}", mistakes=[mistake])


def ended() -> Problem:
    """What a server that stops doesn't do any more."""
    return Problem(503, "stopping", "the server is stopping", headers=[("connection", "close")])


def of_input(error: InputError, pointer: str = "", *, pointers: Mapping[str, str] | None = None) -> Problem:
    """What a person wrote wrongly, in a text that came in at `pointer`; of several, each at that of its name in `pointers`.

    Places in a text stand before what was found.
    """
    at = pointers or {}
    return Problem(
        422,
        "invalid",
        str(error.faults[0]) if len(error.faults) == 1 else f"{len(error.faults)} faults, nothing was changed",
        mistakes=[
            Mistake(
                at.get(fault.file, pointer),
                _found(fault),
                fault.expected,
                fault.write,
                fault.file,
                fault.line,
                fault.column,
            )
            for fault in error.faults
        ],
    )


def of_store(error: StoreError) -> Problem:
    """A store that can't be used now; or one that is well, and can't do what was asked of it."""
    if isinstance(error, WorldGoneError):
        mistake = Mistake("world", "gone", "a world that is there")
        return Problem(404, "not_found", "the world is gone; somebody deleted it meanwhile", mistakes=[mistake])
    if isinstance(error, AskedError):
        return Problem(409, "refused", str(error).replace("--with-children", "`with_children=true`"))
    return Problem(503, "store", str(error))


def _found(fault: Fault) -> str:
    return f"{fault.line}:{fault.column}: {fault.found}" if fault.line else fault.found
