"""Who may clone and push, and what git shows to who may not."""

import base64

import github
import pytest

from .conftest import Api, Reply


def ask(api: Api, repo: str, service: str = "git-upload-pack", user: str = "") -> Reply:
    """The first thing that git asks, as somebody: `name:password`."""
    basic = {"Authorization": f"Basic {base64.b64encode(user.encode()).decode()}"} if user else {}
    return api.call("GET", f"https://github.com/{repo}.git/info/refs?service={service}", key=None, **basic)


def test_a_private_repository_asks_for_a_token(client: github.Github, api: Api, others: list[str]):
    """Nobody: 401, so that git asks its helper. A password: 401. Somebody who may not see it: as if it weren't there."""
    name = client.get_user().create_repo("secret", private=True, auto_init=True).full_name
    nobody = ask(api, name)
    assert (nobody.status, nobody.headers["WWW-Authenticate"]) == (401, 'Basic realm="GitHub"')
    assert ask(api, name, user="jenny:hunter2").status == 401
    stranger = ask(api, name, user=f"x:ghp_as_{others[0]}")
    assert (stranger.status, stranger.raw) == (404, b"Repository not found.\n")
    assert stranger.raw == ask(api, "nobody/nothing", user="x:ghp_childproof").raw
    for user in ("x:ghp_childproof", "ghp_childproof:", "ghp_childproof:x-oauth-basic"):
        assert ask(api, name, user=user).raw.startswith(b"001e# service=git-upload-pack\n0000"), user
    assert api.call("GET", f"https://github.com/{name}/info/refs?service=git-upload-pack").status == 200


@pytest.mark.parametrize("archived", [False, True])
def test_a_public_one_may_be_read_by_everybody_and_written_by_some(
    client: github.Github, api: Api, others: list[str], *, archived: bool
):
    """403 for who may not write, in words that git shows; nobody writes to an archive."""
    repo = client.get_user().create_repo("open", auto_init=True)
    repo.add_to_collaborators(others[1], "push")
    for invitation in api.call("GET", "/user/repository_invitations", key=f"ghp_as_{others[1]}").body:
        api.call("PATCH", f"/user/repository_invitations/{invitation['id']}", key=f"ghp_as_{others[1]}")
    repo.edit(archived=archived)
    assert ask(api, repo.full_name).status == 200
    assert ask(api, repo.full_name, "git-receive-pack").status == 401
    stranger = ask(api, repo.full_name, "git-receive-pack", f"{others[0]}:ghp_childproof")
    said = "This repository was archived" if archived else f"Permission to {repo.full_name}.git denied to {others[0]}."
    assert (stranger.status, stranger.raw.decode().startswith(said)) == (403, True)
    assert ask(api, repo.full_name, "git-receive-pack", f"x:ghp_as_{others[1]}").status == (403 if archived else 200)


def test_what_is_no_git_is_told_so(client: github.Github, api: Api):
    """Clients of the old protocol, services that there aren't, bodies that are none."""
    name = client.get_user().create_repo("odd").full_name
    assert api.call("GET", f"https://github.com/{name}/info/refs").raw == b"Please upgrade your git client.\n"
    assert ask(api, name, "git-upload-archive", "x:ghp_childproof").status == 403
    place = f"https://github.com/{name}.git/git-receive-pack"
    kind = {"Content-Type": "application/x-git-receive-pack-request"}
    assert api.call("POST", place, b"nonsense", **kind).raw[4:8] == b"ERR "
    assert api.call("POST", place, b"nonsense", Content_Encoding="gzip", **kind).status == 400
    assert api.call("POST", place, b"0000", **kind).raw == b""
    assert api.told() == ["repository.created"]


@pytest.mark.parametrize(
    ("branch", "told"),
    [
        ("v1", b"error: GH006: Protected branch update failed for refs/heads/v1.\n\n- Cannot delete this branch\n"),
        ("main", b"error: refusing to delete the current branch: refs/heads/main\n"),
    ],
)
def test_whoever_pushes_what_is_declined_is_told_why(client: github.Github, api: Api, branch: str, told: bytes):
    """As git shows it (`remote: …`), besides the ref's own word; the ref stays."""
    repo = client.get_user().create_repo("shop", auto_init=True)
    sha = repo.get_branch("main").commit.sha
    repo.create_git_ref("refs/heads/v1", sha)
    repo.get_branch("v1").edit_protection(enforce_admins=True)
    command = f"{sha} {'0' * 40} refs/heads/{branch}\0report-status side-band-64k".encode()
    pushed = api.call(
        "POST",
        f"https://github.com/{repo.full_name}/git-receive-pack",
        b"%04x%s0000" % (len(command) + 4, command),
        **{"Content-Type": "application/x-git-receive-pack-request"},
    )
    assert b"\x02" + told in pushed.raw
    assert b"ng refs/heads/" + branch.encode() in pushed.raw
    assert repo.get_branch(branch).commit.sha == sha
