"""Id templates: `cus_{alnum:14}`, `{prefix}_{hex:24}`, `{uuid}`, `{counter}`; also for header values and envelopes.

A template is compiled once into parts; making an id then is a few joins. All randomness comes from the transaction.
"""

import re
import string
from collections.abc import Callable

from childproof.world.transaction import Transaction

ALNUM = string.ascii_letters + string.digits
_ALPHABETS = {
    "alnum": ALNUM,
    "lower": string.ascii_lowercase + string.digits,
    "upper": string.ascii_uppercase + string.digits,
    "letters": string.ascii_letters,
    "digits": string.digits,
    "hex": "0123456789abcdef",
    "base32": "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567",
}
_PLACE = re.compile(r"\{([a-z0-9_]+)(?::([0-9]+))?\}")
IdMaker = Callable[[Transaction], str]


def compile_id(template: str, *, prefix: str = "", service: str = "", counter: str = "") -> IdMaker:
    """A function that makes ids. `counter` names the world's counter that `{counter}` draws from.

    Raises ValueError with a sentence for a placeholder that doesn't exist.
    """
    parts: list[str | IdMaker] = []
    end = 0
    for place in _PLACE.finditer(template):
        parts.append(template[end : place.start()])
        parts.append(_part(place[1], place[2], prefix=prefix, service=service, counter=counter))
        end = place.end()
    parts.append(template[end:])
    kept = [part for part in parts if part != ""]
    if len(kept) == 2 and isinstance(kept[0], str) and callable(kept[1]):
        head, tail = kept[0], kept[1]
        return lambda tx: head + tail(tx)
    return lambda tx: "".join(part if isinstance(part, str) else part(tx) for part in kept)


def has_placeholder(text: str) -> bool:
    """Whether the text is a template rather than a fixed value."""
    return any(place[1] in _ALPHABETS or place[1] in {"uuid", "counter"} for place in _PLACE.finditer(text))


def _part(name: str, size: str | None, *, prefix: str, service: str, counter: str) -> str | IdMaker:
    if name == "prefix":
        return prefix
    if name == "counter":
        return lambda tx: str(tx.counter(service, counter))
    if name == "uuid":
        return _uuid
    if name not in _ALPHABETS:
        known = ", ".join(f"{{{known}:14}}" for known in _ALPHABETS)
        raise ValueError(f"no placeholder {{{name}}}; there are {known}, {{uuid}}, {{counter}}, {{prefix}}")
    alphabet, length = _ALPHABETS[name], int(size or 14)
    return lambda tx: tx.token("id", length, alphabet)


def _uuid(tx: Transaction) -> str:
    digits = tx.token("id", 30, "0123456789abcdef")
    variant = "89ab"[int(digits[15], 16) & 3]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[12:15]}-{variant}{digits[16:19]}-{digits[18:30]}"
