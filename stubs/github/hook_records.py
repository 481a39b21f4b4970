"""Hooks as they are kept and shown, for repositories and for organizations. The kit signs, delivers and tells what became of it."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from childproof.stubkit import Context, Entity, job

from .naming import API
from .org_views import listed as organization_simple
from .subjects import gid, invalid, me, not_found, owner_of, repository_in_full, user

EVENTS = frozenset(
    [
        "branch_protection_configuration",
        "branch_protection_rule",
        "check_run",
        "check_suite",
        "code_scanning_alert",
        "commit_comment",
        "create",
        "custom_property",
        "custom_property_values",
        "delete",
        "dependabot_alert",
        "deploy_key",
        "deployment",
        "deployment_protection_rule",
        "deployment_review",
        "deployment_status",
        "discussion",
        "discussion_comment",
        "fork",
        "github_app_authorization",
        "gollum",
        "installation",
        "installation_repositories",
        "installation_target",
        "issue_comment",
        "issue_dependencies",
        "issues",
        "label",
        "marketplace_purchase",
        "member",
        "membership",
        "merge_group",
        "meta",
        "milestone",
        "org_block",
        "organization",
        "package",
        "page_build",
        "personal_access_token_request",
        "ping",
        "project",
        "project_card",
        "project_column",
        "projects_v2",
        "projects_v2_item",
        "projects_v2_status_update",
        "public",
        "pull_request",
        "pull_request_review",
        "pull_request_review_comment",
        "pull_request_review_thread",
        "push",
        "registry_package",
        "release",
        "repository",
        "repository_advisory",
        "repository_dispatch",
        "repository_import",
        "repository_ruleset",
        "repository_vulnerability_alert",
        "secret_scanning_alert",
        "secret_scanning_alert_location",
        "secret_scanning_scan",
        "security_advisory",
        "security_and_analysis",
        "sponsorship",
        "star",
        "status",
        "sub_issues",
        "team",
        "team_add",
        "watch",
        "workflow_dispatch",
        "workflow_job",
        "workflow_run",
    ]
)
ZEN = "Keep it logically awesome."
MOST = 20  # hooks for one event
_URL = re.compile(r"https?://[^\s/?#]+(?:[/?#]\S*)?", re.IGNORECASE)


def begin(ctx: Context, scope: Mapping[str, Any], body: Mapping[str, Any]) -> Entity:
    """A new hook. 422 for one that has no address, asks for what there is not, or is there already."""
    if body.get("name") not in {None, "web"}:
        raise invalid("Hook", "name", "custom", f"Name {body['name']!r} is not a valid hook name")
    config = configured(body.get("config") or {}, {"content_type": "form", "insecure_ssl": "0"})
    events = _checked(body.get("events") or ["push"])
    known = ctx.list("hook", **scope)
    if any(one["config"]["url"] == config["url"] and set(one["events"]) & set(events) for one in known):
        raise invalid("Hook", None, "custom", "Hook already exists on this repository")
    for event in events:
        if sum(event in one["events"] for one in known) >= MOST:
            raise invalid("Hook", None, "custom", f'The "{event}" event cannot have more than {MOST} hooks')
    number = gid(ctx, "hook")
    return ctx.create(
        "hook", str(number), active=body.get("active", True), events=events, types=_types(events), config=config,
        last={"code": None, "status": "unused", "message": None}, created_at=ctx.now(), updated_at=ctx.now(), **scope,
    )  # fmt: skip


def changed(ctx: Context, hook: Entity, body: Mapping[str, Any]) -> Entity:
    """A hook after a request that changes it."""
    events = list(body["events"]) if body.get("events") else list(hook["events"])
    events += [event for event in body.get("add_events") or () if event not in events]
    events = [event for event in events if event not in (body.get("remove_events") or ())]
    fields: dict[str, Any] = {"events": _checked(events), "types": _types(events)}
    if "config" in body:
        kept = {"content_type": "form", "insecure_ssl": "0"}
        fields["config"] = configured(body["config"], kept)
    return ctx.update(hook, **fields, active=body.get("active", hook["active"]), updated_at=ctx.now())


def configured(given: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    """Where a hook sends, and how."""
    config = {
        **before,
        **{name: value for name, value in given.items() if name in {"url", "content_type", "secret", "insecure_ssl"}},
    }
    url = config.get("url")
    if not url:
        raise invalid("Hook", None, "custom", "Config must contain URL for webhooks")
    if not _URL.fullmatch(url):
        raise invalid("Hook", "url", "custom", "Url is not a valid URL")
    if config["content_type"] not in {"json", "form"}:
        raise invalid("Hook", "content_type", "custom", "Content type must be json or form")
    return {**config, "insecure_ssl": str(config["insecure_ssl"])}


def shown_config(hook: Entity) -> dict[str, Any]:
    """The configuration without the secret."""
    config = hook["config"]
    return (
        {**config, "secret": "********"} if config.get("secret") else {k: v for k, v in config.items() if k != "secret"}
    )


def shown(hook: Entity, home: str) -> dict[str, Any]:
    """A hook; `home` is the address of the hooks that it is one of."""
    number = int(hook["id"])
    url = f"{home}/{number}"
    made = {
        "type": "Repository" if hook["scope"] == "repository" else "Organization",
        "id": number,
        "name": "web",
        "active": hook["active"],
        "events": hook["events"],
        "config": shown_config(hook),
        "updated_at": hook["updated_at"],
        "created_at": hook["created_at"],
        "url": url,
        "ping_url": f"{url}/pings",
        "deliveries_url": f"{url}/deliveries",
    }
    if hook["scope"] == "repository":
        return {**made, "test_url": f"{url}/test", "last_response": hook["last"]}
    return made


def hook_of(ctx: Context, scope: Mapping[str, Any], hook_id: str) -> Entity:
    """A hook of a repository or an organization; else 404."""
    found = ctx.find("hook", hook_id)
    if found is None or any(found[name] != value for name, value in scope.items()):
        raise not_found()
    return found


def of_repository(repo: Entity) -> dict[str, Any]:
    """What tells a repository's hooks from others."""
    return {"scope": "repository", "repo": repo["id"], "org": None, "target": repo["id"]}


def of_organization(org: Entity) -> dict[str, Any]:
    """What tells an organization's hooks from others."""
    return {"scope": "organization", "repo": None, "org": org["id"], "target": org["id"]}


def ping(ctx: Context, hook: Entity, home: str, *, repo: Entity | None = None, org: Entity | None = None) -> None:
    """Tell a hook that it is one."""
    body: dict[str, Any] = {"zen": ZEN, "hook_id": int(hook["id"]), "hook": shown(hook, home)}
    if repo is not None:
        body["repository"] = repository_in_full(ctx, repo)
        owner = owner_of(ctx, repo)
        org = owner if owner["type"] == "Organization" else None
    if org is not None:
        body["organization"] = organization_simple(org)
    ctx.send(hook, "ping", {**body, "sender": user(ctx, me(ctx))})


def home_of(org: Entity) -> str:
    """The address of an organization's hooks."""
    return f"{API}/orgs/{org['login']}/hooks"


@job("hook_answered")
def answered(ctx: Context, payload: dict[str, Any]) -> None:
    """A hook shows what its listener last said."""
    hook = ctx.find("hook", payload["subscription"])
    if hook is None:
        return
    status = payload["status"]
    fine = status is not None and 200 <= status < 300
    message = "OK" if fine else f"Invalid HTTP Response: {status}" if status else "failed to connect to host"
    ctx.update(hook, last={"code": status or 502, "status": "active" if fine else "misconfigured", "message": message})


def _checked(events: Iterable[str]) -> list[str]:
    wanted = sorted(set(events))
    wrong = [event for event in wanted if event != "*" and event not in EVENTS]
    if wrong:
        raise invalid("Hook", "events", "custom", f"The following events are invalid: {', '.join(wrong)}")
    if not wanted:
        raise invalid("Hook", "events", "custom", "Events must have at least one event")
    return ["*"] if "*" in wanted else wanted


def _types(events: Iterable[str]) -> list[str]:
    """As the kit asks for them: an event with each of its actions."""
    return [kind for event in events for kind in ((event, f"{event}.*") if event != "*" else ("*",))]
