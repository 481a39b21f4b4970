"""How replies show repositories: in full, in lists, within other things."""

from typing import Any

from childproof.stubkit import Context, Entity

from .accounts import existing, simple, viewer
from .licenses import license_of
from .naming import API, WEB, node_id
from .repositories import permissions

# The addresses that each repository tells, behind its own.
_ADDRESSES = {
    "archive_url": "/{archive_format}{/ref}", "assignees_url": "/assignees{/user}", "blobs_url": "/git/blobs{/sha}",
    "branches_url": "/branches{/branch}", "collaborators_url": "/collaborators{/collaborator}",
    "comments_url": "/comments{/number}", "commits_url": "/commits{/sha}", "compare_url": "/compare/{base}...{head}",
    "contents_url": "/contents/{+path}", "contributors_url": "/contributors", "deployments_url": "/deployments",
    "downloads_url": "/downloads", "events_url": "/events", "forks_url": "/forks",
    "git_commits_url": "/git/commits{/sha}", "git_refs_url": "/git/refs{/sha}", "git_tags_url": "/git/tags{/sha}",
    "hooks_url": "/hooks", "issue_comment_url": "/issues/comments{/number}",
    "issue_events_url": "/issues/events{/number}", "issues_url": "/issues{/number}", "keys_url": "/keys{/key_id}",
    "labels_url": "/labels{/name}", "languages_url": "/languages", "merges_url": "/merges",
    "milestones_url": "/milestones{/number}", "notifications_url": "/notifications{?since,all,participating}",
    "pulls_url": "/pulls{/number}", "releases_url": "/releases{/id}", "stargazers_url": "/stargazers",
    "statuses_url": "/statuses/{sha}", "subscribers_url": "/subscribers", "subscription_url": "/subscription",
    "tags_url": "/tags", "teams_url": "/teams", "trees_url": "/git/trees{/sha}",
}  # fmt: skip
# What a repository says of itself as it is stored.
_STORED = (
    "id", "name", "full_name", "private", "description", "homepage", "fork", "archived", "disabled", "default_branch", "has_issues",
    "has_projects", "has_wiki", "has_pages", "has_discussions", "has_downloads", "is_template", "language", "size", "topics",
    "visibility", "allow_forking", "web_commit_signoff_required", "created_at", "updated_at", "pushed_at", "mirror_url",
)  # fmt: skip
# Shown to whoever may push.
_MERGING = (
    "allow_squash_merge", "allow_merge_commit", "allow_rebase_merge", "allow_auto_merge", "allow_update_branch",
    "delete_branch_on_merge", "use_squash_pr_title_as_default", "squash_merge_commit_title", "squash_merge_commit_message",
    "merge_commit_title", "merge_commit_message",
)  # fmt: skip


def listed(ctx: Context, found: Entity) -> dict[str, Any]:
    """A repository as lists and other things show it: what `repository` and `minimal-repository` of the document have."""
    url, web = f"{API}/repos/{found['full_name']}", f"{WEB}/{found['full_name']}"
    open_issues = found["open_issues_count"]
    stars, forks = found["stargazers_count"], found["forks_count"]
    return {
        **{name: found[name] for name in _STORED},
        "node_id": node_id("R", found["id"]),
        "owner": simple(existing(ctx, found["_owner"])),
        "url": url,
        "html_url": web,
        **{name: url + path for name, path in _ADDRESSES.items()},
        "archive_url": f"{url}/{{archive_format}}{{/ref}}",
        "git_url": f"git://github.com/{found['full_name']}.git",
        "ssh_url": f"git@github.com:{found['full_name']}.git",
        "clone_url": f"{web}.git",
        "svn_url": web,
        "license": license_of(found),
        "stargazers_count": stars,
        "watchers_count": stars,
        "watchers": stars,
        "forks_count": forks,
        "forks": forks,
        "open_issues_count": open_issues,
        "open_issues": open_issues,
        "permissions": permissions(ctx, found, viewer(ctx)),
    }


def full(ctx: Context, found: Entity) -> dict[str, Any]:
    """A repository as it is retrieved, created and changed: the document's `full-repository`."""
    shown = listed(ctx, found)
    owner = existing(ctx, found["_owner"])
    shown |= {
        "temp_clone_token": "" if found["private"] else None,
        "network_count": found["forks_count"],
        "subscribers_count": found["subscribers_count"],
    }
    if shown["permissions"]["push"]:
        shown |= {name: found[name] for name in _MERGING}
    if owner["type"] == "Organization":
        shown["organization"] = simple(owner)
        shown["custom_properties"] = {}
    for name, key in (("parent", "_parent"), ("source", "_source"), ("template_repository", "_template")):
        other = ctx.find("repository", found[key]) if found.get(key) else None
        if other is not None:
            shown[name] = listed(ctx, other)
    return shown
