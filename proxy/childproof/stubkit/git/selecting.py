"""Which objects a client lacks: from what it wants and what it has."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from .history import History
from .parsing import read_tag
from .store import Objects
from .trees import Trees
from .values import FOLDER, SUBMODULE


@dataclass
class Asked:
    """What a client wants, and how much of the past."""

    wants: dict[str, None] = field(default_factory=dict)  # each once, in their order
    capabilities: frozenset[str] = frozenset()
    shallow: set[str] = field(default_factory=set)  # commits whose parents the client lacks
    depth: int = 0
    since: int = 0
    beyond: list[str] = field(default_factory=list)  # refs whose history is left out
    largest: int | None = None  # bytes of blobs, where larger ones are left out


class Selecting:
    """Walks the objects of a repository."""

    def __init__(self, objects: Objects, history: History, refs: dict[str, str]) -> None:
        self._objects = objects
        self._history = history
        self._trees = Trees(objects)
        self._refs = refs

    def commits(self, names: Iterable[str]) -> list[str]:
        """The commits that objects stand for; tags are followed."""
        found = []
        for name in names:
            sha, kind = name, self._objects.kind(name)
            for _ in range(20):
                if kind != "tag":
                    break
                tag = read_tag(sha, self._objects.read(sha, "tag"))
                sha, kind = tag.object, tag.kind
            if kind == "commit":
                found.append(sha)
        return found

    def missing(self, asked: Asked, cut: set[str], common: list[str]) -> list[str]:
        """The ids of all that the client lacks: commits, then what is in them, each once."""
        had = self._history.reached(common, asked.shallow.__contains__)
        # Commits whose parents the client lacked until now, and is to have.
        deepened = (sha for sha in asked.shallow - cut if sha in had)
        starts = [*self.commits(asked.wants), *(one for sha in deepened for one in self._history.commit(sha).parents)]
        commits, edges = self._lacking(starts, had, cut)
        known: set[str] = set()
        for sha in edges.union(common):
            self._collect(self._history.commit(sha).tree, known, None)
        out: dict[str, None] = dict.fromkeys(self._tags(asked, set(commits)))
        out.update(dict.fromkeys(commits))
        for sha in commits:
            self._collect(self._history.commit(sha).tree, known, out, asked.largest)
        for sha in asked.wants:
            kind = self._objects.kind(sha)
            if kind == "tree":
                self._collect(sha, known, out, asked.largest)
            elif kind == "blob":
                out[sha] = None
        return list(out)

    def _lacking(self, starts: list[str], had: set[str], cut: set[str]) -> tuple[list[str], set[str]]:
        """Commits from the starts on that aren't there, and those that are and are parents of some."""
        commits: list[str] = []
        edges: set[str] = set()
        seen = set(had)
        waiting = list(dict.fromkeys(sha for sha in starts if sha not in seen))
        seen.update(waiting)
        while waiting:
            sha = waiting.pop()
            commits.append(sha)
            for parent in () if sha in cut else self._history.commit(sha).parents:
                if parent in had:
                    edges.add(parent)
                elif parent not in seen:
                    seen.add(parent)
                    waiting.append(parent)
        return commits, edges

    def _tags(self, asked: Asked, commits: set[str]) -> Iterator[str]:
        """Tag objects that were asked for, or come along with what they point at."""
        wanted = set(asked.wants)
        others = set(self._refs.values()) if "include-tag" in asked.capabilities else set()
        for name in (*asked.wants, *sorted(others - wanted)):
            sha = name
            for _ in range(20):
                if self._objects.kind(sha) != "tag":
                    break
                target = read_tag(sha, self._objects.read(sha, "tag")).object
                if name in wanted or target in commits:
                    yield sha
                sha = target

    def _collect(self, tree: str, known: set[str], out: dict[str, None] | None, largest: int | None = None) -> None:
        """Add a tree and all below it that isn't known."""
        waiting = [tree]
        while waiting:
            sha = waiting.pop()
            if sha in known:
                continue
            known.add(sha)
            if out is not None:
                out[sha] = None
            for entry in self._trees.read(sha):
                if entry.sha in known or entry.mode == SUBMODULE:
                    continue
                if entry.mode == FOLDER:
                    waiting.append(entry.sha)
                    continue
                known.add(entry.sha)
                if out is not None and (largest is None or self._objects.size(entry.sha) <= largest):
                    out[entry.sha] = None
