"""Text from a sandbox as it may go to a terminal, which control characters would obey."""

import re

# Control characters, and those that change the direction of what follows: a sandbox could draw on our terminal.
_UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
_UNSAFE_IN_TEXT = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def printable(text: str, *, lines: bool = False) -> str:
    """The text with control characters spelled out; line breaks and tabs are kept if asked for."""
    return (_UNSAFE_IN_TEXT if lines else _UNSAFE).sub(_spelled, text.replace("\r\n", "\n") if lines else text)


def printable_json(text: str) -> str:
    """The same for a JSON text on one line: as JSON's own escapes, so that its meaning stays."""
    return _UNSAFE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def _spelled(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"
