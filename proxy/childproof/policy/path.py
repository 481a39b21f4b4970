r"""The readings of a URL's path: what one server or another would take the same bytes for.

A rule must not be evaded by spelling a path differently (ESCAPES 19). Percent-encoded unreserved characters are the
characters themselves (RFC 3986, section 6.2.2), so every path has a *canonical* form in which they are decoded and all
other encodings stand in upper case. Beyond that, servers disagree: about `%2F`, `.` and `..`, `//`, `\`, `;params`,
doubly encoded bytes, bad encodings and control bytes. A path that holds any of these is *ambiguous*:

- an `allow` rule that constrains the path never matches it;
- `deny`, `stub` and `reply` rules match it when any of its readings fits.

So an odd spelling can lose a permission, and can never escape a guard.
"""

import re
from itertools import product

_ODD = re.compile(
    r"//|/\.{1,2}(?:/|$)|[\\;\x00-\x20\x7f]"
    r"|%(?:2[fF]|5[cC]|25|3[bB]|[01][0-9a-fA-F]|7[fF])"
    r"|%(?![0-9a-fA-F]{2})"
)
_PARAMS = re.compile(r";[^/]*")
_STRAY = re.compile(r"%(?![0-9a-fA-F]{2})")
_PERCENT = re.compile(r"%([0-9a-fA-F]{2})")
_HIGH = re.compile(r"(?:%[89A-Fa-f][0-9A-Fa-f])+")
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_WAYS = tuple(product((False, True), repeat=3))  # backslashes are slashes; parameters go; runs of slashes go first
_ROUNDS = 3  # `%25252e`: nobody decodes more often than this by accident


def canonical_path(path: str) -> str:
    """The path with unreserved characters decoded, other encodings in upper case, other characters encoded as UTF-8."""
    if not path.startswith("/"):
        path = "/" + path
    if "%" in path:
        # A stray % is a character of its own: left alone, decoding what follows it could make it an escape.
        path = _PERCENT.sub(_canonical_octet, _STRAY.sub("%25", path))
    return path if path.isascii() else _encode(path)


def is_ambiguous(path: str) -> bool:
    """Whether two servers may read this path as two different ones."""
    if _ODD.search(path) is not None or (path and not path.startswith("/")):
        return True
    if "%" in path or not path.isascii():
        # %2E is the dot, %C0%AF an overlong slash to whoever decodes UTF-8 loosely.
        canonical = canonical_path(path)
        return _ODD.search(canonical) is not None or not all(map(_is_utf8, _HIGH.findall(canonical)))
    return False


def readings(path: str) -> tuple[str, ...]:
    """Every path that a server may take `path` for, in canonical form: the plainest first, at most some 170."""
    plain = canonical_path(path)
    if not is_ambiguous(path):
        return (plain, plain[:-1]) if len(plain) > 1 and plain.endswith("/") else (plain,)
    found = {plain: None}
    spelled = [plain]  # as far as servers may have decoded it, with parameters taken out before, after, or not
    for _ in range(_ROUNDS):
        for text, (backslash, params, collapse_first) in product(spelled, _WAYS):
            reading = text.replace("\\", "/") if backslash else text
            if params:
                reading = _PARAMS.sub("", reading)
            found[canonical_path(_tidy(reading, collapse_first=collapse_first))] = None
        again = dict.fromkeys(_decode(form) for text in spelled for form in (text, _PARAMS.sub("", text)))
        spelled = [text for text in again if text not in spelled]
    for reading in list(found):
        if len(reading) > 1 and reading.endswith("/"):
            found[reading[:-1]] = None
        if "%00" in reading:  # C strings end there
            found[reading.partition("%00")[0]] = None
    return tuple(found)


def _tidy(path: str, *, collapse_first: bool) -> str:
    if collapse_first:
        path = re.sub(r"/{2,}", "/", path)
    out: list[str] = []
    parts = path.split("/")[1:]
    for part in parts:
        if part == "..":
            del out[-1:]
        elif part != ".":
            out.append(part)
    if parts and parts[-1] in (".", ".."):
        out.append("")
    return re.sub(r"/{2,}", "/", "/" + "/".join(out))


def _canonical_octet(match: re.Match[str]) -> str:
    sign = chr(int(match[1], 16))
    return sign if sign in _UNRESERVED else match[0].upper()


def _decode(path: str) -> str:
    path = path.replace("%C0%AF", "/").replace("%C0%AE", ".")  # overlong, for whoever decodes UTF-8 loosely
    return _PERCENT.sub(lambda match: chr(int(match[1], 16)) if int(match[1], 16) < 0x80 else match[0], path)


def _encode(path: str) -> str:
    octets = path.encode("utf-8", "surrogatepass")
    return "".join(chr(octet) if octet < 0x80 else f"%{octet:02X}" for octet in octets)


def _is_utf8(run: str) -> bool:
    try:
        bytes.fromhex(run.replace("%", "")).decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
