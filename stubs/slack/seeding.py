"""What a world file plants at Slack: everybody as users, channels, what was said there, and what tokens may do."""

from dataclasses import dataclass
from typing import Any, Literal

from childproof.stubkit import Entity, Refusal, SeedContext, Seeding, Span, seeds

from . import channels, posting
from .callers import Caller, installation
from .planting import PEOPLE, new_user

_BATCH = 50  # users made in one step


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
        about = {
            what: {"value": text, "creator": me.user if text else "", "last_set": ctx.now() if text else 0}
            for what, text in (("topic", option.topic), ("purpose", option.purpose))
        }
        members = list(dict.fromkeys([me.user, *members]))
        channels.new_channel(ctx, me, option.name, private=option.private, members=members, **about)

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
