"""Accounts: users and organizations, which share one space of logins; and who the caller is."""

import base64
import binascii
from typing import Any

from childproof.stubkit import Context, Entity, Person, people, plants

from .naming import API, AVATARS, WEB, node_id
from .wording import not_found, requires_authentication

FIRST_PEOPLE = 5
_AS = "ghp_as_"  # how the tokens begin that stand for somebody else: ghp_as_jdoe
_HOLDER = "holder"  # whose the tokens are
_HOLLOW = frozenset({"x-access-token", "x-oauth-basic", "git", "token", ""})


def viewer(ctx: Context) -> Entity | None:
    """Whose token the call carries: the world's first person. None for a call without one.

    For a second identity: basic authentication with somebody's login as the user name, or the token `ghp_as_LOGIN`.
    """
    key = ctx.key
    if not key:
        return None
    name, password = credentials(ctx)
    told = password if password.startswith(_AS) else key
    if told.startswith(_AS) and (found := account(ctx, told.removeprefix(_AS).replace("_", "-"))) is not None:
        return found
    named = account(ctx, "" if name in _HOLLOW else name)
    if named is not None and named["type"] == "User":
        return named
    holder = ctx.find("account_number", _HOLDER)
    return account(ctx, holder["login"]) if holder is not None else None


def needed(ctx: Context) -> Entity:
    """The viewer. Raises 401 for a call without a token."""
    found = viewer(ctx)
    if found is None:
        raise requires_authentication()
    return found


def account(ctx: Context, login: str) -> Entity | None:
    """A user or organization by its login, whatever its case; None where there is none."""
    return ctx.find("account", login.lower()) if login else None


def existing(ctx: Context, login: str, kind: str = "") -> Entity:
    """An account that is there, of a kind (`User`, `Organization`; "" for either). Raises 404."""
    found = account(ctx, login)
    if found is None or kind not in {"", found["type"]}:
        raise not_found()
    return found


def by_id(ctx: Context, number: int) -> Entity | None:
    """An account by its number."""
    return next(iter(ctx.list("account", id=number, limit=1)), None)


def open_account(ctx: Context, login: str, kind: str = "User", **fields: Any) -> Entity:
    """Make an account. `kind` is `User` or `Organization`."""
    now = ctx.now()
    number = int(ctx.new_id("account_number"))
    blank = {"name": None, "email": None, "company": None, "blog": "", "location": None, "bio": None, "hireable": None,
             "twitter_username": None, "description": None}  # fmt: skip
    return ctx.create("account", login.lower(), login=login, id=number, type=kind,
                      **{**blank, "created_at": now, "updated_at": now, **fields})  # fmt: skip


def open_person(ctx: Context, person: Person) -> Entity:
    """The account of one of the world's people."""
    found = account(ctx, person.login)
    return found or open_account(ctx, person.login, name=person.name, email=person.email, location=person.address.city)


def simple(found: Entity | None) -> dict[str, Any] | None:
    """An account as other things show it (the document's `simple-user`); None for None."""
    if found is None:
        return None
    login, url = found["login"], f"{API}/users/{found['login']}"
    return {
        "login": login,
        "id": found["id"],
        "node_id": node_id("U" if found["type"] == "User" else "O", found["id"]),
        "avatar_url": f"{AVATARS}/u/{found['id']}?v=4",
        "gravatar_id": "",
        "url": url,
        "html_url": f"{WEB}/{login}",
        "followers_url": f"{url}/followers",
        "following_url": f"{url}/following{{/other_user}}",
        "gists_url": f"{url}/gists{{/gist_id}}",
        "starred_url": f"{url}/starred{{/owner}}{{/repo}}",
        "subscriptions_url": f"{url}/subscriptions",
        "organizations_url": f"{url}/orgs",
        "repos_url": f"{url}/repos",
        "events_url": f"{url}/events{{/privacy}}",
        "received_events_url": f"{url}/received_events",
        "type": found["type"],
        "user_view_type": "public",
        "site_admin": False,
    }


@plants("1 accounts")
def plant(ctx: Context) -> None:
    """The world's first people have accounts from the start."""
    accounts = [open_person(ctx, person) for person in people(ctx).first(FIRST_PEOPLE)]
    ctx.create("account_number", _HOLDER, login=accounts[0].id)


def credentials(ctx: Context) -> tuple[str, str]:
    """The user name and password of basic authentication; empty where there is none."""
    scheme, _, rest = (ctx.header("authorization") or "").partition(" ")
    if scheme.lower() != "basic":
        return "", ""
    try:
        name, _, password = base64.b64decode(rest.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return name, password
