"""What a server refused, or why it couldn't be asked."""

from collections.abc import Sequence

from childproof.control.messages import Mistaken
from childproof.errors import ChildproofError

UNREACHABLE = "unreachable"  # the kind of an error that no server answered
FOREIGN = "foreign"  # something else answered
_GONE = 7
# As where the same is said of a file (see docs/configuration.md).
_CODES = {400: 2, 401: 2, 403: 2, 415: 2, 422: 2, 503: 4}


class ControlError(ChildproofError):
    """A problem of the control API (RFC 9457) as an exception; those below say which one, by its status.

    `status` is HTTP's, 0 where no server answered; `kind` is the word that programs may compare (`not_found`, `exists`);
    `errors` say what of a request was wrong, each with its place and what to write instead.
    """

    def __init__(self, status: int, kind: str, detail: str, errors: Sequence[Mistaken] = ()) -> None:
        self.status = status
        self.kind = kind
        self.detail = detail
        self.errors = tuple(errors)
        code = _GONE if kind in (UNREACHABLE, FOREIGN) else _CODES.get(status, 1)
        self.exit_code = code  # type: ignore[misc]  # of this one, not of its class
        super().__init__("\n".join([detail, *map(_line, self.errors)]) if self._more() else detail)

    def __reduce__(self) -> tuple[object, ...]:
        """For another process of a pool: an exception is made again of its arguments, which aren't its message."""
        return type(self), (self.status, self.kind, self.detail, self.errors)

    def _more(self) -> bool:
        """Whether the errors say more than the sentence: a single one often is the sentence."""
        return any(error.found.strip("'") not in self.detail for error in self.errors)


class UnreachableError(ControlError):
    """No server answered, or not in time (status 0). What was asked for may have been done, where it had been sent."""


class InvalidError(ControlError):
    """The request doesn't fit (400, 413, 415, 422): `errors` say where, and what to send instead."""


class AccessError(ControlError):
    """No token, a wrong one, or the wrong way in (401, 403)."""


class NotFoundError(ControlError):
    """A world, call, stub, sandbox or message that isn't there, or no more (404)."""


class ConflictError(ControlError):
    """What can't be now (409): a name that is taken, a port, a world that others were forked from."""


class ChangedError(ControlError):
    """Somebody else has changed what was to be replaced (412): get it again, and its `etag`."""


class TooManyError(ControlError):
    """There are as many sandboxes or streams as this server takes (429): delete some, or raise its limit of open files."""


class ServerError(ControlError):
    """A bug of the server's, a store that can't be used, or a server that isn't ready (5xx)."""


_KINDS: dict[int, type[ControlError]] = {
    0: UnreachableError, 400: InvalidError, 401: AccessError, 403: AccessError, 404: NotFoundError, 409: ConflictError,
    412: ChangedError, 413: InvalidError, 415: InvalidError, 422: InvalidError, 429: TooManyError,
}  # fmt: skip


def control_error(status: int, kind: str, detail: str, errors: Sequence[Mistaken] = ()) -> ControlError:
    """The exception for a status."""
    return _KINDS.get(status, ServerError if status >= 500 else ControlError)(status, kind, detail, errors)


def _line(error: Mistaken) -> str:
    place = f"{error.pointer}: " if error.pointer else ""
    written = f"\n    write: {error.write}" if error.write else ""
    return f"  {place}{error.found}; expected {error.expected}{written}"
