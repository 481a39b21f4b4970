"""Histories, differences and merges of repositories, against git itself where it can be asked."""

import random
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from childproof.stubkit import git
from childproof.stubkit.git import lines
from tests.unit.stubkit.git.gits import WHO, Hosting, hosted

FILE = 0o100644


@pytest.fixture
def hosting() -> Iterator[Hosting]:
    yield from hosted(":memory:")


@pytest.fixture
def repo(hosting: Hosting) -> Iterator["git.Repository"]:
    with hosting.repository() as made:
        yield made


def commit(repo: "git.Repository", parents: list[str], **files: str | None) -> str:
    """A commit that has other files than its first parent; `__` is a slash in their names."""
    changes = {
        name.replace("__", "/"): None if text is None else git.Entry(name, FILE, repo.write_blob(text.encode()))
        for name, text in files.items()
    }
    tree = repo.write_tree(changes, repo.commit(parents[0]).tree) if parents else repo.write_tree(changes)
    time = repo.commit(parents[0]).author.time + 60 if parents else WHO.time
    return repo.write_commit(tree, parents, git.Identity("Ada", "ada@example.com", time), "c")


def text(repo: "git.Repository", sha: str, path: str) -> str | None:
    found = repo.find(repo.commit(sha).tree, path)
    return None if found is None else repo.blob(found.sha).decode()


def numbered(*changed: int, word: str = "x") -> str:
    return "".join(f"{word if number in changed else number}\n" for number in range(20))


def test_both_sides_of_a_merge_are_kept(repo: "git.Repository") -> None:
    """Other lines of a file, other files, files that went: what each side did is in the merge."""
    base = commit(repo, [], a=numbered(), gone="g", d__b="b\n")
    ours = commit(repo, [base], a=numbered(2), mine="m")
    theirs = commit(repo, [base], a=numbered(15), gone=None, d__new="n")
    merged = repo.merge(ours, theirs, WHO, "both")
    assert text(repo, merged, "a") == numbered(2, 15)
    assert [entry.path for entry in repo.walk(repo.commit(merged).tree)] == ["a", "d/b", "d/new", "mine"]
    assert repo.merge_base(ours, theirs) == base
    assert repo.mergeable(ours, theirs)
    assert repo.contains(merged, theirs)
    assert not repo.contains(theirs, merged)


@pytest.mark.parametrize(
    ("ours", "theirs", "wrong"),
    [
        ({"a": numbered(2)}, {"a": numbered(2, word="y")}, ("a",)),
        ({"a": numbered(2)}, {"a": numbered(3)}, ("a",)),
        ({"a": None}, {"a": numbered(3)}, ("a",)),
        ({"new": "1"}, {"new": "2"}, ("new",)),
        ({"p": "file"}, {"p__q": "below"}, ("p/q",)),
        ({"p__q": "below"}, {"p": "file"}, ("p",)),
        ({"a": "\0one"}, {"a": "\0two"}, ("a",)),
    ],
)
def test_sides_that_contradict_conflict_and_leave_nothing(
    repo: "git.Repository", ours: dict[str, str | None], theirs: dict[str, str | None], wrong: tuple[str, ...]
) -> None:
    """The same place otherwise, one side without what the other changed, a file where the other has a folder."""
    base = commit(repo, [], a=numbered())
    one, other = commit(repo, [base], **ours), commit(repo, [base], **theirs)
    with pytest.raises(git.Conflict) as conflict:
        repo.merge(one, other, WHO, "both")
    assert conflict.value.paths == wrong
    assert not repo.mergeable(one, other)


def test_what_both_did_alike_is_no_conflict(repo: "git.Repository") -> None:
    """The same change on both sides, a file replaced by a folder on one."""
    base = commit(repo, [], a=numbered(), p="file")
    one = commit(repo, [base], a=numbered(2, 9), p=None)
    other = commit(repo, [commit(repo, [base], p=None)], a=numbered(2), p__q="below")
    merged = repo.squash(one, other, WHO, "squashed")
    assert (text(repo, merged, "a"), text(repo, merged, "p/q")) == (numbered(2, 9), "below")
    assert repo.commit(merged).parents == (one,)


def test_a_rebase_makes_each_commit_again(repo: "git.Repository") -> None:
    """In order, by their authors, without the merges; on top of what they are put on."""
    base = commit(repo, [], a=numbered())
    main = commit(repo, [base], a=numbered(1))
    first = commit(repo, [base], a=numbered(10))
    second = commit(repo, [repo.merge(first, main, WHO, "catch up")], b="b")
    tip = repo.rebase(main, second, git.Identity("Bob", "bob@example.com", WHO.time + 999))
    made = repo.between(main, tip)
    assert len(made) == 2
    assert made[0].parents == (main,)
    assert {(one.author.name, one.committer.name) for one in made} == {("Ada", "Bob")}
    assert (text(repo, tip, "a"), text(repo, tip, "b")) == (numbered(1, 10), "b")


def test_histories_that_cross_have_more_than_one_base(repo: "git.Repository") -> None:
    """Commits are walked children first, and what one side has is told from what both have."""
    base = commit(repo, [], a="1")
    left, right = commit(repo, [base], left="1"), commit(repo, [base], right="1")
    one, other = commit(repo, [left, right], one="1"), commit(repo, [right, left], other="1")
    assert repo.merge_base(one, other) in {left, right}
    assert {found.sha for found in repo.between(other, one)} == {one}
    assert next(found.sha for found in repo.log(one)) == one
    assert {found.sha for found in repo.log(one, "left")} == {left}
    assert len(list(repo.log(one))) == 4


def test_what_two_histories_have_is_told_whatever_their_shape_and_clocks(repo: "git.Repository") -> None:
    """Random histories with merges and times that jump: as by the sets of all that each commit leads to."""
    dice = random.Random(6)
    tree = repo.write_tree({})
    leads: dict[str, set[str]] = {}
    for number in range(60):
        known = list(leads)
        parents = dice.sample(known[-6:], min(len(known), dice.choice((0, 1, 1, 1, 2))))
        who = git.Identity("Ada", "ada@example.com", WHO.time + dice.randrange(-1000, 1000))
        sha = repo.write_commit(tree, parents, who, f"{number}")
        leads[sha] = {sha}.union(*(leads[parent] for parent in parents))
    for _ in range(300):
        one, other = dice.choices(list(leads), k=2)
        common = leads[one] & leads[other]
        best = {sha for sha in common if not any(sha in leads[above] for above in common - {sha})}
        assert repo.merge_base(one, other) in (best or {None})
        between = [found.sha for found in repo.between(one, other)]
        assert len(between) == len(set(between))
        assert set(between) == leads[other] - leads[one]
        assert all(sha not in leads[before] for place, sha in enumerate(between) for before in between[:place])
        assert repo.contains(one, other) == (other in leads[one])


def test_a_rename_is_told_as_one(repo: "git.Repository") -> None:
    """The same content, or nearly, under another name."""
    base = commit(repo, [], old=numbered() * 5, same="s\n")
    moved = commit(repo, [base], old=None, d__new=numbered() * 5 + "more\n")
    (change,) = repo.changes(moved)
    assert (change.status, change.previous, change.path) == ("renamed", "old", "d/new")
    assert (change.additions, change.deletions) == (1, 0)


def test_patches_are_such_that_git_applies_them(repo: "git.Repository", tmp_path: Path) -> None:
    """Random changes of random files: `git apply` makes of the old files what the new ones are."""
    dice = random.Random(3)

    def some(text: str | None) -> str | None:
        if dice.random() < 0.15:
            return None
        made = (text or "").splitlines(keepends=True)
        for _ in range(dice.randrange(6)):
            place = dice.randrange(len(made) + 1)
            made[place : place + dice.randrange(3)] = [f"{dice.randrange(9)}\n"] * dice.randrange(4)
        end = "" if dice.random() < 0.8 else "no end"
        return "".join(made) + end if made or end else "x\n"

    for _ in range(12):
        old = {f"f{number}": some("".join(f"{dice.randrange(9)}\n" for _ in range(40))) or "x\n" for number in range(4)}
        new = {name: some(content) for name, content in old.items()} | {"d/new": "n\n"}
        base = commit(repo, [], **old)
        made = commit(repo, [base], **{name.replace("/", "__"): content for name, content in new.items()})
        folder = tmp_path / made
        folder.mkdir()
        for name, content in old.items():
            (folder / name).write_text(content)
        patch = repo.unified(repo.changes(made))
        subprocess.run(["git", "apply", "--whitespace=nowarn", "-"], cwd=folder, input=patch.encode(), check=True)
        found = {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}
        assert found == {name: content for name, content in new.items() if content is not None}


def test_texts_without_end_take_no_time() -> None:
    """What would take the square of their length is told as replaced, which is right as well."""
    a, b = [b"a\n", b"b\n"] * 20_000, [b"b\n", b"a\n"] * 20_000
    assert lines.changed(a, b) == [(0, 40_000, 0, 40_000)]
    assert lines.changed([*a, b"x"], [*a, b"y"]) == [(40_000, 40_001, 40_000, 40_001)]
    a, b = [b"%d" % (at % 10) for at in range(1900)], [b"%d" % (at * 7 % 10) for at in range(1900)]
    assert len(lines.changed(a, b)) == 1


def test_one_file_that_became_two_is_renamed_once(repo: "git.Repository") -> None:
    """The other one is new."""
    one = commit(repo, [], a=numbered())
    two = commit(repo, [one], a=None, b=numbered(3), c=numbered(4))
    assert sorted((change.status, change.path) for change in repo.changes(two)) == [("added", "c"), ("renamed", "b")]


def test_names_stand_for_commits(repo: "git.Repository") -> None:
    """Branches before tags, refs, ids, the beginnings of ids; a tag of a tag for what it is of."""
    one = commit(repo, [], a="1")
    two = commit(repo, [one], a="2")
    repo.set_ref("refs/heads/main", two)
    tag = repo.write_tag(one, "v1", WHO, "m")
    repo.set_ref("refs/tags/v1", repo.write_tag(tag, "v1", WHO, "again"))
    assert [repo.resolve(name) for name in ("", "main", "heads/main", "v1", one, two[:9], "nope", "0000")] == [
        two, two, two, one, one, two, None, None,
    ]  # fmt: skip
    assert repo.set_ref("refs/heads/main", one).forced
    with pytest.raises(git.GitError):
        repo.set_ref("refs/heads/x", repo.commit(one).tree)
    with pytest.raises(git.GitError):
        repo.write_commit("1" * 40, [], WHO, "of nothing")
    with pytest.raises(git.GitError):
        repo.write_tree({"a/../b": None, ".git/x": git.Entry("", FILE, one)})
