"""`childproof run --server`: the sandbox is made here, what judges and answers is a server on the same machine.

    fork -> a sandbox over the API -> listeners handed over -> mounts -> the command -> the record is whole -> report

Nothing heavy is imported: no capture, no stubs, no rules. A command starts in the time that an interpreter takes.
"""

import contextlib
import gc
import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec

from childproof.errors import InputError, ServerGoneError
from childproof.run.config.variables import PRIVATE
from childproof.run.report.printing import put, terminal
from childproof.run.report.reportfile import ReportFile
from childproof.run.watch.trouble import ending, say
from childproof.sandbox import channel
from childproof.sandbox.sealed import SandboxListeners, SandboxSpec, SealedSandbox

if TYPE_CHECKING:
    from childproof.client import Client
    from childproof.control.messages_sandboxes import Handover, MadeSandbox

TTL = 120  # seconds after which a sandbox is gone whose client never came back
_ANSWER = 30.0  # seconds that a server may take to begin
_UNIX = "unix:"


class Remote(msgspec.Struct, frozen=True):
    """What the command line asked for. `world` None: one of its own, which goes with the run. `clock` is as the API has it."""

    server: str
    token: str | None
    command: tuple[str, ...]
    environ: dict[str, str]
    cwd: Path
    world: str | None = None
    from_: str | None = None
    seed: int = 0
    clock: str = "real"
    token_file: Path | None = None
    report: Literal["text", "json", "none"] = "text"
    report_to: ReportFile | None = None

    def shown(self) -> dict[str, str]:
        """The environment as the command may see it."""
        return {name: value for name, value in self.environ.items() if name not in PRIVATE}


def run_remote(remote: Remote) -> int:
    """Run the command and report; its exit code, or 1 for 0 where something could not be recorded.

    Raises InputError, ControlError or SandboxError, and then the command has not been started; ServerGoneError where the server
    has gone meanwhile, and then it was ended.
    """
    if not remote.server.startswith(_UNIX):
        raise InputError.single(
            "--server", f"{remote.server!r}, which may be another machine's", "a unix socket: the server serves what is sealed here",
            "--server unix:/run/childproof.sock",
        )  # fmt: skip
    sandbox = SealedSandbox.launch(SandboxSpec(remote.command, remote.shown(), str(remote.cwd)))
    try:
        from childproof.client import Client  # noqa: PLC0415 (while the sandbox is made)

        with Client(remote.server, token=remote.token) as client, _made(client, remote) as made:
            return _run(remote, client, made, sandbox)
    finally:
        sandbox.kill()


def _run(remote: Remote, client: "Client", made: "MadeSandbox", sandbox: SealedSandbox) -> int:
    from .accompanying import accompanied  # noqa: PLC0415 (asyncio: while the sandbox is made)

    handover = made.handover
    assert handover is not None  # as it is sealed
    listeners = sandbox.handover()
    try:
        link, environ = _hand_over(made.id, handover, listeners, remote.shown())
    finally:
        listeners.close()  # the server's are the only ones: where it is gone, calls are refused
    with link:
        sandbox.furnish(
            ca_cert=made.ca.encode(),
            hidden=[*_there([*handover.hidden, handover.path, *_own(remote)])],
            read_only=[*_there(handover.read_only)],
            environ=environ,
        )
        gc.enable()
        code, gone = accompanied(link, sandbox)
        if gone:
            raise ServerGoneError(_ended(remote, client, made))
        return _report(remote, client, made.id, code)


def _ended(remote: Remote, client: "Client", made: "MadeSandbox") -> str:
    """What has ended a command before its time: the server's end, or that of its sandbox there."""
    from childproof.client import ControlError, NotFoundError  # noqa: PLC0415 (imported by now)

    was = "the command was ended, since its calls were refused from then on"
    try:
        client.sandbox(made.id)
    except NotFoundError:
        return f"somebody deleted the sandbox {made.id} at {remote.server}, in the world {made.world}: {was}"
    except ControlError:
        pass
    return f"{remote.server} has gone: {was}; what it called before is in the server's ledger"


@contextlib.contextmanager
def _made(client: "Client", remote: Remote) -> Iterator["MadeSandbox"]:
    from childproof.client import ConflictError, ControlError, NotFoundError  # noqa: PLC0415 (imported by now)

    def make() -> "MadeSandbox":
        return client.create_sandbox(world=remote.world, from_=remote.from_, sealed=True, ttl=TTL)

    try:
        made = make()
    except NotFoundError:
        if remote.world is None or remote.from_ is not None:
            raise
        with contextlib.suppress(ConflictError):  # somebody else was quicker
            client.create(remote.world, seed=remote.seed, clock=remote.clock)
        made = make()
    try:
        yield made
    finally:
        with contextlib.suppress(ControlError):
            client.delete_sandbox(made.id, keep=remote.world is not None)


def _hand_over(
    sandbox: str, handover: "Handover", listeners: SandboxListeners, environ: dict[str, str]
) -> tuple[socket.socket, dict[str, str]]:
    """Give the server the listeners; the channel to it, and the variables that the command gets otherwise."""
    sockets = [listeners.tcp, *listeners.dns, *filter(None, [listeners.refusals])]
    hello = {
        "sandbox": sandbox, "secret": handover.secret, "dns": len(listeners.dns),
        "refusals": listeners.refusals is not None, "environ": environ,
    }  # fmt: skip
    from childproof.client.errors import UNREACHABLE, ConflictError, UnreachableError  # noqa: PLC0415 (imported by now)

    path = handover.path
    link = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with contextlib.ExitStack() as undo:
        undo.callback(link.close)
        try:
            link.settimeout(_ANSWER)
            link.connect(path)
            channel.send(link, hello, [sock.fileno() for sock in sockets])
        except OSError as error:
            raise UnreachableError(
                0, UNREACHABLE, f"{path} can't be reached: {error.strerror}; is it this machine's?"
            ) from None
        received = channel.heard(link)
        if received is None:
            raise ServerGoneError("the server closed the connection to which the sandbox was handed over")
        frame, _ = received
        if "failed" in frame:
            raise ConflictError(409, "refused", str(frame["failed"]))
        undo.pop_all()
    return link, dict(frame["environ"])


def _report(remote: Remote, client: "Client", sandbox: str, code: int) -> int:
    """The exit code of the run. A server that is gone now takes the report with it, not the command's code."""
    from childproof.client import ControlError  # noqa: PLC0415 (imported by now)

    width, colours = (None, False) if remote.report_to is not None else terminal()
    try:
        told = client.report_sandbox(sandbox, width=width, colours=colours, server=remote.server)
    except ControlError as error:
        say(f"there is no report: {error}")
        return code
    if remote.report != "none":
        text = told.text if remote.report == "text" else json.dumps(told.report)
        put(text, remote.report, remote.report_to)
    if remote.report == "text" and remote.world is None:
        say("the world and its record are thrown away now; --world NAME keeps them")
    if told.incomplete:
        _say_gone(remote, client, told.report["world"])
    return ending(code, {told.report["world"]: told.incomplete})


def _say_gone(remote: Remote, client: "Client", world: str) -> None:
    """Why calls have no record, where that is somebody's doing."""
    from childproof.client import ControlError, NotFoundError  # noqa: PLC0415 (imported by now)

    try:
        client.world(world)
    except NotFoundError:
        say(
            f"somebody deleted the world {world} at {remote.server}: its record is gone, and calls were denied from then on"
        )
    except ControlError:
        pass


def _own(remote: Remote) -> list[str]:
    """What belongs to us and not to the command: the API's socket, its token, the report's file."""
    files = [remote.server.removeprefix(_UNIX).removeprefix("//")]
    if remote.token_file is not None:
        files.append(str(remote.token_file))
    if remote.report_to is not None and remote.report_to.path.is_file():
        files.append(str(remote.report_to.path))
    return files


def _there(paths: list[str]) -> Iterator[Path]:
    """Those that this process sees: the server may have another view of the file system."""
    return (Path(path) for path in paths if os.path.exists(path))  # noqa: PTH110 (strings as the server gave them)
