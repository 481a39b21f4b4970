"""How GitHub speaks: tokens, errors, pages, tags, limits and media types."""

import base64

import github
import pytest

from .conftest import Api, hub


def test_a_wrong_token_and_none(api: Api, client: github.Github):
    """PyGithub's own exceptions for both, and public things without a token."""
    with pytest.raises(github.BadCredentialsException) as caught:
        hub("nonsense").get_user().login  # noqa: B018 - the property makes the call
    assert caught.value.data["message"] == "Bad credentials"
    anonymous = github.Github(seconds_between_requests=0, retry=None)
    assert anonymous.get_repo("octo-org/hello-world").permissions.pull
    client.get_organization("octo-org").create_repo("secret", private=True)
    with pytest.raises(github.UnknownObjectException):
        anonymous.get_repo("octo-org/secret")
    assert api.call("GET", "/user", key=None).body["message"] == "Requires authentication"


def test_broken_bodies(api: Api, me: str):
    """What is no JSON, what is no object, what is missing: as GitHub says it, and nothing is made."""
    assert api.call("POST", "/user/repos", b"{").body["message"] == "Problems parsing JSON"
    assert api.call("POST", "/user/repos", b"{").status == 400
    assert api.call("POST", "/user/repos", []).status == 400
    refused = api.call("POST", "/user/repos", {"description": "nameless"})
    assert (refused.status, refused.body["status"]) == (422, "422")
    assert refused.body["message"].endswith('"name" wasn\'t supplied.')
    assert api.get(f"/users/{me}/repos") == []


def test_pages(api: Api, client: github.Github):
    """PyGithub goes from page to page by the Link header, whose last page is right."""
    for number in range(5):
        client.get_user().create_repo(f"repo-{number}")
    reply = api.call("GET", "/user/repos?per_page=2&page=2&type=owner")
    links = {part.split('"')[1]: part.partition(">")[0].lstrip(" <") for part in reply.headers["Link"].split(",")}
    assert set(links) == {"first", "prev", "next", "last"}
    assert "page=3" in links["last"]
    assert links["next"].startswith("https://api.github.com/user/repos?")
    pages = (
        github.Github(auth=github.Auth.Token("ghp_childproof"), per_page=2, seconds_between_requests=0)
        .get_user()
        .get_repos(type="owner")
    )
    assert [one.name for one in pages] == [f"repo-{number}" for number in range(5)]
    assert client.get_organization("octo-org").get_members().totalCount == 5


def test_what_is_known_is_not_sent_again_and_costs_nothing(api: Api, client: github.Github):
    """304 for a tag that still holds, free of the limit; the whole thing once it has changed."""
    first = api.call("GET", "/repos/octo-org/hello-world")
    tag = first.headers["ETag"]
    again = api.call("GET", "/repos/octo-org/hello-world", If_None_Match=tag)
    assert (again.status, again.raw) == (304, b"")
    assert again.headers["X-RateLimit-Remaining"] == first.headers["X-RateLimit-Remaining"]
    client.get_repo("octo-org/hello-world").edit(description="Other")
    assert api.call("GET", "/repos/octo-org/hello-world", If_None_Match=tag).status == 200


def test_limits(client: github.Github):
    """PyGithub reads what is left."""
    before = client.get_rate_limit().resources.core
    client.get_user().login  # noqa: B018 - the property makes the call
    after = client.get_rate_limit().resources.core
    assert (before.limit, after.used) == (5000, before.used + 1)
    assert client.rate_limiting == (after.remaining, 5000)


def test_an_identity_of_ones_own(api: Api, others: list[str]):
    """Basic authentication with somebody's login is that person, as is the token that names one."""
    given = base64.b64encode(f"{others[1]}:ghp_secret123".encode()).decode()
    assert api.get("/user", Authorization=f"Basic {given}")["login"] == others[1]
    assert hub(f"ghp_as_{others[1]}").get_user().login == others[1]


def test_what_no_code_was_written_for_is_kept_by_repository(api: Api, client: github.Github):
    """Deploy keys of one repository aren't there in another; secrets of the same name are two."""
    one, other = (client.get_user().create_repo(name) for name in ("one", "other"))
    key = one.create_key("deploy", "ssh-ed25519 AAAA", read_only=True)
    assert [found.title for found in one.get_keys()] == ["deploy"]
    assert list(other.get_keys()) == []
    with pytest.raises(github.UnknownObjectException):
        other.get_key(key.id)
    assert client.get_emojis()["rocket"].endswith(".png?v8")
    assert api.call("GET", "/zen").raw
    assert api.get("/meta")["hooks"]


def test_templates_and_forks(api: Api, client: github.Github, other: github.Github, others: list[str]):
    """A repository made from a template begins anew; a fork has the history, its parent, and is counted there."""
    source = client.get_repo("octo-org/hello-world")
    with pytest.raises(github.UnknownObjectException):
        client.get_user().create_repo_from_template("from-template", source)
    source.edit(is_template=True)
    made = client.get_user().create_repo_from_template("from-template", source)
    assert made.get_readme().decoded_content == source.get_readme().decoded_content
    assert made.template_repository.full_name == "octo-org/hello-world"
    fork = other.get_repo("octo-org/hello-world").create_fork()
    assert (fork.full_name, fork.parent.full_name, fork.fork) == (
        f"{others[0]}/hello-world",
        "octo-org/hello-world",
        True,
    )
    assert fork.get_commits()[0].sha == source.get_commits()[0].sha
    assert client.get_repo("octo-org/hello-world").forks_count == 1
    assert [one.full_name for one in source.get_forks()] == [fork.full_name]
    assert other.get_repo("octo-org/hello-world").create_fork().id == fork.id


def test_a_transfer_leads_whoever_asks_for_the_old_address(api: Api, client: github.Github, me: str):
    """The repository belongs to the organization then."""
    client.get_user().create_repo("gift")
    assert (
        api.call("POST", f"/repos/{me}/gift/transfer", {"new_owner": "octo-org", "new_name": "present"}).status == 202
    )
    assert client.get_repo(f"{me}/gift").full_name == "octo-org/present"
    assert api.call("POST", "/repos/octo-org/present/transfer", {"new_owner": "nobody"}).status == 422
