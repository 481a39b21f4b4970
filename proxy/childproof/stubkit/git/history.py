"""Walking commits: logs, what is between two, what two have in common."""

import heapq
from collections.abc import Callable, Iterable, Iterator

from .parsing import read_commit
from .store import Objects, Recent
from .values import Commit, GitError

_known: Recent[Commit] = Recent(16 * 1024 * 1024)  # commits by id: the same in every world
_EACH_DEPTH = 200  # bytes
_depths: Recent[int] = Recent(16 * 1024 * 1024)  # by a commit's id, likewise
_ONE, _OTHER, _BELOW = 1, 2, 4
_BOTH = _ONE | _OTHER


class History:
    """The commits of a repository."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    def commit(self, sha: str) -> Commit:
        """A commit. Raises GitError where there is none."""
        known = _known.get(sha)
        if known is not None and sha in self._objects:
            return known
        data = self._objects.read(sha, "commit")
        found = read_commit(sha, data)
        _known.put(sha, found, 2 * len(data) + 400)
        return found

    def walk(self, starts: Iterable[str], without: frozenset[str] | set[str] = frozenset()) -> Iterator[Commit]:
        """Commits from the starts on, newest first and never one before its children where times allow; each once.

        Those of `without` and what is reached through them alone are left out.
        """
        waiting: list[tuple[int, int, Commit]] = []
        seen = set(without)
        for start in starts:
            if start not in seen:
                seen.add(start)
                heapq.heappush(waiting, self._ranked(start, len(seen)))
        while waiting:
            commit = heapq.heappop(waiting)[2]
            yield commit
            for parent in commit.parents:
                if parent not in seen:
                    seen.add(parent)
                    heapq.heappush(waiting, self._ranked(parent, len(seen)))

    def reached(self, starts: Iterable[str], cut: Callable[[str], bool] = lambda _: False) -> set[str]:
        """The ids of all commits that the starts lead to, themselves included; `cut` says whose parents don't count."""
        seen = set(starts)
        waiting = list(seen)
        while waiting:
            sha = waiting.pop()
            if cut(sha):
                continue
            for parent in self.commit(sha).parents:
                if parent not in seen:
                    seen.add(parent)
                    waiting.append(parent)
        return seen

    def contains(self, descendant: str, ancestor: str) -> bool:
        """Whether a commit is in another one's history, or it itself."""
        self.commit(descendant)
        lowest = self._depth(self.commit(ancestor).sha)
        seen, waiting = {descendant}, [descendant]
        while waiting:
            sha = waiting.pop()
            if sha == ancestor:
                return True
            for parent in self._linked(sha).parents:
                if parent not in seen and self._depth(parent) >= lowest:
                    seen.add(parent)
                    waiting.append(parent)
        return False

    def between(self, base: str, head: str) -> list[Commit]:
        """What is in the history of `head` and not in that of `base`, oldest first."""
        found = {sha for sha, sides in self._parted(head, base) if sides == _ONE}
        edge = {parent for sha in found for parent in self._linked(sha).parents} - found
        return self._ordered(list(self.walk([head] if head in found else [], edge)))

    def bases(self, one: str, other: str) -> list[str]:
        """The best common ancestors of two commits: none that is in the history of another one. Newest first."""
        common = {sha for sha, sides in self._parted(one, other) if sides == _BOTH}
        return sorted(common, key=lambda sha: (-self._linked(sha).committer.time, sha))

    def _parted(self, one: str, other: str) -> Iterator[tuple[str, int]]:
        """The commits of two histories down to where they meet, each after its children; whose each is, in bits.

        What both have is `_BOTH` where they meet, and `_BELOW`, too, further down: most of that isn't looked at.
        Raises GitError where one isn't there.
        """
        sides = {self.commit(one).sha: _ONE}
        sides[other] = sides.get(self.commit(other).sha, 0) | _OTHER
        waiting = [(-self._depth(sha), sha) for sha in sides]
        heapq.heapify(waiting)
        apart = len(waiting)  # how many that wait aren't below a common one
        while apart:
            sha = heapq.heappop(waiting)[1]
            mine = sides[sha]
            yield sha, mine
            apart -= not mine & _BELOW
            passed = mine | _BELOW if mine & _BOTH == _BOTH else mine
            for parent in self._linked(sha).parents:
                had = sides.get(parent)
                now = sides[parent] = (had or 0) | passed
                if had is None:
                    heapq.heappush(waiting, (-self._depth(parent), parent))
                apart += (not now & _BELOW) - (had is not None and not had & _BELOW)

    def _depth(self, sha: str) -> int:
        """How long the longest way to a first commit is: less for each parent, whatever the clocks said."""
        known = _depths.get(sha)
        if known is not None:
            return known
        found: dict[str, int] = {}
        stack = [sha]
        while stack:
            parents = self._linked(stack[-1]).parents
            depths = {parent: found.get(parent, _depths.get(parent)) for parent in parents}
            missing = [parent for parent, depth in depths.items() if depth is None]
            if missing:
                stack += missing
                continue
            last = stack.pop()
            found[last] = 1 + max((depth for depth in depths.values() if depth is not None), default=0)
            _depths.put(last, found[last], _EACH_DEPTH)
        return found[sha]

    def _linked(self, sha: str) -> Commit:
        """A commit that another one here leads to: it is here, too, since nothing is kept without what it refers to."""
        known = _known.get(sha)
        return known if known is not None else self.commit(sha)

    def _ranked(self, sha: str, number: int) -> tuple[int, int, Commit]:
        commit = self.commit(sha)
        return (-commit.committer.time, number, commit)

    @staticmethod
    def _ordered(commits: list[Commit]) -> list[Commit]:
        """Parents before children, the rest by time, oldest first."""
        known = {commit.sha: commit for commit in commits}
        done: dict[str, Commit] = {}
        for commit in reversed(commits):
            stack = [commit]
            while stack:
                last = stack[-1]
                missing = [known[one] for one in last.parents if one in known and one not in done]
                if missing and last.sha not in done:
                    stack += missing
                else:
                    done.setdefault(last.sha, stack.pop())
        return list(done.values())


def only(commits: list[str], what: str) -> str:
    """The one of them. Raises GitError where there is none."""
    if not commits:
        raise GitError(what)
    return commits[0]
