"""One repository as stubs see it: refs, objects, history, differences, merges, and git's HTTP endpoints."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Literal

from childproof.stubkit.entity import Response

from . import archive, diffs, parsing, serving
from .diffs import Diffs
from .fetching import Fetching
from .history import History
from .merging import Merging
from .receiving import Receiving
from .refs import Refs
from .store import Objects
from .trees import Trees
from .values import EMPTY_TREE, ZERO, Commit, Conflict, Entry, FileChange, GitError, Identity, Kind, Pushed, Tag, Update

if TYPE_CHECKING:
    from childproof.stubkit.context.context import Context

_MOST_LOG = 20_000  # commits that are looked through for those of a path
_MOST_REBASED = 100  # commits


class Repository:
    """Refs and objects of one id. Everything belongs to the call's transaction. What can't be is a GitError."""

    def __init__(self, ctx: "Context", id: str, head: str) -> None:  # noqa: A002 - the concept's name
        self._ctx = ctx
        self.id = id
        self.head = head
        self._objects = Objects(ctx._tx, ctx.service, id)  # noqa: SLF001 - a part of the kit
        self._refs = Refs(ctx._tx, ctx.service, id)  # noqa: SLF001 - likewise
        self._history = History(self._objects)
        self._trees = Trees(self._objects)

    # --- refs

    @property
    def refs(self) -> Mapping[str, str]:
        """All refs by their whole names, sorted, and the ids that they point at."""
        return self._refs.all

    def ref(self, name: str) -> str | None:
        """What a ref points at, by its whole name (`refs/heads/main`); None where there is none."""
        return self._refs.get(name)

    def resolve(self, name: str) -> str | None:
        """The commit that a name stands for: a branch, a tag, `HEAD`, a ref, an id or the unique beginning of one."""
        if name in {"", "HEAD"}:
            name = self.head
        for full in (f"refs/heads/{name}", f"refs/tags/{name}", name, f"refs/{name}"):
            sha = self._refs.get(full)
            if sha is not None:
                return self.peel(sha)
        if parsing.is_sha(name):
            return self.peel(name) if name in self._objects else None
        if 4 <= len(name) < 40 and all(letter in "0123456789abcdef" for letter in name):
            found = {sha for sha in self._objects.beginning(name) if self._objects.kind(sha) == "commit"}
            return found.pop() if len(found) == 1 else None
        return None

    def peel(self, sha: str) -> str | None:
        """The commit that an object is, or that a tag stands for; None where it is none."""
        end = serving.peeled(self._objects, sha)
        return end if self._objects.kind(end) == "commit" else None

    def set_ref(self, name: str, sha: str) -> Update:
        """Let a ref point at an object that is there. Tells what changed; says no as git does."""
        kind = self._objects.kind(sha)
        if kind is None:
            raise GitError(f"no object {sha[:60]}")
        if name.startswith("refs/heads/") and kind != "commit":
            raise GitError(f"{sha} is no commit")
        old = self._refs.get(name) or ZERO
        self._refs.set(name, sha)
        return Update(name, old, sha, self._leaves(old, sha))

    def delete_ref(self, name: str) -> Update:
        """Take a ref away."""
        old = self._refs.get(name)
        if old is None:
            raise GitError(f"no ref {name[:100]}")
        self._refs.set(name, ZERO)
        return Update(name, old, ZERO)

    # --- objects

    def __contains__(self, sha: str) -> bool:
        return sha in self._objects

    def kind(self, sha: str) -> Kind | None:
        """What an object is; None where there is none."""
        return self._objects.kind(sha)

    def size(self, sha: str) -> int:
        """How many bytes an object has."""
        return self._objects.size(sha)

    @property
    def stored(self) -> int:
        """How many bytes all objects take, as they are kept."""
        return self._objects.bytes_held()

    def blob(self, sha: str) -> bytes:
        """A file's content."""
        return self._objects.read(sha, "blob")

    def write_blob(self, data: bytes) -> str:
        """Keep a file's content; gives its id."""
        return self._objects.add("blob", data)

    def tree(self, sha: str) -> list[Entry]:
        """The lines of one tree, by name."""
        return self._trees.read(sha)

    def walk(self, sha: str, *, folders: bool = False) -> Iterator[Entry]:
        """All that is below a tree, by whole path."""
        return self._trees.walk(sha, folders=folders)

    def find(self, tree: str, path: str) -> Entry | None:
        """What is at a path of a tree; the tree itself for ""."""
        return self._trees.find(tree, path)

    def write_tree(self, changes: Mapping[str, Entry | None], base: str = EMPTY_TREE) -> str:
        """A tree with other things at some paths (None: nothing there); gives its id. Folders on the way are made."""
        return self._trees.changed(base, changes)

    def commit(self, sha: str) -> Commit:
        """A commit."""
        return self._history.commit(sha)

    def write_commit(
        self,
        tree: str,
        parents: Iterable[str],
        author: Identity,
        message: str,
        *,
        committer: Identity | None = None,
        signature: str = "",
    ) -> str:
        """Keep a commit; gives its id. The message is taken as it is."""
        data = parsing.write_commit(tree, parents, author, committer or author, message, signature)
        return self._objects.add("commit", data)

    def tag(self, sha: str) -> Tag:
        """An annotated tag."""
        return parsing.read_tag(sha, self._objects.read(sha, "tag"))

    def write_tag(self, target: str, name: str, tagger: Identity, message: str) -> str:
        """Keep an annotated tag; gives its id. No ref points at it yet."""
        kind = self._objects.kind(target)
        if kind is None:
            raise GitError(f"no object {target[:60]}")
        return self._objects.add("tag", parsing.write_tag(target, kind, name, tagger, message))

    def adopt(self, other: "Repository") -> None:
        """Have all objects of another repository, as a fork does; refs stay as they are."""
        self._objects.adopt(other._objects)  # noqa: SLF001 - of the same class

    # --- history

    def log(self, start: str, path: str = "") -> Iterator[Commit]:
        """The commits from one on, newest first; with a path, those that changed what is there."""
        for count, commit in enumerate(self._history.walk([start])):
            if not path:
                yield commit
            elif count >= _MOST_LOG:
                return
            elif self._touched(commit, path):
                yield commit

    def contains(self, descendant: str, ancestor: str) -> bool:
        """Whether a commit is in another one's history, or it itself."""
        return self._history.contains(descendant, ancestor)

    def between(self, base: str, head: str) -> list[Commit]:
        """The commits that `head` has and `base` hasn't, oldest first."""
        return self._history.between(base, head)

    def merge_base(self, one: str, other: str) -> str | None:
        """The best common ancestor of two commits; None where they have none."""
        return next(iter(self._history.bases(one, other)), None)

    # --- differences and merges

    def diff(self, old: str | None, new: str | None, *, patches: bool = True) -> list[FileChange]:
        """The files that differ between two trees or commits (None: nothing), by path."""
        return Diffs(self._objects).between(self._tree_of(old), self._tree_of(new), patches=patches)

    def changes(self, sha: str, *, patches: bool = True) -> list[FileChange]:
        """What a commit changed, compared with its first parent."""
        commit = self.commit(sha)
        return self.diff(commit.parents[0] if commit.parents else None, sha, patches=patches)

    @staticmethod
    def unified(changes: list[FileChange]) -> str:
        """Differences as `git diff` prints them."""
        return diffs.unified(changes)

    def merged_tree(self, base: str, head: str) -> str:
        """The tree that merging two commits gives; kept, and its id given. Raises Conflict, naming the files."""
        common = self.merge_base(base, head)
        origin = self.commit(common).tree if common is not None else EMPTY_TREE
        return Merging(self._objects).trees(origin, self.commit(base).tree, self.commit(head).tree)

    def mergeable(self, base: str, head: str) -> bool:
        """Whether two commits can be merged without a conflict. Nothing of it is kept."""
        return self._ctx.rehearse(lambda: self._merges(base, head))

    def merge(self, base: str, head: str, author: Identity, message: str, *, committer: Identity | None = None) -> str:
        """A commit that merges `head` into `base`; gives its id. No ref is changed. Raises Conflict."""
        return self.write_commit(self.merged_tree(base, head), [base, head], author, message, committer=committer)

    def squash(self, base: str, head: str, author: Identity, message: str, *, committer: Identity | None = None) -> str:
        """A commit on `base` that has all that `head` would bring; gives its id. Raises Conflict."""
        return self.write_commit(self.merged_tree(base, head), [base], author, message, committer=committer)

    def rebase(self, base: str, head: str, committer: Identity) -> str:
        """The commits of `head` that `base` hasn't, made again on top of it one by one; gives the last one's id.

        Merges among them are left out. Raises Conflict, for more than 100 commits, too.
        """
        tip, merging = base, Merging(self._objects)
        commits = self.between(base, head)
        if len(commits) > _MOST_REBASED:
            raise Conflict(())
        for commit in commits:
            if len(commit.parents) > 1:
                continue
            before = self.commit(commit.parents[0]).tree if commit.parents else EMPTY_TREE
            tree = merging.trees(before, self.commit(tip).tree, commit.tree)
            tip = self.write_commit(tree, [tip], commit.author, commit.message, committer=committer)
        return tip

    def archive(self, sha: str, prefix: str, form: Literal["tar.gz", "zip"]) -> bytes:
        """The files of a commit as a file to download, all below a folder `prefix`."""
        commit = self.commit(sha)
        return archive.packed(self._objects, commit.tree, prefix, commit.committer.time, form)

    # --- git over HTTP

    def advertise(self, service: str) -> Response:
        """The reply to `GET …/info/refs?service=git-upload-pack` or `git-receive-pack`."""
        return serving.advertised(service, self._objects, self._refs.all, self.head)

    def upload_pack(self) -> Response:
        """The reply to the call, a `POST …/git-upload-pack`: what the client lacks."""
        body = serving.body_of(self._ctx.call.body, self._ctx.header("content-encoding"))
        return serving.result("git-upload-pack", Fetching(self._objects, self._refs.all, self.head).reply(body))

    def receive_pack(
        self, accept: Callable[[Update], str] = lambda _: "", say: Callable[[Iterable[Update]], str] | None = None
    ) -> Pushed:
        """Do what the call, a `POST …/git-receive-pack`, brings.

        `accept` is asked about each ref and gives why not, "" where it may be; the objects that come can be read by then.
        `say` gives what git shows to whoever pushed, as `remote: …`; it is given the refs that changed, none where all were refused.
        """
        body = serving.body_of(self._ctx.call.body, self._ctx.header("content-encoding"))
        reply, updates, refused = Receiving(self._objects, self._refs, accept, say).run(body)
        return Pushed(serving.result("git-receive-pack", reply), tuple(updates), tuple(refused))

    # --- parts

    def _merges(self, base: str, head: str) -> bool:
        try:
            self.merged_tree(base, head)
        except Conflict:
            return False
        return True

    def _leaves(self, old: str, new: str) -> bool:
        before, after = (self.peel(sha) if sha != ZERO else None for sha in (old, new))
        return old != ZERO and (before is None or after is None or not self.contains(after, before))

    def _tree_of(self, sha: str | None) -> str | None:
        if sha is None or self._objects.kind(sha) == "tree":
            return sha
        return self.commit(sha).tree

    def _touched(self, commit: Commit, path: str) -> bool:
        """Whether a commit has something else at a path than each of its parents."""
        mine = self._trees.find(commit.tree, path)
        if not commit.parents:
            return mine is not None
        others = (self._trees.find(self.commit(parent).tree, path) for parent in commit.parents)
        return all((mine and (mine.mode, mine.sha)) != (one and (one.mode, one.sha)) for one in others)
