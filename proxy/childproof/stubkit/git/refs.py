"""The refs of a repository: entities of the stub's service, so that they show in what a call changed and in differences."""

from bisect import bisect_left, insort
from functools import cached_property

from dulwich.refs import check_ref_format

from childproof.world.transaction import Transaction

from .values import ZERO, GitError

KIND = "git_ref"
MOST = 20_000
LONGEST = 255  # bytes of a name


def valid(name: str) -> bool:
    """Whether a ref may be called so (git-check-ref-format), below `refs/`."""
    raw = name.encode("utf-8", "surrogateescape")
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return name.startswith("refs/") and name.count("/") >= 2 and len(raw) <= LONGEST and check_ref_format(raw)  # type: ignore[arg-type] # a new type of bytes


class Refs:
    """Names and the ids that they point at."""

    def __init__(self, tx: Transaction, service: str, repository: str) -> None:
        self._tx = tx
        self._service = service
        self._repository = repository

    @cached_property
    def all(self) -> dict[str, str]:
        """All refs, by name, sorted."""
        rows = self._tx.list(self._service, KIND, where={"repository": self._repository})
        return dict(sorted((row["ref"], row["sha"]) for row in rows))

    @cached_property
    def _sorted(self) -> list[str]:
        return list(self.all)

    def get(self, name: str) -> str | None:
        """What a ref points at; None where there is none."""
        row = self._tx.get(self._service, KIND, f"{self._repository} {name}")
        return None if row is None else str(row["sha"])

    def set(self, name: str, sha: str) -> None:
        """Let a ref point at an object; `ZERO` deletes it. Raises GitError for a name that can't be."""
        if sha == ZERO:
            self._tx.delete(self._service, KIND, f"{self._repository} {name}")
        else:
            wrong = "" if self.get(name) is not None else self.complaint(name)  # what is there may move
            if wrong:
                raise GitError(wrong)
            row = {"repository": self._repository, "ref": name, "sha": sha}
            self._tx.put(self._service, KIND, f"{self._repository} {name}", row)
        if "all" not in vars(self):
            return  # nobody has asked for them yet
        if sha != ZERO:
            if name not in self.all:
                insort(self._sorted, name)
            self.all[name] = sha
        elif name in self.all:
            del self._sorted[bisect_left(self._sorted, name)]
            del self.all[name]

    def complaint(self, name: str, without: frozenset[str] = frozenset()) -> str:
        """Why there can't be a ref of that name, in git's words; "" where there can. `without` are about to go."""
        if not valid(name):
            return "funny refname"
        known = self.all
        if name in known:
            return ""
        if len(known) >= MOST:
            return f"a repository has at most {MOST} refs"
        parts = name.split("/")
        for depth in range(3, len(parts)):
            above = "/".join(parts[:depth])
            if above in known and above not in without:
                return f"cannot lock ref '{name}': '{above}' exists; cannot create '{name}'"
        for place in range(bisect_left(self._sorted, f"{name}/"), len(self._sorted)):
            below = self._sorted[place]
            if not below.startswith(f"{name}/"):
                break
            if below not in without:
                return f"cannot lock ref '{name}': '{below}' exists; cannot create '{name}'"
        return ""
