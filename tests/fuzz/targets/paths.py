"""Paths and path globs (`policy/path.py`, `glob.py`) against the ways in which real servers read a path.

Where the path is not called ambiguous, all servers read the same. Where it is, each plain path that a server may end at
is among the readings that a guard looks at: no spelling gets past a rule on the path.

The input is a path; a line below it, a pattern.
"""

import re
from collections.abc import Callable
from urllib.parse import unquote

from childproof.policy.glob import GlobError, parse_path_glob, path_covers, path_fits
from childproof.policy.path import canonical_path, is_ambiguous, readings

_PLAIN = re.compile(r"/[A-Za-z0-9._~/-]*")
_MOST = 171
_VISIBLE = re.compile(r"[!-\"$->@-~]*")  # what a request's target may have, without its query


def _decoded(path: str) -> str | None:
    """As most servers do; None where they answer 400."""
    if re.search(r"%(?![0-9a-fA-F]{2})", path) or "%00" in path:
        return None
    return unquote(path, "latin-1")


def _resolved(path: str, *, merge: bool) -> str | None:
    """RFC 3986, section 5.2.4, on segments; `merge` takes runs of slashes for one."""
    if merge:
        path = re.sub(r"/{2,}", "/", path)
    out: list[str] = []
    parts = path.split("/")[1:]
    for place, part in enumerate(parts):
        last = place == len(parts) - 1
        if part in (".", ".."):
            if part == ".." and out:
                out.pop()
            if last:
                out.append("")
        else:
            out.append(part)
    return "/" + "/".join(out)


def _raw(path: str) -> str | None:
    """Routes on what stands there."""
    return path


def _framework(path: str) -> str | None:
    """WSGI, ASGI: decoded once, nothing else."""
    return _decoded(path)


def _nginx(path: str) -> str | None:
    decoded = _decoded(path)
    return None if decoded is None else _resolved(decoded, merge=True)


def _unmerged(path: str) -> str | None:
    """Nginx with merge_slashes off, and most home-made ones."""
    decoded = _decoded(path)
    return None if decoded is None else _resolved(decoded, merge=False)


def _servlet(path: str) -> str | None:
    """Tomcat, Jetty: parameters go, then decoding, then dots."""
    decoded = _decoded(re.sub(r";[^/]*", "", path))
    return None if decoded is None else _resolved(decoded, merge=True)


def _windows(path: str) -> str | None:
    decoded = _decoded(path)
    return None if decoded is None else _resolved(decoded.replace("\\", "/"), merge=True)


def _browser(path: str) -> str | None:
    """WHATWG URL: backslashes are slashes, dots in any spelling are dots, all else stays."""
    dots = re.sub(r"%2[eE](?=(?:\.|%2[eE])?(?:/|\\|$))|(?<=[/\\.])%2[eE](?=/|\\|$)", ".", path.replace("\\", "/"))
    return _resolved(dots, merge=False)


def _twice(path: str) -> str | None:
    """A front that decodes and tidies before a server that does so again."""
    once = _nginx(path)
    return None if once is None else _nginx(once)


SERVERS: tuple[Callable[[str], str | None], ...] = (
    _raw, _framework, _nginx, _unmerged, _servlet, _windows, _browser, _twice,
)  # fmt: skip


def check(data: bytes) -> None:
    """The path, then the pattern beside it."""
    first, _, second = data.decode("latin-1").partition("\n")
    path = "/" + first.removeprefix("/")
    found = readings(path)
    canonical = canonical_path(path)
    assert found[0] == canonical
    assert len(found) <= _MOST, len(found)
    for reading in found:
        assert reading.startswith("/"), reading
        assert canonical_path(reading) == reading
    assert is_ambiguous(canonical) == is_ambiguous(path)
    if _VISIBLE.fullmatch(path):
        _against_servers(path, found)
    _pattern(second, found)


def _against_servers(path: str, found: tuple[str, ...]) -> None:
    ambiguous = is_ambiguous(path)
    plain = unquote(found[0], "latin-1")
    for server in SERVERS:
        read = server(path)
        if read is None:
            continue
        if not ambiguous:
            assert unquote(read, "latin-1") == plain, (server.__name__, path, read)
        elif _PLAIN.fullmatch(read) and not is_ambiguous(read):
            assert read in found, (server.__name__, path, read, found)


def _pattern(text: str, found: tuple[str, ...]) -> None:
    try:
        glob = parse_path_glob(text)
    except GlobError as error:
        assert str(error)
        return
    everything = parse_path_glob("/**")
    assert path_covers(everything, glob)
    assert path_covers(glob, glob)
    for reading in found:
        segments = reading.split("/")[1:]
        fits = path_fits(glob, segments)
        assert path_fits(glob, segments, fold=True) or not fits
        assert fits == (_expression(glob.segments).fullmatch("/" + "/".join(segments)) is not None)


def _expression(segments: tuple[str, ...]) -> "re.Pattern[str]":
    """The same pattern as a regular expression."""
    parts = []
    for segment in segments:
        if segment == "**":
            parts.append(r"(?:/[^/]*)*")
        elif segment == "*":
            parts.append(r"/[^/]+")
        else:
            parts.append("/" + r"[^/]*".join(map(re.escape, segment.split("*"))))
    return re.compile("".join(parts), re.DOTALL)
