"""The two processes between childproof and the command, both forked from it.

The *keeper* makes the user, network, mount, IPC and process namespaces, furnishes the network, hands the listeners
over, and starts the sandbox's first process (`init`), which furnishes the mounts once the parent says so. The keeper
stays because process namespaces only hold for children, and so that the parent has a child of its own to wait for.
"""

import os
import signal
import socket
from collections.abc import Mapping, Sequence
from typing import NoReturn

from . import channel, hide, linux
from .furnish import StepError, Survey, furnish, step
from .init import Inherited, Init, Start, prepare
from .network import Listeners, set_up
from .seccomp import filter_program

UNABLE = 125  # our own failure, as env(1) and docker have it; the parent has been told why


def keep(
    control: socket.socket, inherited: Inherited, command: Sequence[str], env: Mapping[str, str], cwd: str
) -> NoReturn:
    """Be the keeper. Never returns and never raises: the process ends with init's status."""
    code = UNABLE
    try:
        code = _keep(control, inherited, command, env, cwd)
    except StepError as error:
        _tell(control, error)
    except BaseException as error:  # noqa: BLE001 (nothing may run on as a second copy of the parent)
        _tell(control, StepError("sealing", error if isinstance(error, Exception) else Exception(repr(error))))
    finally:
        os._exit(code)


def _keep(
    control: socket.socket, inherited: Inherited, command: Sequence[str], env: Mapping[str, str], cwd: str
) -> int:
    # Whoever signals childproof's process group (`kill %1`, timeout(1), a supervisor) means the command: that comes
    # by the channel, and must not end this process first.
    os.setpgid(0, 0)
    prepare()
    os.set_blocking(control.fileno(), True)
    parent = os.getppid()
    with step("filtering system calls"):
        program = filter_program()
    listening = hide.listening_sockets()
    _enter_namespaces()
    linux.die_with_parent(signal.SIGKILL)
    if os.getppid() != parent:
        return UNABLE  # the parent was gone before the kernel was told
    with step("setting up the network (netlink, nftables)"):
        listeners = set_up()
    # The parent may want an end as soon as it has the listeners: SIGTERM waits until there is a pid to pass it on to.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    init = os.fork()
    if init == 0:
        _init(control, inherited, listeners, program, (command, env, cwd, listening))
    for sock in listeners.sockets():
        sock.close()

    def end(*_: object) -> None:
        os.kill(init, signal.SIGKILL)

    signal.signal(signal.SIGTERM, end)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    linux.hide_from_tracers()
    _, status = os.waitpid(init, 0)
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def _enter_namespaces() -> None:
    uid, gid = os.getuid(), os.getgid()
    with step("a user namespace"):
        os.unshare(linux.CLONE_NEWUSER)
        for name, content in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
            with open(f"/proc/self/{name}", "w") as file:
                file.write(content)
    with step("network, mount, process and IPC namespaces"):
        os.unshare(linux.CLONE_NEWNET | linux.CLONE_NEWNS | linux.CLONE_NEWPID | linux.CLONE_NEWIPC)


def _init(
    control: socket.socket,
    inherited: Inherited,
    listeners: Listeners,
    program: bytes,
    told: tuple[Sequence[str], Mapping[str, str], str, list[str]],
) -> NoReturn:
    code = UNABLE
    try:
        linux.die_with_parent(signal.SIGKILL)
        code = _furnish_and_run(control, inherited, listeners, program, told)
    except StepError as error:
        _tell(control, error)
    except BaseException as error:  # noqa: BLE001 (as in keep)
        _tell(control, StepError("sealing", error if isinstance(error, Exception) else Exception(repr(error))))
    finally:
        os._exit(code)


def _furnish_and_run(
    control: socket.socket,
    inherited: Inherited,
    listeners: Listeners,
    program: bytes,
    told: tuple[Sequence[str], Mapping[str, str], str, list[str]],
) -> int:
    command, env, cwd, listening = told
    sockets = listeners.sockets()
    channel.send(
        control,
        {"dns": len(listeners.dns), "refusals": listeners.refusals is not None},
        [sock.fileno() for sock in sockets],
    )
    for sock in sockets:
        sock.close()
    terminal = _controlling_terminal()
    with step("looking around"):
        survey = Survey.make(command, env, cwd, listening)
    received = channel.receive(control)
    if received is None:
        return UNABLE
    frame, _ = received
    trusted = furnish(survey, str(frame["ca"]).encode(), list(frame["hidden"]), list(frame["read_only"]))
    replaced: dict[str, str] = dict(frame.get("environ", {}))
    with step("dropping capabilities"):
        linux.drop_capabilities()
        linux.hide_from_tracers()
    channel.send(control, {"furnished": True})
    received = channel.receive(control)
    if received is None:
        return UNABLE
    frame, _ = received
    environment = {**hide.clean_environment({**env, **replaced}), **trusted}
    start = Start(command, environment, cwd, bool(frame["foreground"]), program)
    return Init(control, terminal).run(start, inherited)


def _controlling_terminal() -> int | None:
    try:
        return os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:
        return None


def _tell(control: socket.socket, error: StepError) -> None:
    try:
        channel.send(control, {"failed": error.step, "error": str(error), "errno": error.number})
    except OSError:
        return
