"""Walking commits: logs, what is between two, what two have in common."""

import heapq
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator

from .parsing import read_commit
from .store import Objects
from .values import Commit, GitError

_MOST = 20_000
_known: OrderedDict[str, Commit] = OrderedDict()  # commits by id: the same in every world


class History:
    """The commits of a repository."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    def commit(self, sha: str) -> Commit:
        """A commit. Raises GitError where there is none."""
        known = _known.get(sha)
        if known is not None and sha in self._objects:
            return known
        found = read_commit(sha, self._objects.read(sha, "commit"))
        _known[sha] = found
        if len(_known) > _MOST:
            _known.popitem(last=False)
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
        if descendant == ancestor:
            return True
        oldest = self.commit(ancestor).committer.time - 86_400  # clocks differ, by less than that
        seen, waiting = {descendant}, [descendant]
        late: list[str] = []
        while waiting or late:
            sha = waiting.pop() if waiting else late.pop()
            if sha == ancestor:
                return True
            for parent in self.commit(sha).parents:
                if parent not in seen:
                    seen.add(parent)
                    (waiting if self.commit(parent).committer.time >= oldest else late).append(parent)
        return False

    def between(self, base: str, head: str) -> list[Commit]:
        """What is in the history of `head` and not in that of `base`, oldest first."""
        found = list(self.walk([head], self.reached([base])))
        return self._ordered(found)

    def bases(self, one: str, other: str) -> list[str]:
        """The best common ancestors of two commits: none that is in the history of another one. Newest first."""
        if one == other:
            return [one]
        common = self.reached([one]) & self.reached([other])
        above = {parent for sha in common for parent in self.commit(sha).parents}
        return sorted(common - above, key=lambda sha: (-self.commit(sha).committer.time, sha))

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
