"""What GitHub says of itself: https://docs.github.com/rest/meta."""

from typing import Any

from childproof.stubkit import Context, Response, operation

from .naming import API

_SAYINGS = (
    "Keep it logically awesome.", "Responsive is better than fast.", "Speak like a human.", "Design for failure.",
    "Half measures are as bad as nothing at all.", "Approachable is better than simple.", "Favor focus over features.",
    "Anything added dilutes everything else.", "Practicality beats purity.", "Non-blocking is better than blocking.",
)  # fmt: skip
_EMOJIS = {
    "+1": "1f44d",
    "-1": "1f44e",
    "eyes": "1f440",
    "heart": "2764",
    "hooray": "1f389",
    "laugh": "1f604",
    "rocket": "1f680",
    "tada": "1f389",
}
# The addresses that the root lists, below the API's.
_ROOT = {
    "current_user_url": "/user", "authorizations_url": "/authorizations", "code_search_url": "/search/code?q={query}{&page,per_page,sort,order}",
    "commit_search_url": "/search/commits?q={query}{&page,per_page,sort,order}", "emails_url": "/user/emails", "emojis_url": "/emojis",
    "events_url": "/events", "feeds_url": "/feeds", "followers_url": "/user/followers", "following_url": "/user/following{/target}",
    "gists_url": "/gists{/gist_id}", "issue_search_url": "/search/issues?q={query}{&page,per_page,sort,order}", "issues_url": "/issues",
    "keys_url": "/user/keys", "label_search_url": "/search/labels?q={query}&repository_id={repository_id}{&page,per_page}",
    "notifications_url": "/notifications", "organization_url": "/orgs/{org}",
    "organization_repositories_url": "/orgs/{org}/repos{?type,page,per_page,sort}", "organization_teams_url": "/orgs/{org}/teams",
    "public_gists_url": "/gists/public", "rate_limit_url": "/rate_limit", "repository_url": "/repos/{owner}/{repo}",
    "repository_search_url": "/search/repositories?q={query}{&page,per_page,sort,order}",
    "current_user_repositories_url": "/user/repos{?type,page,per_page,sort}", "starred_url": "/user/starred{/owner}{/repo}",
    "starred_gists_url": "/gists/starred", "topic_search_url": "/search/topics?q={query}{&page,per_page}", "user_url": "/users/{user}",
    "user_organizations_url": "/user/orgs", "user_repositories_url": "/users/{user}/repos{?type,page,per_page,sort}",
    "user_search_url": "/search/users?q={query}{&page,per_page,sort,order}",
}  # fmt: skip


@operation("GET /")
def root(_: Context) -> dict[str, Any]:
    """Where everything is."""
    return {**{name: API + path for name, path in _ROOT.items()},
            "current_user_authorizations_html_url": "https://github.com/settings/connections/applications{/client_id}"}  # fmt: skip


@operation("GET /zen")
def zen(ctx: Context) -> Response:
    """A saying."""
    return Response(200, ctx.random.choice(_SAYINGS))


@operation("GET /emojis")
def emojis(_: Context) -> dict[str, str]:
    """Those of reactions."""
    return {
        name: f"https://github.githubassets.com/images/icons/emoji/unicode/{code}.png?v8"
        for name, code in _EMOJIS.items()
    }


@operation("GET /versions")
def versions(_: Context) -> list[str]:
    """The versions of the API."""
    return ["2022-11-28"]


@operation("GET /meta")
def meta(_: Context) -> dict[str, Any]:
    """What is needed to let GitHub in or to reach it; no addresses, since there are none here."""
    return {
        "verifiable_password_authentication": False, "hooks": ["192.0.2.0/24"], "web": ["192.0.2.0/24"], "api": ["192.0.2.0/24"],
        "git": ["192.0.2.0/24"], "packages": [], "pages": [], "importer": [], "actions": [], "dependabot": [],
        "domains": {"website": ["*.github.com", "*.githubusercontent.com"]},
    }  # fmt: skip


@operation("GET /rate_limit")
def rate_limit(ctx: Context) -> dict[str, Any]:
    """How the caller stands; asking costs nothing."""
    told = {
        name: {key: one[key] for key in ("limit", "remaining", "used", "reset")} for name, one in ctx.limits.items()
    }
    return {"resources": told, "rate": told["core"]}
