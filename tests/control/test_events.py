"""The stream of events through a real server that is stopped and started again while five write."""

import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from childproof.client import Client, ControlError

from .conftest import TOKEN, start, stop

EACH = 25  # entries by each writer
WORLD = "written"


@dataclass
class Scene:
    """A server's address, and what its clients have seen of it."""

    place: str
    halfway: threading.Event = field(default_factory=threading.Event)
    up: threading.Event = field(default_factory=threading.Event)
    seen: list[int] = field(default_factory=list)
    trouble: list[ControlError] = field(default_factory=list)

    def write(self) -> None:
        """So many entries; one that broke off is made again, and may be on record twice."""
        with Client(self.place, token=TOKEN) as client:
            made = 0
            while made < EACH and not self.trouble:
                try:
                    client.set_clock(WORLD, "frozen")
                    made += 1
                except ControlError as error:
                    if error.status not in (0, 503):
                        self.trouble.append(error)
                    self.up.wait(60)
                if made > EACH // 2:
                    self.halfway.set()

    def read(self) -> None:
        """Until the world is deleted; broken off, it goes on after the last event seen."""
        mark = "0-0"
        with Client(self.place, token=TOKEN) as client:
            while True:
                try:
                    for event in client.events(WORLD, after=mark):
                        if event.kind == "deleted":
                            return
                        mark = event.id
                        self.seen.append(event.data["seq"])
                except ControlError as error:
                    if error.status not in (0, 503):
                        self.trouble.append(error)
                        return
                    self.up.wait(60)


def test_a_restart_loses_and_doubles_no_event(tmp_path: Path) -> None:
    """Whoever resumes after the last event that he has seen gets the others: before, during and after the restart."""
    scene = Scene(f"unix:{tmp_path}/control.sock")
    arguments = ("--control", scene.place, "--db", str(tmp_path / "kept.db"))
    server = start(tmp_path, *arguments)
    threads = [*(threading.Thread(target=scene.write) for _ in range(5)), threading.Thread(target=scene.read)]
    try:
        with Client(scene.place, token=TOKEN) as client:
            client.create(WORLD)
        for thread in threads:
            thread.start()
        assert scene.halfway.wait(60)
        assert stop(server) == 0
        server = start(tmp_path, *arguments)
        scene.up.set()
        for thread in threads[:-1]:
            thread.join(60)
        with Client(scene.place, token=TOKEN) as client:
            count = client.world(WORLD).calls
            for _ in range(3000):
                if len(scene.seen) >= count or scene.trouble:
                    break
                time.sleep(0.02)
            client.delete(WORLD)
        threads[-1].join(60)
        assert scene.trouble == []
        assert scene.seen == [*range(1, count + 1)]
        assert count >= 5 * EACH
    finally:
        scene.up.set()
        server.process.kill()
        server.process.wait()
