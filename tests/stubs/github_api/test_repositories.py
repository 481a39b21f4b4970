"""Repositories: made, found, changed, handed over, gone."""

import github
import pytest

from .conftest import Api


def test_what_is_created_is_found_listed_changed_and_deleted(client: github.Github, me: str):
    """A repository is there under its owner's name, as PyGithub sees it, until it is deleted."""
    made = client.get_user().create_repo("hello", description="First", private=True, has_wiki=False)
    assert (made.full_name, made.private, made.owner.login, made.has_wiki) == (f"{me}/hello", True, me, False)
    assert made.clone_url == f"https://github.com/{me}/hello.git"
    made.edit(name="goodbye", description="Second", default_branch="main", private=False)
    found = client.get_repo(f"{me}/GOODBYE")
    assert (found.name, found.description, found.visibility) == ("goodbye", "Second", "public")
    assert client.get_user().get_repos(sort="created")[0].name == "goodbye"
    found.delete()
    with pytest.raises(github.UnknownObjectException):
        client.get_repo(f"{me}/goodbye")


def test_an_old_name_leads_to_the_new_one(api: Api, client: github.Github, me: str):
    """Whoever asks for a repository's earlier name is sent on, and PyGithub follows."""
    client.get_user().create_repo("before").edit(name="after")
    assert client.get_repo(f"{me}/before").name == "after"
    reply = api.call("GET", f"/repos/{me}/before/topics?x=1")
    assert reply.status == 301
    assert reply.headers["Location"] == reply.body["url"] == f"https://api.github.com/repos/{me}/after/topics?x=1"
    client.get_user().create_repo("before")
    assert client.get_repo(f"{me}/before").name == "before"
