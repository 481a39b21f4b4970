"""What a world file plants at Slack: everybody as users, channels, what was said there, and what tokens may do."""

import re
from dataclasses import asdict, dataclass
from typing import Any, Literal

from childproof.stubkit import Entity, Refusal, SeedContext, Seeding, Span, seeds

from . import channels, posting
from .callers import Caller, installation
from .planting import PEOPLE, new_user

_BATCH = 50  # users made in one step
_TOKEN = re.compile(r"(xox[abeprs]|xapp|xwfp)([-.][A-Za-z0-9]+)+")


@dataclass(frozen=True)
class Channel:
    """A channel, made by the first person. `members` are mail addresses; without them, everybody is in it, and the bot."""

    name: str
    topic: str = ""
    purpose: str = ""
    private: bool = False
    members: list[str] | None = None


@dataclass(frozen=True)
class Message:
    """What somebody (a mail address; else the first person) said in a channel, `ago` before the world's start."""

    text: str
    channel: str = "general"
    from_: str | None = None
    ago: Span = "1d"


@dataclass(frozen=True)
class Token:
    """A token with the scopes that it has, and no others. With a user's mail address it is that user's, else the bot's."""

    token: str
    scopes: list[str]
    user: str | None = None


@dataclass(frozen=True)
class Command:
    """A slash command of an app."""

    command: str
    url: str | None = None
    description: str = ""


@dataclass(frozen=True)
class App:
    """An app that is told of what happens: of all events, without `events`; in Socket Mode, without a URL."""

    id: str
    name: str = "App"
    request_url: str | None = None
    signing_secret: str | None = None
    client_id: str | None = None
    client_secret: str | None = None
    verification_token: str | None = None
    events: list[str] | None = None
    interactivity_url: str | None = None
    commands: list[Command] | None = None
    socket_mode: bool = False
    verified: bool | None = None
    bot_user_id: str | None = None


@dataclass(frozen=True)
class Webhook:
    """An incoming webhook: `/services/T…/id/secret` posts to the channel, unless it isn't active any more."""

    id: str
    secret: str
    channel: str = "general"
    active: bool = True


@seeds("users")
def users(seeding: Seeding, options: Literal["people"]) -> None:  # noqa: ARG001 - there is one thing to say
    """All people of the world are users, and in #general."""
    if not len(seeding.people):
        raise seeding.refuse("users that are people, of whom there are none", "people beside it", "people: 100")
    for start in range(PEOPLE, len(seeding.people), _BATCH):
        seeding.first(_users(seeding, start))


@seeds("channels")
def channels_(seeding: Seeding, options: list[Channel]) -> None:
    """Channels that were there before."""
    for place, option in enumerate(options):
        seeding.first(_channel(option), place)


@seeds("apps")
def apps_(seeding: Seeding, options: list[App]) -> None:
    """Apps as their settings pages have them."""
    for place, option in enumerate(options):
        seeding.first(_app(option), place)


@seeds("incoming_webhooks")
def incoming_webhooks(seeding: Seeding, options: list[Webhook]) -> None:
    """The only incoming webhooks that there are."""
    for option in options:
        seeding.at(seeding.now, _webhook(option))  # when all channels are there


@seeds("messages")
def messages(seeding: Seeding, options: list[Message]) -> None:
    """Messages of the past, each as people would have posted it."""
    for option in options:
        seeding.at(seeding.ago(option.ago), _message(option))


@seeds("tokens")
def tokens(seeding: Seeding, options: list[Token]) -> None:
    """What single tokens may do; all others may do everything."""
    for place, option in enumerate(options):
        seeding.first(_token(option), place)


def _users(seeding: Seeding, start: int) -> Any:
    def step(ctx: SeedContext) -> None:
        here = installation(ctx)
        made = [new_user(ctx, here["team"], person) for person in seeding.people[start : start + _BATCH]]
        general = ctx.get("channel", here["general"])
        ctx.update(general, _members=[*general["_members"], *made])

    return step


def _channel(option: Channel) -> Any:
    def step(ctx: SeedContext) -> None:
        here = installation(ctx)
        me = Caller(here["user"], here["team"], here["bot"], here["app"], human=True)
        everybody = [user.id for user in ctx.list("user", newest_first=False)]
        members = everybody if option.members is None else [_user(ctx, email).id for email in option.members]
        if channels.named(ctx, option.name) is not None:
            raise _impossible(f"the channel {option.name!r} is there already")
        try:
            channels.checked_name(ctx, option.name)
        except Refusal as refusal:
            raise _impossible(f"the channel's name {option.name!r} is refused with {refusal.code}") from None
        about = {
            what: {"value": text, "creator": me.user if text else "", "last_set": ctx.now() if text else 0}
            for what, text in (("topic", option.topic), ("purpose", option.purpose))
        }
        members = list(dict.fromkeys([me.user, *members]))
        channels.new_channel(ctx, me, option.name, private=option.private, members=members, **about)

    return step


def _app(option: App) -> Any:
    def step(ctx: SeedContext) -> None:
        commands = option.commands or []
        for url in (option.request_url, option.interactivity_url, *(one.url for one in commands)):
            if url is not None and not url.startswith(("http://", "https://")):
                raise _impossible(f"{url!r} is no URL: it begins with http:// or https://")
        for one in commands:
            if not one.command.startswith("/"):
                raise _impossible(f"the command {one.command!r} doesn't begin with /")
        own = {name: value for name, value in asdict(option).items() if value is not None and name != "id"}
        ctx.create("app", option.id, **own)

    return step


def _webhook(option: Webhook) -> Any:
    def step(ctx: SeedContext) -> None:
        if (
            channels.named(ctx, option.channel.removeprefix("#")) is None
            and ctx.find("channel", option.channel) is None
        ):
            raise _impossible(f"there is no channel {option.channel!r}")
        ctx.create("incoming_webhook", option.id, secret=option.secret, channel=option.channel, active=option.active)

    return step


def _message(option: Message) -> Any:
    def step(ctx: SeedContext) -> None:
        here = installation(ctx)
        user = _user(ctx, option.from_).id if option.from_ else here["user"]
        me = Caller(user, here["team"], here["bot"], here["app"], human=True)
        channel = channels.named(ctx, option.channel.removeprefix("#"))
        if channel is None:
            raise _impossible(f"there is no channel {option.channel!r}")
        said = {**posting.author(ctx, me, {}), "text": posting.escaped(option.text)}
        posting.post(ctx, me, channel, said)

    return step


def _token(option: Token) -> Any:
    def step(ctx: SeedContext) -> None:
        if not _TOKEN.fullmatch(option.token):
            raise _impossible(f"{option.token!r} is no token: it begins with xoxb-, xoxp- or xapp-")
        user = _user(ctx, option.user).id if option.user else ""
        ctx.create("token", option.token, scopes=option.scopes, user=user)

    return step


def _user(ctx: SeedContext, email: str) -> Entity:
    known = ctx.list("user", _email=email.lower(), limit=1)
    if not known:
        raise _impossible(f"{email} is no user; `users: people` makes all people users")
    return known[0]


def _impossible(message: str) -> Refusal:
    return Refusal(message=message)
