"""What git fetches: the talk about who has what (gitprotocol-pack, over HTTP without a memory), and the pack that follows."""

from collections.abc import Iterator

from .history import History
from .packs import packed
from .parsing import is_sha
from .selecting import Asked, Selecting
from .store import Objects
from .values import GitError
from .wire import FLUSH, Reader, band, line

CAPABILITIES = (
    "multi_ack_detailed no-done side-band-64k thin-pack ofs-delta shallow deepen-since deepen-not deepen-relative include-tag "
    "filter allow-tip-sha1-in-want allow-reachable-sha1-in-want no-progress object-format=sha1"
)
MOST_LINES = 50_000
MOST_ROUNDS = 16  # of one request; git sends one
INFINITE = 0x7FFFFFFF


class Fetching:
    """One request to git-upload-pack."""

    def __init__(self, objects: Objects, refs: dict[str, str], head: str | None) -> None:
        self._objects = objects
        self._history = History(objects)
        self._selecting = Selecting(objects, self._history, refs)
        self._refs = refs
        self._head = head

    def reply(self, body: bytes) -> bytes:
        """The reply's body. What git would refuse is said in its own protocol."""
        try:
            return b"".join(self._reply(Reader(body)))
        except GitError as error:
            return line(f"ERR upload-pack: {error}\n")

    def _reply(self, reader: Reader) -> Iterator[bytes]:
        asked = self._asked(reader)
        if not asked.wants:
            return
        edge, limited = self._edge(asked)
        if limited:
            yield from (line(f"shallow {sha}\n") for sha in sorted(edge - asked.shallow))
            known = self._history.reached(self._selecting.commits(asked.wants), edge.__contains__)
            yield from (line(f"unshallow {sha}\n") for sha in sorted((asked.shallow & known) - edge))
            yield FLUSH
        cut = edge if limited else asked.shallow
        common, said, go_on = self._negotiate(reader, asked, cut)
        yield from said
        if not go_on:
            return
        yield from self._pack(asked, cut, common)

    def _asked(self, reader: Reader) -> Asked:
        asked = Asked()
        for text in (raw.decode("utf-8", "replace") for raw in reader.lines(MOST_LINES)):
            word, _, value = text.partition(" ")
            value = value.strip()
            if word == "want":
                sha, _, capabilities = value.partition(" ")
                if not is_sha(sha) or sha not in self._objects:
                    raise GitError(f"not our ref {sha[:60]}")
                # The first one's only, as git has it.
                asked.capabilities = asked.capabilities if asked.wants else frozenset(capabilities.split())
                asked.wants[sha] = None
            elif word == "shallow" and is_sha(value):
                if self._objects.kind(value) == "commit":
                    asked.shallow.add(value)
            elif word == "deepen" and value.isdecimal():
                asked.depth = min(int(value[:12]), INFINITE)
            elif word == "deepen-since" and value.isdecimal():
                asked.since = int(value[:15])
            elif word == "deepen-not":
                asked.beyond.append(value)
            elif word == "filter":
                asked.largest = _largest(value)
            else:
                raise GitError(f"expected to get want, got {text[:60]!r}")
        return asked

    def _edge(self, asked: Asked) -> tuple[set[str], bool]:
        """The commits whose parents aren't to be sent, and whether the client asked for any such thing."""
        starts = self._selecting.commits(asked.wants)
        if asked.depth >= INFINITE:
            return set(), True
        if asked.depth:
            most = asked.depth
            if "deepen-relative" in asked.capabilities:  # counted from where the client's history ends
                known = self._history.reached(starts)
                starts, most = [sha for sha in asked.shallow if sha in known], most + 1
            return self._at_depth(starts, most), True
        if asked.since or asked.beyond:
            left_out = self._history.reached(self._selecting.commits([self._named(name) for name in asked.beyond]))

            def fits(sha: str) -> bool:
                return sha not in left_out and self._history.commit(sha).committer.time >= asked.since

            kept = {sha for sha in self._history.reached(starts, lambda sha: not fits(sha)) if fits(sha)}
            if not kept:
                raise GitError("no commits selected for shallow requests")
            return {sha for sha in kept if any(one not in kept for one in self._history.commit(sha).parents)}, True
        return set(), False

    def _at_depth(self, starts: list[str], most: int) -> set[str]:
        """The commits so many steps from the starts, these counted, that have parents."""
        edge: set[str] = set()
        seen, layer = set(starts), starts
        for depth in range(1, most + 1):
            below: list[str] = []
            for sha in layer:
                parents = self._history.commit(sha).parents
                if depth == most and parents:
                    edge.add(sha)
                below += [one for one in parents if one not in seen]
                seen.update(below)
            layer = list(dict.fromkeys(below))
            if not layer:
                break
        return edge

    def _named(self, name: str) -> str:
        for full in (name, f"refs/{name}", f"refs/tags/{name}", f"refs/heads/{name}"):
            if full in self._refs:
                return self._refs[full]
        raise GitError(f"git upload-pack: deepen-not is not a ref: {name[:100]}")

    def _negotiate(self, reader: Reader, asked: Asked, cut: set[str]) -> tuple[list[str], list[bytes], bool]:
        """What both have, what is said about it, and whether the pack follows."""
        detailed = "multi_ack_detailed" in asked.capabilities
        common: list[str] = []
        said: list[bytes] = []
        rounds = 0
        for _ in range(MOST_LINES):
            if reader.ended:  # a round of a talk that goes on with the next request
                return common, said, False
            text = reader.next()
            if text is None:
                rounds += 1
                if rounds > MOST_ROUNDS:
                    break
                ready = detailed and bool(common) and self._enough(asked, common, cut)
                said += [line(f"ACK {common[-1]} ready\n")] if ready else []
                said += [line("NAK\n")] if not common or detailed else []
                if ready and "no-done" in asked.capabilities:
                    return common, [*said, line(f"ACK {common[-1]}\n")], True
            elif text == b"done":
                last = [line(f"ACK {common[-1]}\n" if common else "NAK\n")] if detailed or not common else []
                return common, said + last, True
            else:
                self._had(text, common, said, detailed=detailed)
        raise GitError("too many lines")

    def _had(self, text: bytes, common: list[str], said: list[bytes], *, detailed: bool) -> None:
        """Something that the client has."""
        sha = text.removeprefix(b"have ").decode("ascii", "replace")
        if not text.startswith(b"have ") or not is_sha(sha):
            raise GitError(f"expected SHA1 list, got {text[:60]!r}")
        if self._objects.kind(sha) == "commit":
            common.append(sha)
            if detailed or len(common) == 1:
                said.append(line(f"ACK {sha} common\n" if detailed else f"ACK {sha}\n"))

    def _enough(self, asked: Asked, common: list[str], cut: set[str]) -> bool:
        """Whether each thing that is wanted has something in its history that both have. Walks the history once."""
        starts = self._selecting.commits(asked.wants)
        reached = self._history.reached(starts, cut.__contains__)
        children: dict[str, list[str]] = {}
        for sha in reached - cut:
            for parent in self._history.commit(sha).parents:
                children.setdefault(parent, []).append(sha)
        above = set(common)
        waiting = list(above)
        while waiting:
            for child in children.get(waiting.pop(), ()):
                if child not in above:
                    above.add(child)
                    waiting.append(child)
        return above.issuperset(starts)

    def _pack(self, asked: Asked, cut: set[str], common: list[str]) -> Iterator[bytes]:
        names = self._selecting.missing(asked, cut, common)
        sent = set(names)
        data = packed([self._objects.entry(sha, sent) for sha in names])
        if "side-band-64k" in asked.capabilities:
            if "no-progress" not in asked.capabilities:
                yield from band(2, f"Total {len(names)} (delta 0), reused {len(names)} (delta 0)\n".encode())
            yield from band(1, data)
            yield FLUSH
        elif "side-band" in asked.capabilities:
            yield from band(1, data, 995)
            yield FLUSH
        else:
            yield data


def _largest(spec: str) -> int:
    """What a filter leaves in of blobs. Raises GitError for filters that aren't known."""
    if spec == "blob:none":
        return -1
    size = spec.removeprefix("blob:limit=")
    factor = {"k": 1024, "m": 1024**2, "g": 1024**3}.get(size[-1:].lower(), 1)
    number = size[:-1] if factor > 1 else size
    if size == spec or not number.isdecimal() or len(number) > 12:
        raise GitError(f"filter {spec[:60]!r} not supported")
    return int(number) * factor - 1  # those of that size are left out, too
