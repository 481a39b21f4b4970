"""What a world file plants at GitHub: organizations, and repositories with files and issues."""

from dataclasses import dataclass, field
from functools import partial
from typing import Any

from childproof.stubkit import Context, Entity, Person, SeedContext, Seeding, people, seeds

from .accounts import account, open_person
from .orgs import join, open_organization
from .repositories import named
from .repository_making import create
from .repository_starting import commit


@dataclass(frozen=True)
class Organization:
    """An organization, and how many of the world's people belong to it; the first of them owns it."""

    login: str
    name: str = ""
    members: int = 5


@dataclass(frozen=True)
class Repository:
    """A repository: `name`, or `owner/name`; what it holds, and the titles of open issues."""

    name: str
    description: str = ""
    private: bool = False
    files: dict[str, str] = field(default_factory=dict)
    topics: list[str] = field(default_factory=list)
    issues: list[str] = field(default_factory=list)


@seeds("organizations")
def organizations(seeding: Seeding, options: list[Organization]) -> None:
    """Each with its members, in the order of the world's people."""
    for one in options:
        if one.members < 1:
            raise seeding.refuse(f"{one.members} members", "at least the owner", "members: 1")
        seeding.first(partial(_open, one=one))


@seeds("repositories")
def repositories(seeding: Seeding, options: list[Repository]) -> None:
    """Each with one commit of its files, and its issues."""
    for one in options:
        if one.name.count("/") > 1 or not one.name.strip("/"):
            raise seeding.refuse(f"the repository {one.name!r}", "a name, or owner/name", "name: shop")
        seeding.at(seeding.now - 1, partial(_fill, one=one))


def _open(ctx: SeedContext, one: Organization) -> None:
    owner, *others = (open_person(ctx, person) for person in _first(ctx, one.members))
    made = account(ctx, one.login) or open_organization(ctx, one.login, one.name or one.login, owner)
    for other in others:
        join(ctx, made, other, "member")


def _first(ctx: Context, number: int) -> tuple[Person, ...]:
    return people(ctx).first(number)


def _fill(ctx: SeedContext, one: Repository) -> None:
    login, _, name = one.name.rpartition("/")
    author = open_person(ctx, _first(ctx, 1)[0])
    owner = account(ctx, login) if login else author
    if owner is None:
        owner = open_organization(ctx, login, login, author)
    made = named(ctx, owner["login"], name) or _new(ctx, owner, name, one)
    files = one.files or {"README.md": f"# {name}\n"}
    commit(ctx, made, author, "Initial commit", files)
    for title in one.issues:
        ctx.play("POST /repos/{owner}/{repo}/issues", {"title": title}, owner=owner["login"], repo=name)


def _new(ctx: SeedContext, owner: Entity, name: str, one: Repository) -> Entity:
    body: dict[str, Any] = {"name": name, "description": one.description or None, "private": one.private}
    return create(ctx, owner, body, topics=one.topics)
