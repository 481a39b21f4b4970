"""Globs over paths and texts, matched without regular expressions: no pattern can take more than n*m steps.

Text globs know one sign: `*`, any run of characters. Path globs match segment by segment: `*` within a segment is any
run of characters but `/` (and a whole segment `*` is exactly one that isn't empty), `**` is any number of segments.
"""

from collections.abc import Sequence
from functools import lru_cache

import msgspec

from .path import canonical_path, is_ambiguous

ANY = "**"


class GlobError(ValueError):
    """A pattern that can't mean what its author thinks. `expected` and `write` make the fault's other two parts."""

    def __init__(self, found: str, expected: str, write: str = "") -> None:
        super().__init__(found)
        self.expected = expected
        self.write = write


class PathGlob(msgspec.Struct, frozen=True):
    """A path pattern: as written, its segments in canonical spelling, and how many of them hold no star."""

    text: str
    segments: tuple[str, ...]
    literal: int  # the number of leading segments without a star: what the index looks up

    @property
    def is_literal(self) -> bool:
        """Whether only one path fits."""
        return self.literal == len(self.segments)


@lru_cache(maxsize=1024)  # many rules of a file have the same
def parse_path_glob(text: str) -> PathGlob:
    """A path pattern from a rule file. Raises GlobError, with what to write instead where that is clear."""
    if not text.startswith("/"):
        raise GlobError(f"the path {text!r}", "a path that begins with '/'", f"path: /{text}")
    if "?" in text or "#" in text:
        bare = text.partition("?")[0].partition("#")[0]
        raise GlobError(f"the path {text!r}", "a path without its query, which has a key of its own", f"path: {bare}")
    if any(sign in text for sign in "{}[]"):
        raise GlobError(f"the path {text!r}", "'*' for one segment, '**' for any number of them")
    if is_ambiguous(text.replace("*", "x")):
        raise GlobError(
            f"the path {text!r}", "a path without '.', '..', '//', ';', backslashes, encoded slashes or control bytes"
        )
    segments = tuple(canonical_path(text).split("/")[1:])
    for segment in segments:
        if ANY in segment and segment != ANY:
            raise GlobError(f"'**' within the segment {segment!r}", "'**' as a whole segment, or '*' within one")
    literal = next((place for place, segment in enumerate(segments) if "*" in segment), len(segments))
    return PathGlob(text, segments, literal)


def path_fits(glob: PathGlob, segments: Sequence[str], *, fold: bool = False) -> bool:
    """Whether the segments of a canonical path fit. `fold` compares without regard to case."""
    if glob.is_literal and len(segments) != glob.literal:
        return False
    pattern: Sequence[str] = glob.segments
    if fold:
        pattern = [part.lower() for part in pattern]
        segments = [part.lower() for part in segments]
    here = there = 0
    star = mark = -1
    while there < len(segments):
        if here < len(pattern) and pattern[here] == ANY:
            star, mark = here, there
            here += 1
        elif here < len(pattern) and segment_fits(pattern[here], segments[there]):
            here += 1
            there += 1
        elif star >= 0:
            mark += 1
            here, there = star + 1, mark
        else:
            return False
    while here < len(pattern) and pattern[here] == ANY:
        here += 1
    return here == len(pattern)


def segment_fits(pattern: str, segment: str) -> bool:
    """Whether one segment fits one segment's pattern. A lone `*` wants at least one character."""
    if "*" not in pattern:
        return pattern == segment
    return bool(segment) if pattern == "*" else text_fits(pattern, segment)


def text_fits(pattern: str, text: str) -> bool:
    """Whether `text` as a whole fits a pattern in which `*` is any run of characters."""
    if "*" not in pattern:
        return pattern == text
    first, *middle, last = pattern.split("*")
    if len(text) < len(first) + len(last) or not text.startswith(first) or not text.endswith(last):
        return False
    at, end = len(first), len(text) - len(last)
    for part in middle:
        found = text.find(part, at, end)
        if found < 0:
            return False
        at = found + len(part)
    return True


def path_covers(wide: PathGlob, narrow: PathGlob) -> bool:
    """Whether surely every path that fits `narrow` fits `wide`. May say False of a pair where that is hard to see."""
    return _covers(wide.segments, narrow.segments, {})


def _covers(wide: tuple[str, ...], narrow: tuple[str, ...], seen: dict[tuple[int, int], bool]) -> bool:
    key = (len(wide), len(narrow))
    if key not in seen:
        if not wide:
            seen[key] = not narrow
        elif wide[0] == ANY:
            seen[key] = _covers(wide[1:], narrow, seen) or (bool(narrow) and _covers(wide, narrow[1:], seen))
        elif not narrow or narrow[0] == ANY:
            seen[key] = False
        else:
            seen[key] = _segment_covers(wide[0], narrow[0]) and _covers(wide[1:], narrow[1:], seen)
    return seen[key]


def _segment_covers(wide: str, narrow: str) -> bool:
    if wide == "*":
        return narrow == "*" or bool(narrow.replace("*", ""))
    return text_covers(wide, narrow)


def text_covers(wide: str, narrow: str) -> bool:
    """Whether surely every text that fits `narrow` fits `wide`: a star in `narrow` reads as a sign like any other."""
    return text_fits(wide, narrow)
