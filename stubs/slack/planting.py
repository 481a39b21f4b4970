"""What a fresh workspace holds: its team, the first people of the world, the app and its bot, #general and #random."""

from typing import Any

from childproof.stubkit import Person, SeedContext, people, plants

from .callers import HERE, Caller
from .channels import new_channel

PEOPLE = 5
TEAM = "Acme"
DOMAIN = "acme"
APP = "Assistant"


@plants("workspace")
def workspace(ctx: SeedContext) -> None:
    """Plant the workspace. The first person is the one who installed the app, and its primary owner."""
    team = ctx.new_id("team")
    app, bot = ctx.new_id("app"), ctx.new_id("bot")
    avatar = "https://a.slack-edge.com/80588/img/avatars-teams"
    ctx.create(
        "team", team, name=TEAM, domain=DOMAIN, url=f"https://{DOMAIN}.slack.com/", email_domain="", is_verified=False,
        icon={"image_default": True, "image_34": f"{avatar}/ava_0001-34.png", "image_132": f"{avatar}/ava_0001-132.png"},
    )  # fmt: skip
    users = [new_user(ctx, team, person, owner=person.number == 1) for person in people(ctx).first(PEOPLE)]
    bot_user = ctx.new_id("user")
    ctx.create("user", bot_user, **_bot_user(ctx, team, app, bot))
    ctx.create(
        "bot", bot, app_id=app, user_id=bot_user, name=APP, deleted=False, updated=ctx.now(), team_id=team,
        icons={size: f"https://a.slack-edge.com/80588/img/plugins/app/bot_{size[6:]}.png" for size in ("image_36", "image_48", "image_72")},
    )  # fmt: skip
    me = Caller(users[0], team, bot, app, human=True)
    everybody = [*users, bot_user]
    told = {
        "general": "This is the one channel that will always include everyone.",
        "random": "A place for whatever doesn't fit elsewhere.",
    }
    made = [
        new_channel(ctx, me, name, private=False, members=list(everybody), purpose=_note(ctx, users[0], text))
        for name, text in told.items()
    ]
    ctx.update(made[0], is_general=True)
    ctx.create("installation", HERE, team=team, app=app, bot=bot, bot_user=bot_user, user=users[0], general=made[0].id)


def new_user(ctx: SeedContext, team: str, person: Person, *, owner: bool = False) -> str:
    """A person as a user of the workspace. Gives the user's id."""
    made = ctx.create(
        "user", team_id=team, name=person.login, deleted=False, color=f"{person.number * 7919 % 0xFFFFFF:06x}",
        real_name=person.name, tz="America/Los_Angeles", tz_label="Pacific Standard Time", tz_offset=-28800,
        profile={
            "title": "", "phone": person.phone, "skype": "", "real_name": person.name, "real_name_normalized": person.name,
            "display_name": person.login, "display_name_normalized": person.login, "fields": None, "status_text": "",
            "status_emoji": "", "status_emoji_display_info": [], "status_expiration": 0, "first_name": person.first_name,
            "last_name": person.last_name, "email": person.email, "team": team, **_avatars(person.number),
        },
        is_admin=owner, is_owner=owner, is_primary_owner=owner, is_restricted=False, is_ultra_restricted=False, is_bot=False,
        is_app_user=False, is_email_confirmed=True, who_can_share_contact_card="EVERYONE", updated=ctx.now(),
        _email=person.email.lower(), _presence="active" if owner else "away",
    )  # fmt: skip
    return made.id


def _bot_user(ctx: SeedContext, team: str, app: str, bot: str) -> dict[str, Any]:
    name = APP.lower()
    profile: dict[str, Any] = {
        "title": "", "phone": "", "skype": "", "real_name": APP, "real_name_normalized": APP, "display_name": "",
        "display_name_normalized": "", "fields": None, "status_text": "", "status_emoji": "", "status_emoji_display_info": [],
        "status_expiration": 0, "api_app_id": app, "always_active": True, "bot_id": bot, "first_name": APP, "last_name": "",
        "team": team, **_avatars(0),
    }  # fmt: skip
    return {
        "team_id": team, "name": name, "deleted": False, "color": "9f69e7", "real_name": APP, "tz": "America/Los_Angeles",
        "tz_label": "Pacific Standard Time", "tz_offset": -28800, "profile": profile, "is_admin": False, "is_owner": False,
        "is_primary_owner": False, "is_restricted": False, "is_ultra_restricted": False, "is_bot": True, "is_app_user": False,
        "is_email_confirmed": False, "who_can_share_contact_card": "EVERYONE", "updated": ctx.now(), "_email": "",
        "_presence": "active",
    }  # fmt: skip


def _avatars(number: int) -> dict[str, str]:
    place = f"https://secure.gravatar.com/avatar/{number:032x}.jpg"
    return {
        "avatar_hash": f"g{number:011x}",
        **{f"image_{size}": f"{place}?s={size}" for size in (24, 32, 48, 72, 192, 512)},
    }


def _note(ctx: SeedContext, user: str, text: str) -> dict[str, Any]:
    return {"value": text, "creator": user, "last_set": ctx.now()}
