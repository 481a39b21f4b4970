"""Work in a thread that the process doesn't wait for at its end, for what may never end: a pipe, a file system that is gone."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress


async def aside[T](work: Callable[[], T], name: str) -> T:
    """What `work` gives or raises. Who stops waiting leaves the thread, called `name`, to itself."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def deliver(result: T | None, error: BaseException | None) -> None:
        if done.cancelled():
            return
        if error is not None:
            done.set_exception(error)
        else:
            done.set_result(result)  # type: ignore[arg-type]  # None only where T is

    def run() -> None:
        result, problem = None, None
        try:
            result = work()
        except BaseException as error:  # noqa: BLE001 (raised there where it is waited for)
            problem = error
        with suppress(RuntimeError):  # the loop is over
            loop.call_soon_threadsafe(deliver, result, problem)

    threading.Thread(target=run, name=name, daemon=True).start()
    return await done
