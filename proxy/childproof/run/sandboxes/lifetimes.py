"""When sandboxes end: one timer for all of them, and one for worlds that nobody comes back for.

So a client that crashed leaves nothing behind, nor a server that was killed, and a thousand sandboxes need no task.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping

from childproof.control.desk import Desk
from childproof.errors import ChildproofError

from .box import SERVING, Box
from .worlds import AGAIN, SandboxWorlds


class Lifetimes:
    """The deadlines of `boxes`, which are those that there are now. `delete` ends one, and raises LookupError for one that is gone."""

    def __init__(
        self, boxes: Mapping[str, Box], worlds: SandboxWorlds, desk: Desk, delete: Callable[[str], Awaitable[object]]
    ) -> None:
        self._boxes = boxes
        self._worlds = worlds
        self._delete = delete
        self._wall, self._say, self._stopping = desk.wall, desk.say, desk.stopping
        self._timer: asyncio.TimerHandle | None = None
        self._clearing: asyncio.TimerHandle | None = None
        self.ending: set[asyncio.Task[None]] = set()

    async def begin(self) -> None:
        """Delete what a server that was killed has left behind, as far as its time is over."""
        await self._clear()

    async def end(self) -> None:
        """Nothing ends by itself from now on; what is ending has ended."""
        while self.ending:
            await asyncio.wait(self.ending)
        for timer in (self._timer, self._clearing):
            if timer is not None:
                timer.cancel()

    def live_on(self, box: Box) -> None:
        """From now on for its time to live."""
        loop = asyncio.get_running_loop()
        box.deadline, box.expires = loop.time() + box.ttl, self._wall() + box.ttl * 1000
        if self._timer is None or box.deadline < self._timer.when():
            self._arm(box.deadline)

    def clear_later(self) -> None:
        """A world waits for its forks to go: look again in a while, whoever deletes them."""
        self._clear_at(self._wall() + AGAIN)

    # --- sandboxes

    def _arm(self, when: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_at(when, self._look)

    def _look(self) -> None:
        """End those whose time is over; look again when the next one's is."""
        self._timer = None
        now = asyncio.get_running_loop().time()
        for box in self._boxes.values():
            if box.deadline <= now and box.sealed == SERVING:  # its client is there
                self._stay(box)
        over = [box.id for box in self._boxes.values() if box.deadline <= now]
        if over:
            self._begin(lambda: self._expire(over))
        later = [box.deadline for box in self._boxes.values() if box.deadline > now]
        if later:
            self._arm(min(later))

    def _stay(self, box: Box) -> None:
        """Let a sandbox live whose client is there; whoever looks at its world after a crash is to know it, too."""
        self.live_on(box)
        if box.made:
            try:
                self._worlds.renewed(box.world, box.ttl)
            except ChildproofError as error:  # a full disk: it lives on all the same
                self._say(f"the sandbox {box.id} could not be renewed in the store: {error}")

    async def _expire(self, sandboxes: Iterable[str]) -> None:
        for sandbox in sandboxes:
            box = self._boxes.get(sandbox)
            if box is None or box.deadline > asyncio.get_running_loop().time():
                continue  # renewed while others were ended
            try:
                await self._delete(sandbox)
            except LookupError:
                continue
            except Exception as error:  # noqa: BLE001 (the others' time is over all the same)
                self._say(f"the sandbox {sandbox} could not be ended whole: {error}")

    # --- worlds

    async def _clear(self) -> None:
        """Delete worlds that nobody comes back for, one after the other, and look again when the time of others is over."""
        self._clearing = None
        try:
            over, later = self._worlds.over()
        except ChildproofError as error:
            self._say(f"worlds of sandboxes could not be looked through: {error}")
            over, later = [], self._wall() + AGAIN
        gone = 0
        for world in over:
            if self._stopping():
                return
            gone += not self._worlds.used(world) and self._worlds.delete(world) is None
            await asyncio.sleep(0)  # calls go on meanwhile
        if gone:
            self._say(f"worlds of sandboxes that had been left behind were deleted: {gone}")
        if later is not None:
            self._clear_at(later)

    def _clear_at(self, time: int) -> None:
        loop = asyncio.get_running_loop()
        when = loop.time() + max(time - self._wall(), 1000) / 1000
        if self._clearing is not None:
            if self._clearing.when() <= when:
                return
            self._clearing.cancel()
        self._clearing = loop.call_at(when, self._begin, self._clear)

    def _begin(self, work: Callable[[], Coroutine[None, None, None]]) -> None:
        task = asyncio.get_running_loop().create_task(work())
        self.ending.add(task)
        task.add_done_callback(self.ending.discard)
