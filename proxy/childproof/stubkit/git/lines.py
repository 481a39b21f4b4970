"""Differences of texts, line by line, and the two ways they are used: patches, and merges of three texts.

Whatever the texts, the time is bounded: what begins and ends alike is set aside first, and where too much is left, all
of that counts as replaced. That is never wrong, only longer than it had to be.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from difflib import Match, SequenceMatcher
from itertools import accumulate

CONTEXT = 3  # lines around a change
_MOST_WORK = 4_000_000  # lines of one side times lines of the other
STEPS = 2_000_000  # of comparing, for one difference or merge of trees with all its files: some 200 ms
LARGEST = 1024 * 1024  # bytes of a text that is looked into
_BINARY = 8000  # bytes in which a NUL makes a file binary, as git has it

type Block = tuple[int, int, int, int]  # of the old text from, to; of the new one from, to


def is_binary(data: bytes) -> bool:
    """Whether a file is no text, as git tells."""
    return b"\0" in data[:_BINARY]


class Work:
    """How much comparing may still be done, for many texts together."""

    def __init__(self, steps: int = STEPS) -> None:
        self._left = steps

    def take(self, steps: int) -> None:
        """Spend some. Raises _Exhausted where there is no more."""
        self._left -= steps
        if self._left < 0:
            raise _Exhausted


class _Exhausted(Exception):
    """There was more to compare than may be."""


class _Bounded(SequenceMatcher[bytes]):
    """The library's, which takes the cube of texts whose lines repeat, counting what it is about to look at."""

    def __init__(self, a: Sequence[bytes], b: Sequence[bytes], work: Work) -> None:
        super().__init__(None, a, b, autojunk=False)
        self._work = work
        times = Counter(b)
        self._costs = list(accumulate((times[line] + 1 for line in a), initial=0))

    def find_longest_match(self, alo: int = 0, ahi: int | None = None, blo: int = 0, bhi: int | None = None) -> Match:
        self._work.take(self._costs[-1 if ahi is None else ahi] - self._costs[alo])
        return super().find_longest_match(alo, ahi, blo, bhi)


def changed(old: Sequence[bytes], new: Sequence[bytes], work: Work | None = None) -> list[Block]:
    """The places in which two texts differ, in order. `work` is what may be spent on it."""
    start, most = 0, min(len(old), len(new))
    while start < most and old[start] == new[start]:
        start += 1
    end = 0
    while end < most - start and old[-1 - end] == new[-1 - end]:
        end += 1
    a, b = old[start : len(old) - end], new[start : len(new) - end]
    if not a and not b:
        return []
    whole = [(start, start + len(a), start, start + len(b))]
    if not a or not b or len(a) * len(b) > _MOST_WORK:
        return whole
    spent = work or Work()
    try:
        spent.take(len(a) + len(b))
        found = _Bounded(a, b, spent).get_opcodes()
    except _Exhausted:
        return whole
    return [(start + i1, start + i2, start + j1, start + j2) for tag, i1, i2, j1, j2 in found if tag != "equal"]


def hunks(old: Sequence[bytes], new: Sequence[bytes], blocks: Sequence[Block]) -> Iterator[bytes]:
    """The hunks of a unified difference, line by line."""
    groups: list[list[Block]] = []
    for block in blocks:
        if groups and block[0] - groups[-1][-1][1] <= 2 * CONTEXT:
            groups[-1].append(block)
        else:
            groups.append([block])
    for group in groups:
        before = min(CONTEXT, group[0][0])
        after = min(CONTEXT, len(old) - group[-1][1])
        first, last = group[0][0] - before, group[-1][1] + after
        first_new, last_new = group[0][2] - before, group[-1][3] + after
        yield f"@@ -{_range(first, last)} +{_range(first_new, last_new)} @@\n".encode()
        place = first
        for i1, i2, j1, j2 in group:
            yield from _marked(b" ", old[place:i1])
            yield from _marked(b"-", old[i1:i2])
            yield from _marked(b"+", new[j1:j2])
            place = i2
        yield from _marked(b" ", old[place:last])


def merged(base: bytes, ours: bytes, theirs: bytes, work: Work | None = None) -> bytes | None:
    """What both sides made of a text, put together; None where they changed the same place, each in its own way."""
    if is_binary(base) or is_binary(ours) or is_binary(theirs):
        return None
    if max(len(base), len(ours), len(theirs)) > LARGEST:
        return None
    old, one, other = (text.splitlines(keepends=True) for text in (base, ours, theirs))
    left, right = changed(old, one, work), changed(old, other, work)
    out: list[bytes] = []
    place = 0
    while left or right:
        low = min(block[0] for block in (*left[:1], *right[:1]))
        high = low
        a: list[Block] = []
        b: list[Block] = []
        grown = True
        while grown:  # all changes that touch one another, of both sides, are one place
            grown = False
            for waiting, taken in ((left, a), (right, b)):
                if waiting and (waiting[0][0] <= high):
                    taken.append(waiting.pop(0))
                    high = max(high, taken[-1][1])
                    grown = True
        out += old[place:low]
        mine, yours = _side(old, one, a, (low, high)), _side(old, other, b, (low, high))
        if a and b and mine != yours:
            return None
        out += mine if a else yours
        place = high
    out += old[place:]
    return b"".join(out)


def _side(old: Sequence[bytes], new: Sequence[bytes], blocks: Sequence[Block], between: tuple[int, int]) -> list[bytes]:
    out: list[bytes] = []
    place = between[0]
    for i1, i2, j1, j2 in blocks:
        out += old[place:i1]
        out += new[j1:j2]
        place = i2
    return out + list(old[place : between[1]])


def _range(start: int, end: int) -> str:
    """Of a hunk's head: where it begins, from 1 on, and how many lines it has; 0 lines come after the one before."""
    count = end - start
    return f"{start + 1}" if count == 1 else f"{start + (count > 0)},{count}"


def _marked(mark: bytes, lines: Sequence[bytes]) -> Iterator[bytes]:
    for line in lines:
        yield mark + line
        if not line.endswith(b"\n"):
            yield b"\n\\ No newline at end of file\n"
