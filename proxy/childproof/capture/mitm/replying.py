"""An allowed call's reply on its way back: bounded, searched for credentials that went out, its beginning kept."""

from collections.abc import Callable

from mitmproxy import http

from .secrets import Mask, Unpacker, Unsearchable

KEPT_BODY = 64 * 1024  # of a streamed reply, for the record
STREAM_ABOVE = 1 << 20


class Replying:
    """One reply. `cut` is called once, with the reason, where it may not go on; nothing more is passed on then.

    `most` is in bytes. `mask` is there where credentials were put into the call.
    """

    def __init__(self, most: int | None, mask: Mask | None, cut: Callable[[str], None]) -> None:
        self._most = most
        self._mask = mask
        self._cut = cut
        self._unpacker: Unpacker | None = None
        self._over = False
        self.size = 0
        self.kept = bytearray()

    def head(self, response: http.Response, *, has_body: bool, version: str) -> None:
        """The reply's head, changed in place: what it says of itself must still be true of what is sent.

        `version` is the client's (`HTTP/1.1`): how a body of unknown length ends.
        """
        length = response.headers.get("content-length", "")
        if self._mask is not None:  # first: whatever stops a reply records its head
            self._mask_head(response, self._mask, version if has_body else "")
        if self._most is not None and length.isdigit() and int(length) > self._most and has_body:
            self._stop(f"the reply announces {length} bytes, and may have {self._most}")
        if has_body and (self._mask is not None or not length.isdigit() or int(length) > STREAM_ABOVE):
            response.stream = self.tap

    def tap(self, data: bytes) -> list[bytes]:
        """What of a chunk goes on; an empty one ends the reply."""
        if self._over:
            return []
        try:
            pieces = [data] if self._unpacker is None or not data else list(self._unpacker.feed(data))
        except Unsearchable as problem:
            self._stop(str(problem))
            return []
        if self._mask is not None:
            pieces = [self._mask.feed(piece) for piece in pieces] if data else [self._mask.rest()]
        return [piece for piece in pieces if piece and self._passes(piece)]

    def _passes(self, piece: bytes) -> bool:
        self.size += len(piece)
        if self._most is not None and self.size > self._most:
            self._stop(f"the reply has more than {self._most} bytes")
            return False
        self.kept.extend(piece[: max(0, KEPT_BODY - len(self.kept))])
        return True

    def _mask_head(self, response: http.Response, mask: Mask, version: str) -> None:
        response.headers.fields = tuple(
            (mask.whole(name), mask.whole(value)) for name, value in response.headers.fields
        )
        response.data.reason = mask.whole(response.data.reason)
        if response.headers.get("transfer-encoding", "chunked").strip().lower() != "chunked":
            self._stop("the reply has a transfer coding, though none was asked for")
            return
        coding = response.headers.get("content-encoding", "identity")
        if coding.strip().lower() in ("", "identity"):
            return
        try:
            self._unpacker = Unpacker(coding)
        except Unsearchable as problem:
            self._stop(str(problem))
            return
        response.headers.pop("content-encoding", None)
        response.headers.pop("content-length", None)
        if version == "HTTP/1.1":
            response.headers["transfer-encoding"] = "chunked"
        elif version == "HTTP/1.0":
            response.headers["connection"] = "close"

    def _stop(self, reason: str) -> None:
        if not self._over:
            self._over = True
            self._cut(reason)
