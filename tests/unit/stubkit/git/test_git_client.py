"""Git itself clones, fetches and pushes repositories that are nothing but rows of a world."""

import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from childproof.model import Call
from childproof.stubkit.entity import Response
from childproof.stubkit.git import Update, store
from tests.unit.stubkit.git.gits import Git, Hosting, hosted, serving

GUIDE = Path(__file__).parents[4] / "docs" / "mechanisms.md"


@pytest.fixture
def hosting(tmp_path: Path) -> Iterator[Hosting]:
    yield from hosted(str(tmp_path / "worlds.db"))


@pytest.fixture
def git(hosting: Hosting, tmp_path: Path) -> Iterator[Git]:
    with serving(hosting) as url:
        (tmp_path / "w").mkdir()
        made = Git(tmp_path, url)
        made("init", "-q", "-b", "main", "w")
        made("remote", "add", "origin", url, within="w")
        yield made


def forget() -> None:
    """As a process does that has just begun."""
    store._packs._held.clear()
    store._objects._held.clear()


def test_what_is_pushed_is_what_is_cloned(git: Git, hosting: Hosting, tmp_path: Path) -> None:
    """Files, modes, links, names, history, tags: all of it, with git's own ids; also for a process that begins anew."""
    dice = random.Random(1)
    big = "".join(f"{dice.random()}\n" for _ in range(3_000))
    git.commit("w", "one", a="a\n", deep__er__b="b\n", big=big, **{"with space": "s"})
    (tmp_path / "w" / "run").write_text("#!/bin/sh\n")
    (tmp_path / "w" / "run").chmod(0o755)
    (tmp_path / "w" / "link").symlink_to("a")
    (tmp_path / "w" / "b\udcffytes").write_bytes(b"\0\xff")
    git.commit("w", "two: ümläut")
    git("tag", "-a", "v1", "-m", "First", within="w")
    git("tag", "light", within="w")
    git("repack", "-q", "-adf", "--depth=50", within="w")
    assert "remote: took 1" in git("push", "-u", "origin", "main", within="w")
    git.commit("w", "three", big=big.replace("0.5", "0.6"))
    said = git("push", "--tags", "origin", "main", within="w")  # a thin pack: the big file as a difference
    assert "[new tag]" in said
    forget()
    git("clone", "-q", git.url, "c")
    git("fsck", "--strict", within="c")
    assert git("ls-tree", "-r", "HEAD", within="c") == git("ls-tree", "-r", "HEAD", within="w")
    assert git("log", "--format=%H %s", within="c") == git("log", "--format=%H %s", within="w")
    assert git("show-ref", "--tags", "-d", within="c") == git("show-ref", "--tags", "-d", within="w")
    with hosting.repository() as repo:
        head = repo.resolve("HEAD")
        assert head == git("rev-parse", "HEAD", within="w").strip()
        assert [commit.message.strip() for commit in repo.log(head)] == ["three", "two: ümläut", "one"]
        assert repo.blob(repo.find(repo.commit(head).tree, "deep/er/b").sha) == b"b\n"


def test_a_fetch_brings_what_is_new_and_refused_pushes_leave_nothing(git: Git, hosting: Hosting) -> None:
    """Two clones of one branch: the later one is refused, fetches, and then may push; force goes over both."""
    git.commit("w", a="1\n")
    git("push", "-q", "origin", "main", within="w")
    git("clone", "-q", git.url, "c")
    git.commit("w", a="2\n")
    git("push", "-q", "origin", "main", within="w")
    git.commit("c", b="2\n")
    before = hosting.rows(), git("ls-remote", git.url)
    assert "fetch first" in git("push", "origin", "main", within="c", ok=False)
    assert (hosting.rows(), git("ls-remote", git.url)) == before
    git("pull", "-q", "--rebase", "origin", "main", within="c")
    git("push", "-q", "origin", "main", within="c")
    git("commit", "-q", "--amend", "-m", "otherwise", within="w")
    git("push", "-q", "--force", "origin", "main", within="w")
    assert [update.forced for made in hosting.pushed for update in made.updates] == [False, False, False, True]
    git("push", "-q", "origin", "main:feature/x", within="w")
    git("push", "-q", "origin", "--delete", "feature/x", within="w")
    assert "cannot lock ref" in git("push", "origin", "main:main/x", within="w", ok=False)
    git("fetch", "-q", "--prune", within="c")
    assert git("rev-parse", "origin/main", within="c") == git("rev-parse", "main", within="w")


def test_some_of_a_push_may_be_refused_and_none_of_an_atomic_one_is_done(git: Git, hosting: Hosting) -> None:
    """Each ref is asked about; git shows why not. With --atomic one refusal is everybody's."""
    hosting.accept = lambda update: "protected branch hook declined" if update.ref == "refs/heads/main" else ""
    git.commit("w", a="1\n")
    said = git("push", "--atomic", "origin", "main", "main:side", within="w", ok=False)
    assert "protected branch hook declined" in said
    assert "atomic push failure" in said
    assert hosting.rows() == []
    git("push", "origin", "main", "main:side", within="w", ok=False)
    assert git("ls-remote", git.url).split()[1] == "refs/heads/side"
    assert hosting.pushed[-1].refused == (("refs/heads/main", "protected branch hook declined"),)
    assert isinstance(hosting.pushed[-1].updates[0], Update)


def test_the_past_is_fetched_as_far_as_it_is_asked_for(git: Git) -> None:
    """Shallow, deepened, since a time, to the end; and clones that get their files when they need them."""
    for number in range(6):
        git.commit("w", f"c{number}", a=f"{number}\n", **{f"f{number}": f"{number}\n" * 100})
    git("push", "-q", "origin", "main", within="w")
    git("clone", "-q", "--depth=2", git.url, "c")
    count = ("rev-list", "--count", "HEAD")
    assert git(*count, within="c").strip() == "2"
    git("fetch", "-q", "--deepen=2", within="c")
    assert git(*count, within="c").strip() == "4"
    git.commit("w", "c6", a="6\n")
    git("push", "-q", "origin", "main", within="w")
    git("pull", "-q", within="c")
    assert git(*count, within="c").strip() == "5"
    git.commit("c", "from a shallow clone", z="z\n")
    git("push", "-q", "origin", "main", within="c")
    git("fetch", "-q", "--unshallow", within="c")
    assert git(*count, within="c").strip() == "8"
    git("fsck", "--strict", within="c")
    git("clone", "-q", "--filter=blob:none", git.url, "p")
    assert "fatal" not in git("log", "-p", "--stat", within="p")
    git("fetch", "-q", "--depth=1", git.url, git("rev-parse", "HEAD~3", within="c").strip(), within="w")


def test_a_fork_of_the_world_keeps_its_repositories_to_itself(git: Git, hosting: Hosting) -> None:
    """What is pushed after a fork is in one world only, and costs no copy of what was there before."""
    git.commit("w", a="1\n")
    git("push", "-q", "origin", "main", within="w")
    first = git("ls-remote", git.url)
    hosting.store.fork("main", "other")
    git.commit("w", a="2\n")
    git("push", "-q", "origin", "main", within="w")
    second = git("ls-remote", git.url)
    hosting.world = "other"
    forget()
    assert git("ls-remote", git.url) == first != second
    git("clone", "-q", git.url, "c")
    assert git("show", "HEAD:a", within="c") == "1\n"
    git("push", "-q", "origin", "main:mine", within="w")
    hosting.world = "main"
    assert "mine" not in git("ls-remote", git.url)


def test_the_example_of_the_guide_serves_git(git: Git, hosting: Hosting) -> None:
    """docs/mechanisms.md: a file is written by the stub, git clones it and pushes, and may not take the branch back."""
    (example,) = re.findall(r"^```python git\n(.*?)^```$", GUIDE.read_text(), re.MULTILINE | re.DOTALL)
    stub: dict[str, Any] = {}
    exec(example, stub)

    def answer(call: Call) -> Response:
        rest = call.path.removeprefix("/r/")
        name = {"info/refs": "refs", "git-upload-pack": "fetch", "git-receive-pack": "push"}[rest]
        with hosting.context(call) as ctx:
            made: Response = stub[name](ctx, "r")
            return made

    hosting.answering = answer
    with hosting.context() as ctx:
        stub["write"](ctx, "r", "docs/a", "hello\n")
    git("clone", "-q", git.url, "c")
    assert git("show", "HEAD:docs/a", within="c") == "hello\n"
    git.commit("c", b="b")
    git("push", "-q", within="c")
    git("commit", "-q", "--amend", "-m", "otherwise", within="c")
    assert "main never goes back" in git("push", "--force", within="c", ok=False)
