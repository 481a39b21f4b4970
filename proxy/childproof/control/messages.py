"""What goes over the wire, as types: the API reads and writes them, and so does `childproof.client`.

Within /v1 fields are added, never renamed, removed or given another meaning. Times are RFC 3339 in UTC, as in the ledger's lines.
"""

from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

WorldName = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=1000,
        pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}(?:/[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}){0,9}$",
        description="letters, digits, `_`, `-` and `.`, with `/` between parts; in paths of this API `/` is written `:`",
        examples=["checkout/try-1"],
    ),
]
Seed = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1, description="what ids and randomness follow from")]
KEPT = "sandbox-until"  # the label of a world that goes with its sandbox: nobody else's to give
LabelName = Annotated[str, Meta(min_length=1, max_length=100, pattern=rf"^(?!{KEPT}$)")]
Labels = Annotated[
    dict[LabelName, Annotated[str, Meta(max_length=1000)]],
    Meta(max_length=100, description=f"metadata; `{KEPT}` is childproof's own"),
]
Time = Annotated[str, Meta(extra_json_schema={"format": "date-time"})]
# Texts in languages of their own have a format of their own: `openapi.FORMATS` says what each is.
Place = (
    Annotated[str, Meta(max_length=100, examples=["call_5f1c"], extra_json_schema={"format": "childproof-place"})]
    | Annotated[int, Meta(ge=0, le=2**63 - 1)]
    | None
)
ClockText = Annotated[
    str,
    Meta(
        max_length=100,
        examples=["frozen@2026-01-05T09:00:00Z"],
        extra_json_schema={
            "format": "childproof-clock",
            "pattern": r"^(?:@.+|(?:real|frozen|step(?::[0-9]{1,12}(?:ms|s|m|h))?)(?:@.+)?)$",
        },
    ),
]
WorldText = Annotated[str, Meta(extra_json_schema={"format": "childproof-world"})]
Json = dict[str, Any]


class Given(Struct, frozen=True, forbid_unknown_fields=True):
    """A body that a client sends: unknown fields are refused."""


class Told(Struct, frozen=True):
    """A body that we send: a client ignores fields that it doesn't know."""


class Health(Told, frozen=True):
    """That this process does its work."""

    status: str


class Ready(Told, frozen=True):
    """That calls are judged, answered and recorded; what became of the last reload, and when the authority expires."""

    status: str
    reasons: list[str] = []
    reload: Json = {}
    ca: Json = {}


class World(Told, frozen=True):
    """A world's place among the others. `base` is the call of `parent` that it was forked after."""

    name: str
    parent: str | None
    base: int
    calls: int
    seed: int
    created: Time
    metadata: dict[str, str]
    rules: Annotated[str, Meta(description="`own`, or `common` where it is judged by the server's")] = "common"


class Worlds(Told, frozen=True):
    """All of them, each after the one that it was forked from."""

    worlds: list[World]


class NewWorld(Given, frozen=True):
    """An empty world; with `from` a fork of another; with `file` what such a text plants."""

    name: WorldName
    from_: WorldName | None = msgspec.field(name="from", default=None)
    at: Annotated[Place, Meta(description="with `from`: a call's number or id, or a time of that world")] = None
    seed: Seed = 0
    clock: Annotated[ClockText, Meta(description="real, @TIME, frozen@TIME or step:1s@TIME")] = "real"
    file: Annotated[WorldText | None, Meta(description="a world file's YAML")] = None
    metadata: Labels = {}


class Fork(Given, frozen=True):
    """A new world that goes on where another one is, or was."""

    name: WorldName
    at: Annotated[
        Place, Meta(description="a call's number or id, or a time of the world; now where it is left out")
    ] = None
    metadata: Labels = {}


class Reset(Given, frozen=True):
    """How far back."""

    at: Annotated[
        Place,
        Meta(
            description="a call of its own, by number or id, or a time of the world; its beginning where it is left out"
        ),
    ] = None


class Undone(Told, frozen=True):
    """A world that was reset: where it is now, and how many calls are gone."""

    world: World
    undone: int


class Deleted(Told, frozen=True):
    """The worlds that are gone."""

    deleted: list[str]


class DeleteQuery(Given, frozen=True):
    """What goes with it."""

    with_children: bool = False


class Mistaken(Told, frozen=True):
    """One thing that is wrong: a JSON Pointer into the body, `?name` of the query, or the name of a path's parameter or a header.

    In a text, `file` is what it is called there, and `line` and `column` count from 1; `found` begins with both then.
    """

    pointer: str
    found: str
    expected: str
    write: str = ""
    file: str = ""
    line: int = 0
    column: int = 0


class Problem(Told, frozen=True):
    """RFC 9457. `type` ends in a word that programs may compare."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[Mistaken] = []
