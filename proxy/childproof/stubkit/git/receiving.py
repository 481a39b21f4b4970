"""What git pushes: commands for refs, and the pack they need. All that is accepted happens, and nothing of what isn't."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from .history import History
from .parsing import is_sha, read_tag
from .refs import LONGEST, Refs
from .store import Objects
from .unpacking import received
from .values import ZERO, GitError, Update
from .wire import FLUSH, Reader, band, line

if TYPE_CHECKING:
    from .packs import Pack

CAPABILITIES = "report-status delete-refs side-band-64k quiet atomic ofs-delta object-format=sha1"
MOST = 5_000  # commands of one push
Accept = Callable[[Update], str]
Say = Callable[[Iterable[Update]], str]


class Receiving:
    """One request to git-receive-pack."""

    def __init__(self, objects: Objects, refs: Refs, accept: Accept, say: Say | None) -> None:
        self._objects = objects
        self._refs = refs
        self._history = History(objects)
        self._accept = accept
        self._say = say

    def run(self, body: bytes) -> tuple[bytes, list[Update], list[tuple[str, str]]]:
        """The reply's body, the refs that changed, and those that were refused, each with why."""
        reader = Reader(body)
        try:
            commands, capabilities = self._commands(reader)
        except GitError as error:
            return line(f"ERR receive-pack: {error}\n"), [], []
        if not commands:  # git asks with nothing at all whether it may
            return b"", [], []
        atomic = "atomic" in capabilities
        try:
            pack = self._pack(commands, reader)
        except GitError as error:
            refused = [(ref, "unpacker error") for _, _, ref in commands]
            return self._report(str(error), [], refused, capabilities), [], refused
        updates, refused = self._judged(commands, pack)
        if atomic and refused:
            wrong = dict(refused)
            refused = [(ref, wrong.get(ref, "atomic push failure")) for _, _, ref in commands]
            updates = []
        if pack is not None and any(not update.deleted for update in updates):
            self._objects.keep(pack)
        for update in sorted(updates, key=lambda one: not one.deleted):
            self._refs.set(update.ref, update.new)
        return self._report("ok", updates, refused, capabilities), updates, refused

    @staticmethod
    def _commands(reader: Reader) -> tuple[list[tuple[str, str, str]], frozenset[str]]:
        commands: list[tuple[str, str, str]] = []
        capabilities: frozenset[str] = frozenset()
        for raw in reader.lines(MOST):
            told, _, said = raw.partition(b"\0")
            if said and not commands:  # the first line's only, as git has it
                capabilities = frozenset(said.decode("utf-8", "replace").split())
            if told.startswith(b"shallow "):  # the connectivity of what comes is checked anyway
                continue
            parts = told.decode("utf-8", "surrogateescape").split(" ", 2)
            if len(parts) != 3 or not is_sha(parts[0]) or not is_sha(parts[1]):
                raise GitError("protocol error: expected old/new/ref")
            commands.append((parts[0], parts[1], parts[2]))
        return commands, capabilities

    def _pack(self, commands: list[tuple[str, str, str]], reader: Reader) -> "Pack | None":
        """The pack that came along, complete and connected; nothing is kept yet. Raises GitError."""
        data = reader.rest()
        if not data or all(new == ZERO for _, new, _ in commands):
            return None
        pack = received(data, self._objects.get)
        self._objects.connected(pack)
        return pack

    def _judged(
        self, commands: list[tuple[str, str, str]], pack: "Pack | None"
    ) -> tuple[list[Update], list[tuple[str, str]]]:
        """Which updates are to be, and which are refused. What comes can be looked at meanwhile, as if it were kept."""
        updates: list[Update] = []
        refused: list[tuple[str, str]] = []
        going = frozenset(ref for _, new, ref in commands if new == ZERO)
        coming: set[str] = set()
        below: dict[str, str] = {}  # folders of those that are to stay, each with one that is in it
        with self._objects.with_(pack):
            for old, new, ref in commands:
                why = "multiple updates for ref not allowed" if ref in coming else self._wrong(old, new, ref, going)
                why = why or _between(ref, coming, going, below)
                coming.add(ref)
                if ref not in going:
                    below.update((folder, ref) for folder in _folders(ref))
                if not why:
                    update = Update(ref, old, new, self._forced(old, new))
                    why = self._accept(update)
                    if not why:
                        updates.append(update)
                if why:
                    refused.append((ref, " ".join(why.split())))
        return updates, refused

    def _wrong(self, old: str, new: str, ref: str, going: frozenset[str]) -> str:
        """Why git itself would refuse; "" where it wouldn't."""
        current = self._refs.get(ref) or ZERO
        if new == ZERO and current == ZERO:
            return "deleting a non-existent ref" if self._refs.complaint(ref) == "" else "funny refname"
        if new != ZERO and (wrong := self._refs.complaint(ref, going)):
            return wrong
        if current != old:
            at = "is at " + current if current != ZERO else "doesn't exist"
            return f"cannot lock ref '{ref}': {at} but expected {old}"
        if new == ZERO:
            return ""
        kind = self._objects.kind(new)
        if kind is None:
            return "bad pack"
        if ref.startswith("refs/heads/") and kind != "commit":
            return "cannot update ref: not a commit"
        return ""

    def _forced(self, old: str, new: str) -> bool:
        """Whether an update takes something out of a ref's history."""
        if ZERO in {old, new} or old == new:
            return False
        ends = [self._commit(sha) for sha in (old, new)]
        return "" in ends or not self._history.contains(ends[1], ends[0])

    def _commit(self, sha: str) -> str:
        for _ in range(20):
            if self._objects.kind(sha) != "tag":
                break
            sha = read_tag(sha, self._objects.read(sha, "tag")).object
        return sha if self._objects.kind(sha) == "commit" else ""

    def _report(
        self, unpacked: str, updates: list[Update], refused: list[tuple[str, str]], capabilities: frozenset[str]
    ) -> bytes:
        said = self._say(updates) if self._say is not None else ""
        report = b""
        if "report-status" in capabilities:
            lines = [f"unpack {unpacked}\n", *(f"ok {update.ref}\n" for update in updates)]
            lines += [f"ng {ref} {why}\n" for ref, why in refused]
            report = b"".join(line(text.encode("utf-8", "surrogateescape")) for text in lines) + FLUSH
        if "side-band-64k" not in capabilities:
            return report
        return b"".join((*band(2, said.encode()), *band(1, report), FLUSH))


def _between(ref: str, coming: set[str], going: frozenset[str], below: dict[str, str]) -> str:
    """Why a ref can't come together with others of the same push; "" where it can."""
    above = (folder for folder in _folders(ref) if folder in coming and folder not in going)
    other = below.get(ref) or next(above, None)
    return f"cannot lock ref '{ref}': '{other}' exists; cannot create '{ref}'" if other else ""


def _folders(ref: str) -> list[str]:
    """The folders that a ref is in. A name that is too long to be one is in none."""
    parts = ref.split("/") if len(ref) <= LONGEST else []
    return ["/".join(parts[:depth]) for depth in range(1, len(parts))]
