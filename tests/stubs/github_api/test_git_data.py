"""Git's objects and refs by the API: blobs, trees, commits, tags, refs; files changed one by one."""

import base64
import io
import json
import tarfile
import zipfile
from urllib.parse import urlsplit

import github
import pytest
from github.InputGitTreeElement import InputGitTreeElement
from github.Repository import Repository

from .conftest import Api


@pytest.fixture
def repo(client: github.Github) -> Repository:
    made = client.get_user().create_repo("work", auto_init=True)
    made.create_file("src/a.py", "a", "print(1)\nprint(2)\nprint(3)\n")
    made.create_file("src/deep/b.txt", "b", "bee\n")
    return made


def test_a_commit_made_of_blobs_and_trees_is_what_the_branch_shows(repo: Repository):
    """The way that programs commit: blob, tree on top of another, commit, ref; then everything agrees about it."""
    head = repo.get_branch("main").commit
    blob = repo.create_git_blob(base64.b64encode(b"\0\1binary").decode(), "base64")
    entries = [
        InputGitTreeElement("bin/data", "100755", "blob", sha=blob.sha),
        InputGitTreeElement("src/a.py", "100644", "blob", content="print(4)\n"),
        InputGitTreeElement("src/deep/b.txt", "100644", "blob", sha=None),
    ]
    tree = repo.create_git_tree(entries, repo.get_git_tree(head.sha))
    author = github.InputGitAuthor("Ada", "ada@example.com", "2026-01-05T10:00:00+02:00")
    made = repo.create_git_commit("By hand", tree, [repo.get_git_commit(head.sha)], author)
    repo.get_git_ref("heads/main").edit(made.sha)
    assert {entry.path for entry in repo.get_git_tree("main", recursive=True).tree if entry.type == "blob"} == {
        "README.md",
        "bin/data",
        "src/a.py",
    }
    shown = repo.get_commit("main")
    assert (shown.commit.author.name, shown.commit.author.date.isoformat()) == ("Ada", "2026-01-05T08:00:00+00:00")
    assert {file.filename: (file.status, file.additions, file.deletions) for file in shown.files} == {
        "bin/data": ("added", 0, 0),
        "src/a.py": ("modified", 1, 3),
        "src/deep/b.txt": ("removed", 0, 1),
    }
    assert shown.stats.total == 5
    assert repo.get_git_blob(blob.sha).content == "AAFiaW5hcnk=\n"


def test_object_ids_are_gits_own(repo: Repository):
    """What git would call a content is what the API calls it."""
    assert repo.create_git_blob("hello\n", "utf-8").sha == "ce013625030ba8dba906f756967f9e9ca394464a"


def test_files_are_changed_by_who_knows_what_is_in_them(repo: Repository, api: Api):
    """An update says which content it replaces: 409 where it is another one, 422 where it says nothing; nothing changes."""
    before = repo.get_branch("main").commit.sha
    known = repo.get_contents("src/a.py")
    assert known.decoded_content == b"print(1)\nprint(2)\nprint(3)\n"
    place = f"/repos/{repo.full_name}/contents/src/a.py"
    for given, status in (({"sha": "0" * 40}, 409), ({}, 422)):
        assert api.call("PUT", place, {"message": "m", "content": "eA==", **given}).status == status
    assert api.call("PUT", place, {"message": "m", "content": "*", "sha": known.sha}).status == 422
    assert repo.get_branch("main").commit.sha == before
    done = repo.update_file("src/a.py", "now", "print(5)\n", known.sha)
    assert repo.get_contents("src/a.py").sha == done["content"].sha
    assert repo.get_contents("src/a.py", ref=before).sha == known.sha
    repo.delete_file("src/deep/b.txt", "gone", repo.get_contents("src/deep/b.txt").sha)
    assert [entry.path for entry in repo.get_contents("src")] == ["src/a.py"]
    assert [entry.name for entry in repo.get_contents("")] == ["README.md", "src"]
    with pytest.raises(github.UnknownObjectException):
        repo.get_contents("src/deep")
    raw = api.call("GET", place, Accept="application/vnd.github.raw+json")
    assert raw.raw == b"print(5)\n"
    assert repo.get_readme().path == "README.md"


def test_refs_move_forward_and_back_only_by_force(repo: Repository, api: Api):
    """A ref is made, found by its beginning, moved and deleted; what isn't a fast forward needs `force`."""
    tip = repo.get_branch("main").commit
    made = repo.create_git_ref("refs/heads/feature/one", tip.parents[0].sha)
    assert {ref.ref for ref in repo.get_git_matching_refs("heads/feature")} == {"refs/heads/feature/one"}
    made.edit(tip.sha)
    with pytest.raises(github.GithubException, match="not a fast forward"):
        made.edit(tip.parents[0].sha)
    made.edit(tip.parents[0].sha, force=True)
    assert repo.get_branch("feature/one").commit.sha == tip.parents[0].sha
    for ref, sha, status in (
        ("refs/heads/main", tip.sha, 422),
        ("heads", tip.sha, 422),
        ("refs/heads/a..b", tip.sha, 422),
        ("refs/heads/main/x", tip.sha, 422),
        ("refs/heads/y", "0" * 39 + "1", 422),
    ):
        assert api.call("POST", f"/repos/{repo.full_name}/git/refs", {"ref": ref, "sha": sha}).status == status, ref
    made.delete()
    assert api.call("GET", f"/repos/{repo.full_name}/git/ref/heads/feature/one").status == 404
    assert len(api.get(f"/repos/{repo.full_name}/git/refs")) == 1
    assert "push" in api.told() or "push." in api.told()


def test_tags_stand_for_commits(repo: Repository, api: Api):
    """An annotated tag is an object with a ref at it; lists show the commit."""
    tip = repo.get_branch("main").commit.sha
    tag = repo.create_git_tag("v1", "First", tip, "commit")
    repo.create_git_ref("refs/tags/v1", tag.sha)
    assert repo.get_git_tag(tag.sha).object.sha == tip
    assert [(one.name, one.commit.sha) for one in repo.get_tags()] == [("v1", tip)]
    assert repo.get_commit("v1").sha == tip
    assert api.get(f"/repos/{repo.full_name}/git/ref/tags/v1")["object"]["type"] == "tag"


def test_commits_are_listed_by_path_person_and_time(repo: Repository, me: str, api: Api):
    """Newest first; those of a path, of somebody, before a time; as a diff and as a patch."""
    messages = [one.commit.message for one in repo.get_commits()]
    assert messages == ["b", "a", "Initial commit"]
    assert [one.commit.message for one in repo.get_commits(path="src/deep")] == ["b"]
    assert repo.get_commits(author=me).totalCount >= 2
    assert (
        next(one.commit.message for one in repo.get_commits(until=repo.get_commits()[1].commit.committer.date)) == "a"
    )
    place = f"/repos/{repo.full_name}/commits/main"
    assert api.call("GET", place, Accept="application/vnd.github.diff").raw.decode() == (
        "diff --git a/src/deep/b.txt b/src/deep/b.txt\nnew file mode 100644\nindex 0000000..2573000\n"
        "--- /dev/null\n+++ b/src/deep/b.txt\n@@ -0,0 +1 @@\n+bee\n"
    ).replace("2573000", repo.get_contents("src/deep/b.txt").sha[:7])
    assert b"Subject: [PATCH] b\n" in api.call("GET", place, Accept="application/vnd.github.patch").raw
    assert api.call("GET", place, Accept="application/vnd.github.sha").raw.decode() == repo.get_commits()[0].sha
    assert api.call("GET", f"/repos/{repo.full_name}/commits/nope").status == 422


def test_branches_are_compared_and_merged(repo: Repository, api: Api):
    """Both sides change other lines: one merge has both. Both change the same: 409, and nothing has moved."""
    base = repo.get_branch("main").commit.sha
    repo.create_git_ref("refs/heads/side", base)
    known = repo.get_contents("src/a.py").sha
    repo.update_file("src/a.py", "top", "print(0)\nprint(2)\nprint(3)\n", known)
    repo.update_file("src/a.py", "bottom", "print(1)\nprint(2)\nprint(9)\n", known, branch="side")
    seen = repo.compare("main", "side")
    assert (seen.status, seen.ahead_by, seen.behind_by, seen.merge_base_commit.sha) == ("diverged", 1, 1, base)
    assert [(file.filename, file.changes) for file in seen.files] == [("src/a.py", 2)]
    merged = repo.merge("main", "side", "Both")
    assert merged is not None
    assert repo.get_contents("src/a.py").decoded_content == b"print(0)\nprint(2)\nprint(9)\n"
    assert len(merged.parents) == 2
    assert repo.merge("main", "side") is None
    repo.update_file("src/a.py", "theirs", "print(7)\n", repo.get_contents("src/a.py", ref="side").sha, branch="side")
    before = repo.get_branch("main").commit.sha
    with pytest.raises(github.GithubException) as refused:
        repo.merge("main", "side")
    assert refused.value.status == 409
    assert repo.get_branch("main").commit.sha == before


def test_a_fork_has_the_history_and_catches_up(repo: Repository, others: list[str], other: github.Github):
    """A fork begins with its parent's commits, is compared with it, and is brought up to it."""
    fork = other.get_repo(repo.full_name).create_fork()
    assert fork.get_branch("main").commit.sha == repo.get_branch("main").commit.sha
    repo.create_file("more", "more", "more\n")
    assert repo.compare(f"{others[0]}:main", "main").ahead_by == 1
    done = fork.merge_upstream("main") if hasattr(fork, "merge_upstream") else None
    if done is not None:
        assert done.merge_type == "fast-forward"
        assert fork.get_branch("main").commit.sha == repo.get_branch("main").commit.sha


def test_protected_branches_refuse_force_and_deletion(
    repo: Repository, other: github.Github, others: list[str], api: Api
):
    """Rules hold for the API as they do for git; a rename takes them along."""
    tip = repo.get_branch("main").commit
    repo.create_git_ref("refs/heads/release", tip.sha)
    branch = repo.get_branch("release")
    branch.edit_protection(strict=True, contexts=["ci"], enforce_admins=True, required_approving_review_count=2)
    assert branch.get_protection().required_pull_request_reviews.required_approving_review_count == 2
    assert repo.get_branch("release").protected
    with pytest.raises(github.GithubException):
        repo.get_git_ref("heads/release").edit(tip.parents[0].sha, force=True)
    with pytest.raises(github.GithubException):
        repo.get_git_ref("heads/release").delete()
    assert repo.rename_branch("release", "stable")
    assert [one.name for one in repo.get_branches() if one.protected] == ["stable"]
    repo.get_branch("stable").remove_protection()
    repo.get_git_ref("heads/stable").delete()


def test_archives_and_raw_files_are_what_the_commit_holds(repo: Repository, api: Api, others: list[str]):
    """tarball and zipball lead to codeload; raw.githubusercontent.com has single files, of branches with slashes too."""
    repo.create_git_ref("refs/heads/feature/x", repo.get_branch("main").commit.sha)
    name = repo.full_name
    sent = api.call("GET", f"/repos/{name}/tarball/main")
    assert (sent.status, sent.headers["Location"]) == (
        302,
        f"https://codeload.github.com/{name}/legacy.tar.gz/refs/heads/main",
    )
    folder = f"{name.replace('/', '-')}-{repo.get_branch('main').commit.sha[:7]}"
    with tarfile.open(fileobj=io.BytesIO(api.call("GET", sent.headers["Location"]).raw)) as tar:
        assert f"{folder}/src/a.py" in tar.getnames()
    location = api.call("GET", f"https://github.com/{name}/archive/refs/heads/main.zip", key=None).headers["Location"]
    with zipfile.ZipFile(io.BytesIO(api.call("GET", location, key=None).raw)) as whole:
        assert whole.read("work-main/src/deep/b.txt") == b"bee\n"
    for branch in ("main", "feature/x", "refs/heads/feature/x"):
        reply = api.call("GET", f"https://raw.githubusercontent.com/{name}/{branch}/src/deep/b.txt", key=None)
        assert (reply.status, reply.raw) == (200, b"bee\n"), branch
    assert api.call("GET", f"https://raw.githubusercontent.com/{name}/main/nope", key=None).status == 404
    repo.edit(private=True)
    private = api.call("GET", f"/repos/{name}/zipball/main").headers["Location"]
    assert api.call("GET", private, key=None).status == 200
    assert api.call("GET", f"https://codeload.github.com{urlsplit(private).path}", key=None).status == 404


def test_an_empty_repository_says_so(client: github.Github, api: Api):
    """Nothing was pushed: 409 of git data, 404 of contents, no branches; the first file makes the first commit."""
    repo = client.get_user().create_repo("empty")
    place = f"/repos/{repo.full_name}"
    assert api.call("GET", f"{place}/commits").status == 409
    assert api.call("GET", f"{place}/contents/").status == 404
    assert api.get(f"{place}/branches") == []
    repo.create_file("a/b", "first", "x")
    assert repo.get_branch("main").commit.commit.message == "first"


def test_statistics_count_commits(repo: Repository, api: Api):
    """Weeks, days and lines of the default branch's commits."""
    place = f"/repos/{repo.full_name}"
    assert sum(api.get(f"{place}/stats/participation")["all"]) == 3
    assert sum(week["total"] for week in api.get(f"{place}/stats/commit_activity")) == 3
    assert sum(row[2] for row in api.get(f"{place}/stats/punch_card")) == 3
    assert [row[1:] for row in api.get(f"{place}/stats/code_frequency")] == [[5, 0]]


def test_json_is_read_whatever_curl_calls_it(repo: Repository, api: Api):
    """`curl -d '{…}'` without a header says that it sends a form, and GitHub reads JSON."""
    body = json.dumps({"content": "hello\n"}).encode()
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    assert api.call("POST", f"/repos/{repo.full_name}/git/blobs", body, **kind).status == 201
