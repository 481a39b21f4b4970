"""How repositories come to be: created for a user or an organization, from a template, or as a fork."""

import re
from typing import Any

from childproof.stubkit import Context, Entity, Refusal, Response, operation

from .accounts import account, existing, needed, viewer
from .activity import told
from .licenses import LICENSES
from .naming import API
from .repositories import named, repository
from .repository_starting import start, take_over
from .repository_views import full, listed
from .wording import fault, forbidden, not_found, validation_failed

LONGEST = 100
_ODD = re.compile(r"[^A-Za-z0-9._-]+")  # each run of these becomes a dash
_RESERVED = frozenset({".", "..", ".git", ".wiki"})
# Fields that requests set as they are, with what a new repository has.
SETTINGS: dict[str, Any] = {
    "description": None, "homepage": None, "has_issues": True, "has_projects": True, "has_wiki": True, "has_downloads": True,
    "has_discussions": False, "is_template": False, "allow_squash_merge": True, "allow_merge_commit": True,
    "allow_rebase_merge": True, "allow_auto_merge": False, "allow_update_branch": False, "delete_branch_on_merge": False,
    "allow_forking": True, "web_commit_signoff_required": False, "use_squash_pr_title_as_default": False,
    "squash_merge_commit_title": "COMMIT_OR_PR_TITLE", "squash_merge_commit_message": "COMMIT_MESSAGES",
    "merge_commit_title": "MERGE_MESSAGE", "merge_commit_message": "PR_TITLE",
}  # fmt: skip


@operation("POST /user/repos")
def create_for_user(ctx: Context) -> Response:
    """A repository of the caller's own."""
    return _created(ctx, create(ctx, needed(ctx), ctx.body))


@operation("POST /orgs/{org}/repos")
def create_in_org(ctx: Context, org: str) -> Response:
    """A repository of an organization, by one of its members."""
    owner = existing(ctx, org, "Organization")
    return _created(ctx, create(ctx, _allowed(ctx, owner), ctx.body))


@operation("POST /repos/{template_owner}/{template_repo}/generate")
def generate(ctx: Context, template_owner: str, template_repo: str) -> Response:
    """A repository that begins with what a template has."""
    template = repository(ctx, template_owner, template_repo, writes=True)
    if not template["is_template"]:
        raise not_found()
    owner = ctx.body.get("owner")
    holder = needed(ctx) if owner is None else _allowed(ctx, existing(ctx, owner))
    made = create(ctx, holder, {**ctx.body, "auto_init": False}, _template=template.id, language=template["language"])
    take_over(ctx, made, template, squashed=True)
    return _created(ctx, made)


@operation("POST /repos/{owner}/{repo}/forks")
def fork(ctx: Context, owner: str, repo: str) -> Response:
    """A fork, for the caller or for an organization; whoever has one already is given that."""
    parent = repository(ctx, owner, repo)
    caller = needed(ctx)
    wanted = ctx.body.get("organization")
    holder = caller if not wanted else _allowed(ctx, existing(ctx, wanted, "Organization"))
    if holder["login"].lower() == parent["_owner"]:
        raise Refusal(403, None, "Forking a repository into its own account isn't possible." if not wanted else
                      "Forking into the organization that owns the repository isn't possible.")  # fmt: skip
    for known in ctx.list("repository", _parent=parent.id, _owner=holder["login"].lower()):
        return Response(202, full(ctx, known))
    fields = {"name": ctx.body.get("name", parent["name"]), "description": parent["description"], "private": parent["private"],
              "has_issues": False}  # fmt: skip
    made = create(ctx, holder, fields, fork=True, _parent=parent.id, _source=parent.get("_source") or parent.id,
                  language=parent["language"], _license=parent.get("_license"), default_branch=parent["default_branch"])  # fmt: skip
    take_over(ctx, made, parent, squashed=False)
    ctx.update(parent, forks_count=parent["forks_count"] + 1)
    told(ctx, parent, "fork", "", {"full_name": made["full_name"]}, lambda: {"forkee": listed(ctx, made)})
    return Response(202, full(ctx, made))


def create(ctx: Context, owner: Entity, body: dict[str, Any], **known: Any) -> Entity:
    """A new repository of an account. Raises 422 where its name can't be had. `known` are fields that requests can't set."""
    name = checked_name(ctx, owner, body["name"])
    license_key = body.get("license_template")
    if license_key is not None and license_key.lower() not in LICENSES:
        raise validation_failed(fault("Repository", "license_template"))
    private = body.get("visibility", "private" if body.get("private") else "public") != "public"
    number, now, full_name = int(ctx.new_id("repository")), ctx.now(), f"{owner['login']}/{name}"
    chosen = {key: body[key] for key in SETTINGS if body.get(key) is not None}
    made = ctx.create("repository", str(number), **{
        **SETTINGS, **chosen, "id": number, "name": name, "full_name": full_name, "private": private,
        "visibility": body.get("visibility", "private" if private else "public"), "fork": False, "archived": False,
        "disabled": False, "has_pages": False, "mirror_url": None, "default_branch": "main", "language": None, "size": 0,
        "topics": [], "stargazers_count": 0, "subscribers_count": 0, "forks_count": 0, "open_issues_count": 0,
        "created_at": now, "updated_at": now, "pushed_at": now, "_owner": owner["login"].lower(), "_parent": None, "_source": None,
        "_template": None, "_license": license_key.lower() if license_key else None, **known,
    })  # fmt: skip
    name_it(ctx, made)
    if body.get("auto_init") or license_key or body.get("gitignore_template"):
        start(
            ctx,
            made,
            viewer(ctx) or owner,
            gitignore=body.get("gitignore_template"),
            readme=bool(body.get("auto_init")),
        )
    told(ctx, made, "repository", "created", {"full_name": full_name}, dict)
    return made


def name_it(ctx: Context, made: Entity) -> None:
    """Make a repository found by its name; whoever had that name before is not any more."""
    key = made["full_name"].lower()
    place = ctx.find("repository_name", key)
    if place is None:
        ctx.create("repository_name", key, repository=made.id)
    else:
        ctx.update(place, repository=made.id)


def checked_name(ctx: Context, owner: Entity, wanted: str, but: str = "") -> str:
    """A name for a repository as GitHub makes it of what was asked for. Raises 422. `but` may have it already."""
    name = _ODD.sub("-", wanted.strip())
    if not name or name in _RESERVED:
        raise _failed("name", "missing_field" if not name else "invalid", None if not name else "name is reserved")
    if len(name) > LONGEST:
        raise _failed("name", "custom", f"name is too long (maximum is {LONGEST} characters)")
    other = named(ctx, owner["login"], name)
    if other is not None and other["full_name"].lower() == f"{owner['login']}/{name}".lower() and other.id != but:
        raise _failed("name", "custom", "name already exists on this account")
    return name


def _failed(field: str, code: str, message: str | None) -> Refusal:
    return Refusal(422, None, "Repository creation failed.", errors=[fault("Repository", field, code, message)])


def _allowed(ctx: Context, owner: Entity) -> Entity:
    """The account itself, where the caller may make repositories for it."""
    caller = needed(ctx)
    if owner.id == caller.id:
        return owner
    member = ctx.find("membership", f"{owner['login']}/{caller['login']}".lower())
    if owner["type"] == "User" or member is None or member["state"] != "active":
        raise not_found()
    if member["role"] != "admin" and owner.get("members_can_create_repositories") is False:
        raise forbidden("You do not have permission to create repositories on this organization.")
    return owner


def _created(ctx: Context, made: Entity) -> Response:
    found = ctx.get("repository", made.id)
    return Response(201, full(ctx, found), {"Location": f"{API}/repos/{found['full_name']}"})


def possible_owner(ctx: Context, login: str) -> Entity:
    """An account that a repository may be given to. Raises 422."""
    found = account(ctx, login)
    if found is None:
        raise validation_failed(fault("Repository", "new_owner"))
    return found
