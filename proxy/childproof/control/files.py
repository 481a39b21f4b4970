"""Worlds as files over the API: what `childproof world export` and `import` do."""

import msgspec

from childproof.errors import AskedError, InputError
from childproof.ledger import Ledger
from childproof.world import Store, worldfile

from . import messages, messages_record
from .desk import Desk
from .finding import refused
from .operation import Answer, Asked, Operation
from .problems import Mistake, Problem, of_input
from .reader import reading
from .worlds import made, told

MEDIA = "application/yaml"


class Files(msgspec.Struct, frozen=True):
    """The operations, over a desk."""

    desk: Desk

    def operations(self) -> list[Operation]:
        """Their table."""
        return [
            Operation(
                "GET", "/v1/worlds/{world}/export", "exportWorld", "A world as one YAML file", self.export, media=MEDIA,
                problems={404: "no such world", 409: "too many calls for a store in memory"},
                about="All that it holds and did, as YAML that `importWorld` and `childproof world import` take.",
            ),
            Operation(
                "POST", "/v1/worlds/import", "importWorld", "Make the world that an exported file holds", self.load,
                body=messages_record.NewFile, answer=messages.World, status=201,
                problems={409: "the name is taken, or the parent isn't there"}, gives={"world": "$response.body#/name"},
                sends={"Location": "its path in this API"},
                about="It goes on as the one would that was exported: the same ids, randomness and clock.",
            ),
        ]  # fmt: skip

    async def export(self, asked: Asked) -> Answer:
        """GET /v1/worlds/{world}/export."""
        world = self.desk.known(asked.path["world"])

        def written(store: Store, ledger: Ledger) -> bytes:  # noqa: ARG001 (all readers get both)
            return "".join(f"{line}\n" for line in worldfile.write(store.export(world))).encode()

        return Answer(raw=await reading(self.desk, world, written), media=MEDIA)

    async def load(self, asked: Asked) -> Answer:
        """POST /v1/worlds/import."""
        wanted = asked.body
        if wanted.name is not None:
            self.desk.free(wanted.name)
        async with self.desk.room(1):
            try:
                values = await self.desk.aside(lambda: worldfile.read(wanted.file, "file"))
            except InputError as error:
                raise of_input(error, "/file") from None
        name = wanted.name or values["world"]
        self.desk.free(name, "/file" if wanted.name is None else "/name")
        try:
            self.desk.store.load(values, name)
        except AskedError as error:
            raise refused(self.desk, error) from None
        except (LookupError, OverflowError, ValueError) as error:
            mistake = Mistake("/file", str(error)[:200], "a file as it was exported")
            raise Problem(422, "invalid", f"the file doesn't hold together: {error}", mistakes=[mistake]) from None
        return made(told(self.desk, self.desk.store.branch(name)))
