"""What a sandbox must not reach through the file system: other people's sockets, and variables that lead to them.

A unix socket with a path crosses network namespaces, and behind it sits a program that is not sealed: a container
engine, an agent with keys, a desktop bus, a terminal multiplexer that runs commands, a database, a build daemon.
"""

import glob
import os
import stat
from collections.abc import Iterator, Mapping
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
    """Paths of all unix sockets bound in the current network namespace: read before entering a new one."""
    try:
        lines = Path("/proc/net/unix").read_bytes().splitlines()[1:]
    except OSError:
        return []
    paths = (line.split(maxsplit=7)[7] for line in lines if line.count(b" ") and len(line.split(maxsplit=7)) == 8)
    return sorted({os.fsdecode(path) for path in paths if path.startswith(b"/")})


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
