"""Differences of texts, line by line, and the two ways they are used: patches, and merges of three texts.

Whatever the texts, the time is bounded: what begins and ends alike is set aside first, and where too much is left, all
of that counts as replaced. That is never wrong, only longer than it had to be.
"""

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

CONTEXT = 3  # lines around a change
_MOST_WORK = 4_000_000  # lines of one side times lines of the other
_MOST_REPEATED = 200  # times that a line stands in what is looked through
LARGEST = 1024 * 1024  # bytes of a text that is looked into
_BINARY = 8000  # bytes in which a NUL makes a file binary, as git has it

type Block = tuple[int, int, int, int]  # of the old text from, to; of the new one from, to


def is_binary(data: bytes) -> bool:
    """Whether a file is no text, as git tells."""
    return b"\0" in data[:_BINARY]


def changed(old: Sequence[bytes], new: Sequence[bytes]) -> list[Block]:
    """The places in which two texts differ, in order."""
    start, most = 0, min(len(old), len(new))
    while start < most and old[start] == new[start]:
        start += 1
    end = 0
    while end < most - start and old[-1 - end] == new[-1 - end]:
        end += 1
    a, b = old[start : len(old) - end], new[start : len(new) - end]
    if not a and not b:
        return []
    if not a or not b or len(a) * len(b) > _MOST_WORK or _repeated(b):
        return [(start, start + len(a), start, start + len(b))]
    matcher = SequenceMatcher(None, a, b, autojunk=False)
    return [
        (start + i1, start + i2, start + j1, start + j2)
        for tag, i1, i2, j1, j2 in matcher.get_opcodes()
        if tag != "equal"
    ]


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


def merged(base: bytes, ours: bytes, theirs: bytes) -> bytes | None:
    """What both sides made of a text, put together; None where they changed the same place, each in its own way."""
    if is_binary(base) or is_binary(ours) or is_binary(theirs):
        return None
    if max(len(base), len(ours), len(theirs)) > LARGEST:
        return None
    old, one, other = (text.splitlines(keepends=True) for text in (base, ours, theirs))
    left, right = changed(old, one), changed(old, other)
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


def _repeated(lines: Sequence[bytes]) -> bool:
    """Whether some line stands so often in a long text that comparing would take its square."""
    if len(lines) <= _MOST_REPEATED:
        return False
    count: dict[bytes, int] = {}
    for line in lines:
        count[line] = count.get(line, 0) + 1
    return max(count.values()) > max(_MOST_REPEATED, len(lines) // 10)
