"""Real credentials as values that don't show themselves, and where one of them may be put in."""

from dataclasses import dataclass, field

import msgspec


class Hidden:
    """A text that no print, log or comparison of records gives away."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself: for the wire, and to look for it."""
        return self._text

    def __repr__(self) -> str:
        return "[hidden]"


@dataclass(frozen=True, slots=True)
class Injection:
    """Put `value` in the place of `placeholder` wherever that stands in this request header (lower case).

    Only over verified TLS, unless `plain_http`.
    """

    placeholder: str
    header: str
    value: Hidden = field(compare=False)
    plain_http: bool = False


class SecretSource(msgspec.Struct, frozen=True):
    """Where a real credential comes from; exactly one is given. `file` is absolute, `command` run without a shell."""

    env: str = ""
    file: str = ""
    command: tuple[str, ...] = ()

    def __str__(self) -> str:
        if self.env:
            return f"the environment variable {self.env}"
        return f"the file {self.file}" if self.file else f"the command {self.command[0]}"
