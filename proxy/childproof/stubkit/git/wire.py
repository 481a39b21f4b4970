"""Git's pkt-lines (gitprotocol-common): lines that say how long they are."""

from collections.abc import Iterator

from .values import GitError

FLUSH, DELIM = b"0000", b"0001"
_LONGEST = 65_520
_BAND = 65_515  # bytes of one side-band packet, besides its length and channel


def line(data: bytes | str) -> bytes:
    """A pkt-line."""
    raw = data.encode() if isinstance(data, str) else data
    return b"%04x%b" % (len(raw) + 4, raw)


def band(channel: int, data: bytes, most: int = _BAND) -> Iterator[bytes]:
    """Data as packets of a side band: 1 is data, 2 what is shown to people, 3 a fatal error."""
    for place in range(0, len(data), most):
        yield line(bytes([channel]) + data[place : place + most])


class Reader:
    """Reads pkt-lines from a request's body. Raises GitError for what is none."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.place = 0

    @property
    def ended(self) -> bool:
        """Whether there is nothing more."""
        return self.place >= len(self._data)

    def next(self) -> bytes | None:
        """The next line without its end; None for a flush packet."""
        head = self._data[self.place : self.place + 4]
        try:
            size = int(head, 16) if len(head) == 4 and head.isalnum() else -1
        except ValueError:
            size = -1
        if size < 0 or 0 < size < 4 or size > _LONGEST:
            raise GitError(f"protocol error: bad line length character: {head.decode('ascii', 'replace')}")
        if size == 0:
            self.place += 4
            return None
        found = self._data[self.place + 4 : self.place + size]
        if len(found) != size - 4:
            raise GitError("protocol error: the line ends early")
        self.place += size
        return found.removesuffix(b"\n")

    def lines(self, most: int) -> Iterator[bytes]:
        """Lines up to the next flush packet, or the end."""
        for _ in range(most):
            if self.ended:
                return
            found = self.next()
            if found is None:
                return
            yield found
        raise GitError(f"protocol error: more than {most} lines")

    def rest(self) -> bytes:
        """What comes after the lines."""
        return self._data[self.place :]
