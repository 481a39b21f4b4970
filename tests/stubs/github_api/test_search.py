"""Searches, by qualifiers as GitHub documents them."""

import github
import pytest

from .conftest import Api


@pytest.fixture
def filled(client: github.Github, other: github.Github) -> github.Github:
    """Repositories, issues and comments to look for."""
    user = client.get_user()
    user.create_repo("shop", description="A web shop").replace_topics(["python", "web"])
    user.create_repo("secret-shop", private=True)
    repo = client.get_repo("octo-org/hello-world")
    repo.create_issue("The cart is empty", body="After login", labels=["bug"])
    repo.create_issue("Nicer colours").edit(state="closed", state_reason="not_planned")
    found = other.get_repo("octo-org/hello-world").create_issue("Login fails")
    found.create_comment("The cart, too")
    return client


def test_repositories(filled: github.Github, other: github.Github, me: str):
    """Words, owners, topics and what is private are told apart; who may not see a repository doesn't find it."""

    def names(query: str, hub: github.Github = filled, **options: str) -> list[str]:
        return [one.name for one in hub.search_repositories(query, **options)]

    assert names("shop") == ["secret-shop", "shop"]
    assert names("shop", other) == ["shop"]
    assert names(f"user:{me} topic:python") == ["shop"]
    assert names('"web shop" in:description') == ["shop"]
    assert names(f"user:{me} is:private") == ["secret-shop"]
    assert names("shop NOT secret") == ["shop"]
    assert names("shop -topic:web") == ["secret-shop"]
    assert names("user:octo-org stars:>=1") == []
    assert filled.search_repositories("shop").totalCount == 2


def test_issues(filled: github.Github, others: list[str]):
    """State, author, label, words in comments, and numbers."""

    def titles(query: str) -> list[str]:
        return [
            one.title for one in filled.search_issues(f"repo:octo-org/hello-world {query}", sort="created", order="asc")
        ]

    assert titles("is:issue") == ["The cart is empty", "Nicer colours", "Login fails"]
    assert titles("cart") == ["The cart is empty", "Login fails"]
    assert titles("cart in:title") == ["The cart is empty"]
    assert titles("is:closed reason:not_planned") == ["Nicer colours"]
    assert titles(f"author:{others[0]} state:open") == ["Login fails"]
    assert titles("author:@me -label:bug") == ["Nicer colours"]
    assert titles("label:bug comments:0") == ["The cart is empty"]
    assert titles("comments:>0 created:>=2026-01-01") == ["Login fails"]
    assert titles("is:pr") == []


def test_people_and_labels(filled: github.Github, api: Api, me: str):
    """Accounts by their type, labels of one repository."""
    assert [one.login for one in filled.search_users("type:org")] == ["octo-org"]
    assert [one.login for one in filled.search_users(f"{me} in:login")] == [me]
    number = filled.get_repo("octo-org/hello-world").id
    assert api.get(f"/search/labels?repository_id={number}&q=bug")["items"][0]["name"] == "bug"
    assert [one["name"] for one in api.get("/search/topics?q=web")["items"]] == ["web"]


def test_what_cannot_be_searched_is_refused(api: Api):
    """Nothing to look for, a repository that isn't there: 422 as GitHub words it."""
    assert api.call("GET", "/search/repositories?q=").body["errors"] == [
        {"resource": "Search", "code": "missing", "field": "q"}
    ]
    refused = api.call("GET", "/search/issues?q=repo:nobody/nothing")
    assert refused.status == 422
    assert "cannot be searched" in refused.body["errors"][0]["message"]
    assert api.call("GET", "/search/repositories").status == 422
    assert api.call("GET", "/search/users?q=a&page=11&per_page=100").status == 422


def test_searches_have_a_limit_of_their_own(api: Api):
    """Thirty a minute, counted apart from everything else."""
    before = api.get("/rate_limit")["resources"]
    reply = api.call("GET", "/search/users?q=a")
    assert (reply.headers["X-RateLimit-Resource"], reply.headers["X-RateLimit-Limit"]) == ("search", "30")
    after = api.get("/rate_limit")["resources"]
    assert after["core"] == before["core"]
    assert after["search"]["used"] == before["search"]["used"] + 1
    for _ in range(29):
        api.call("GET", "/search/users?q=a")
    refused = api.call("GET", "/search/users?q=a")
    assert refused.status == 403
    assert refused.body["message"].startswith("API rate limit exceeded")
    assert refused.headers["X-RateLimit-Remaining"] == "0"


def test_code_and_commits(client: github.Github, me: str):
    """Files by words, paths and languages; commits by their messages and authors."""
    repo = client.get_user().create_repo("tools", auto_init=True)
    repo.create_file("src/app.py", "Add the app", "import sys\n\nprint('needle', sys.argv)\n")
    repo.create_file("docs/needle.md", "Write docs", "# Nothing\n")

    def paths(query: str) -> list[str]:
        return [one.path for one in client.search_code(f"{query} repo:{me}/tools")]

    assert paths("needle") == ["src/app.py"]
    assert paths("needle in:path") == ["docs/needle.md"]
    assert paths("import language:python") == ["src/app.py"]
    assert paths("filename:needle extension:md") == ["docs/needle.md"]
    found = next(iter(client.search_code(f"needle repo:{me}/tools", highlight=True)))
    assert found.text_matches[0]["matches"][0]["text"] == "needle"
    assert [one.commit.message for one in client.search_commits(f"app repo:{me}/tools")] == ["Add the app"]
    assert client.search_commits(f"author:{me} repo:{me}/tools").totalCount == 3
    assert repo.get_languages()["Python"] == 38
    assert [(one.login, one.contributions) for one in repo.get_contributors()] == [(me, 3)]
