"""What a sandbox must not reach through the file system: other people's sockets, and variables that lead to them.

A unix socket with a path crosses network namespaces, and behind it sits a program that is not sealed: a container
engine, an agent with keys, a desktop bus, a terminal multiplexer that runs commands, a database, a build daemon.
"""

import contextlib
import glob
import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

# Directories that hold nothing but such sockets; new ones may appear in them while the sandbox runs.
_SOCKET_DIRECTORIES = (
    "/tmp/.X11-unix",  # noqa: S108 (a place to hide, not to write)
    "/tmp/.ICE-unix",  # noqa: S108
    "/tmp/tmux-*",  # noqa: S108
    "/tmp/ssh-*",  # noqa: S108
    "/tmp/dbus-*",  # noqa: S108
    "/tmp/emacs*",  # noqa: S108
    "/nix/var/nix/daemon-socket",
    "/var/snap/lxd/common/lxd",
    "/var/lib/lxd",
    "/var/lib/sss/pipes",
    "/var/spool/postfix/public",
    "~/.docker/run",
    "~/.docker/desktop",
    "~/.orbstack/run",
    "~/.gnupg/socketdir",
    "~/.screen",
    "~/.ssh/agent",
)
# Sockets that may lack a listener at the moment but get one by being dialled, or that /proc/net/unix doesn't name.
_SOCKETS = (
    "/var/run/docker.sock",
    "/tmp/.s.PGSQL.*",  # noqa: S108
    "/tmp/mysql.sock",  # noqa: S108
    "/tmp/vscode-*.sock",  # noqa: S108
    "~/.gnupg/S.*",
    "~/.colima/*/docker.sock",
    "~/.lima/*/sock/*.sock",
    "~/.rd/docker.sock",
)

SCAN_DEPTH = 3
SCAN_ENTRIES = 20_000

_SOCKET_VARIABLES = frozenset(
    {
        "SSH_AUTH_SOCK", "SSH_AGENT_PID", "GPG_AGENT_INFO", "DBUS_SESSION_BUS_ADDRESS", "DBUS_SYSTEM_BUS_ADDRESS",
        "DOCKER_HOST", "CONTAINER_HOST", "PODMAN_HOST", "CONTAINERD_ADDRESS", "BUILDKIT_HOST", "NIX_REMOTE",
        "DISPLAY", "WAYLAND_DISPLAY", "WAYLAND_SOCKET", "XAUTHORITY", "SWAYSOCK", "I3SOCK", "PULSE_SERVER",
        "TMUX", "TMUX_PANE", "STY", "NVIM", "VSCODE_IPC_HOOK_CLI", "VSCODE_GIT_IPC_HANDLE", "LISTEN_FDS", "LISTEN_PID",
        "NOTIFY_SOCKET", "JOURNAL_STREAM",
    }
)  # fmt: skip
_PROXY_VARIABLES = frozenset(
    {
        "http_proxy", "https_proxy", "all_proxy", "ftp_proxy", "no_proxy", "npm_config_proxy", "npm_config_https_proxy",
        "npm_config_noproxy", "cargo_http_proxy", "grpc_proxy", "no_grpc_proxy",
    }
)  # fmt: skip
_PATH_PREFIXES = ("unix://", "unix:path=", "unix:", "npipe://")


def clean_environment(env: Mapping[str, str]) -> dict[str, str]:
    """`env` without the variables that lead to sockets outside or to a proxy of the machine's own.

    A proxy's address would only confuse: in a sealed sandbox every address leads to us, as the call it really is.
    """
    return {
        name: value
        for name, value in env.items()
        if name not in _SOCKET_VARIABLES and name.lower() not in _PROXY_VARIABLES
    }


def listening_sockets() -> list[str]:
    """Paths of all unix sockets bound in the current network namespace: read before entering a new one.

    A socket bound by a relative path is listed by that path: it is looked for in every process's working directory.
    """
    try:
        lines = Path("/proc/net/unix").read_bytes().splitlines()[1:]
    except OSError:
        return []
    fields = (line.split(maxsplit=7) for line in lines)
    names = {os.fsdecode(field[7]) for field in fields if len(field) == 8 and not field[7].startswith(b"@")}
    absolute = {name for name in names if name.startswith("/")}
    relative = names - absolute
    places = _working_directories() if relative else ()
    return sorted(absolute | {os.path.join(place, name) for place in places for name in relative})


def _working_directories() -> set[str]:
    """Those of all processes that this user may ask."""
    found = set()
    for process in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            found.add(os.readlink(f"/proc/{process}/cwd"))
    return found


def sockets_in(folders: Iterable[str], *, depth: int = SCAN_DEPTH, entries: int = SCAN_ENTRIES) -> Iterator[str]:
    """Socket files in these folders and a few levels below, nearest first, after at most so many directory entries.

    For sockets that /proc/net/unix doesn't name: their listener may live in another network namespace, as a container
    engine's does whose socket was mounted into the container that we run in.
    """
    level, seen, left = list(dict.fromkeys(map(os.path.realpath, folders))), set[str](), entries
    for _ in range(depth):
        below: list[str] = []
        for folder in level:
            if folder in seen:
                continue
            seen.add(folder)
            try:
                listing = os.scandir(folder)
            except OSError:
                continue
            with listing:
                for entry in listing:
                    left -= 1
                    if left < 0:
                        return
                    if entry.is_dir(follow_symlinks=False):
                        below.append(entry.path)
                    elif not entry.is_file(follow_symlinks=False) and _is_socket(entry.path):
                        yield entry.path
        level = below


def socket_directories(home: str) -> Iterator[str]:
    """Known directories of sockets that exist on this machine."""
    for pattern in _SOCKET_DIRECTORIES:
        for path in _expand(pattern, home):
            if os.path.isdir(path) and not os.path.islink(path):
                yield path


def sockets(env: Mapping[str, str], listening: list[str]) -> Iterator[str]:
    """Every socket file to mask: those with a listener, known ones, and those that variables name."""
    home = env.get("HOME", "")
    candidates = [*listening, *(path for pattern in _SOCKETS for path in _expand(pattern, home)), *_named(env)]
    seen: set[str] = set()
    for candidate in candidates:
        path = os.path.realpath(candidate)
        if path not in seen and _is_socket(path):
            seen.add(path)
            yield path


def _named(env: Mapping[str, str]) -> Iterator[str]:
    for name in _SOCKET_VARIABLES & env.keys():
        for part in env[name].split(","):
            path = part
            for prefix in _PATH_PREFIXES:
                path = path.removeprefix(prefix)
            if path.startswith("/"):
                yield path


def _expand(pattern: str, home: str) -> list[str]:
    if pattern.startswith("~"):
        if not home.startswith("/"):
            return []
        pattern = glob.escape(home) + pattern[1:]
    return sorted(glob.glob(pattern))


def _is_socket(path: str) -> bool:
    try:
        return stat.S_ISSOCK(os.lstat(path).st_mode)
    except OSError:
        return False
