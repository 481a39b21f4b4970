"""Parts of a content (RFC 9110, section 14): one range of bytes, which clients ask for to go on where they stopped."""

import re
from typing import Literal

_RANGE = re.compile(r"[ \t]*bytes[ \t]*=[ \t]*([0-9]{0,18})-([0-9]{0,18})[ \t]*", re.IGNORECASE)


def asked(header: str | None, size: int) -> tuple[int, int] | Literal["none", "outside"]:
    """The first byte and the one after the last that a Range header asks for of `size` bytes.

    `none` where the whole is to be sent: no header, another unit, several ranges or none that can be read, which a
    server may ignore. `outside` where there is no such byte: 416.
    """
    fit = _RANGE.fullmatch(header or "")
    if fit is None or (not fit[1] and not fit[2]):
        return "none"
    if not fit[1]:
        length = min(int(fit[2]), size)
        return (size - length, size) if length else "outside"
    first = int(fit[1])
    if fit[2] and int(fit[2]) < first:
        return "none"
    if first >= size:
        return "outside"
    return first, min(int(fit[2]) + 1 if fit[2] else size, size)
