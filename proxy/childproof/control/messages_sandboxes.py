"""What goes over the wire about sandboxes: a world with listeners of its own, for as long as somebody wants it."""

from typing import Annotated

import msgspec
from msgspec import Meta

from .messages import ClockText, Given, Json, Place, Seed, Time, Told, WorldName
from .messages_rules import Text

DEFAULT_TTL = 3600
LONGEST_TTL = 7 * 86_400

Ttl = Annotated[
    int, Meta(ge=1, le=LONGEST_TTL, description="seconds after which it is deleted, unless it is renewed before")
]


class Listeners(Given, frozen=True):
    """What listens on the loopback. HTTP and SOCKS5 share one port; stubs have ports that the system chooses."""

    http: Annotated[bool, Meta(description="an HTTP proxy: CONNECT, and plain HTTP")] = True
    socks: Annotated[bool, Meta(description="a SOCKS5 proxy")] = False
    port: Annotated[int, Meta(ge=1, le=65535, description="the proxies' port; by default any that is free")] | None = (
        None
    )
    stubs: Annotated[
        list[Annotated[str, Meta(max_length=1000, extra_json_schema={"format": "childproof-stub"})]],
        Meta(
            max_length=50,
            description="stubs with an address each, for clients that take a base URL",
            extra_json_schema={"uniqueItems": True},
        ),
    ] = msgspec.field(default_factory=list)


class NewSandbox(Given, frozen=True):
    """A sandbox in a world: `world` alone is one that is there; with `from` a fork; without both an empty one.

    A world that is made for it is deleted with it.
    """

    world: Annotated[WorldName | None, Meta(description="by default a new one, with a name of its own")] = None
    from_: WorldName | None = msgspec.field(name="from", default=None)
    at: Annotated[Place, Meta(description="with `from`: a call's number or id, or a time of that world")] = None
    seed: Annotated[Seed, Meta(description="of an empty world")] = 0
    clock: Annotated[ClockText, Meta(description="of an empty world: real, @TIME, frozen@TIME or step:1s@TIME")] = (
        "real"
    )
    rules: Annotated[
        Text | None, Meta(description="a rule file's text, by which the world made here is judged alone")
    ] = None
    ttl: Ttl = DEFAULT_TTL
    listen: Listeners = Listeners()
    sealed: Annotated[
        bool, Meta(description="no listeners: those of a sealed sandbox on this machine are handed over")
    ] = False


class Renewal(Given, frozen=True):
    """From now on, for another while."""

    ttl: Annotated[Ttl | None, Meta(description="seconds from now; by default what it was made with")] = None


class Sandbox(Told, frozen=True):
    """A sandbox. `made` says that its world goes with it; `sealed` is `waiting` until its listeners were handed over."""

    id: str
    world: str
    made: bool
    http: Annotated[str | None, Meta(description="HOST:PORT of its HTTP proxy")]
    socks: Annotated[str | None, Meta(description="HOST:PORT of its SOCKS5 proxy")]
    stubs: Annotated[dict[str, str], Meta(description="base URLs by stub")]
    sealed: Annotated[str | None, Meta(description="waiting or serving; null for one that isn't sealed")]
    created: Time
    expires: Time
    ttl: int


class Sandboxes(Told, frozen=True):
    """All of them, the oldest first."""

    sandboxes: list[Sandbox]


class Handover(Told, frozen=True):
    """Where a sealed sandbox's listeners are handed over: a unix socket, and the word that opens it.

    `hidden` are files that its command must not see, `read_only` those that it must not change.
    """

    path: str
    secret: str
    hidden: list[str]
    read_only: list[str]


class MadeSandbox(Sandbox, frozen=True):
    """What whoever made it needs to use it.

    In `environment`, `{ca}` stands for a file that the client writes `ca` to, `{bundle}` for one with the machine's own roots
    and `ca` after them.
    """

    ca: Annotated[str, Meta(description="certificates to trust, as PEM")] = ""
    environment: Annotated[dict[str, str], Meta(description="variables for clients")] = msgspec.field(
        default_factory=dict
    )
    handover: Handover | None = None

    def variables(self, ca: str, bundle: str) -> dict[str, str]:
        """`environment`, with the paths of both files."""
        return {name: text.replace("{ca}", ca).replace("{bundle}", bundle) for name, text in self.environment.items()}


class SandboxQuery(Given, frozen=True):
    """What stays."""

    keep: Annotated[bool, Meta(description="leave the world that was made for it")] = False


class DeletedSandbox(Told, frozen=True):
    """A sandbox that is gone; `world` is the world that went with it, and `kept` why it didn't."""

    deleted: str
    world: str | None = None
    kept: str | None = None


class ReportQuery(Given, frozen=True):
    """How the text is to look."""

    width: Annotated[int, Meta(ge=20, le=1000, description="columns")] | None = None
    colours: Annotated[bool, Meta(description="with escape sequences, as for a terminal")] = False
    server: Annotated[str, Meta(max_length=500, description="how the reader names this API, for what to type next")] = (
        ""
    )


class SandboxReport(Told, frozen=True):
    """What came of a sandbox's calls: `report` as `--report json` has it, `text` as people read it.

    `incomplete` says what the record lacks; empty where it is whole.
    """

    report: Json
    text: str
    incomplete: str
