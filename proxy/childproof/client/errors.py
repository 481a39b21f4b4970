"""What a server refused, or why it couldn't be asked."""

from collections.abc import Sequence

from childproof.control.messages import Mistaken
from childproof.errors import ChildproofError

UNREACHABLE = "unreachable"  # the kind of an error that no server answered
_CODES = {400: 2, 415: 2, 422: 2, 503: 4}  # as where the same is said of a file (see docs/configuration.md)


class ControlError(ChildproofError):
    """A problem of the control API (RFC 9457) as an exception.

    `status` is HTTP's, 0 where no server answered; `kind` is the word that programs may compare (`not_found`, `exists`);
    `errors` say what of a request was wrong, each with its place and what to write instead.
    """

    def __init__(self, status: int, kind: str, detail: str, errors: Sequence[Mistaken] = ()) -> None:
        self.status = status
        self.kind = kind
        self.detail = detail
        self.errors = tuple(errors)
        self.exit_code = _CODES.get(status, 1)  # type: ignore[misc]  # of this one, not of its class
        super().__init__("\n".join([detail, *map(_line, self.errors)]) if self._more() else detail)

    def _more(self) -> bool:
        """Whether the errors say more than the sentence: a single one often is the sentence."""
        return any(error.found not in self.detail for error in self.errors)


def _line(error: Mistaken) -> str:
    place = f"{error.pointer}: " if error.pointer else ""
    written = f"\n    write: {error.write}" if error.write else ""
    return f"  {place}{error.found}; expected {error.expected}{written}"
