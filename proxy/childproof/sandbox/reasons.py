"""Why this machine can't seal, in one sentence with the way out."""

import errno
import platform
from pathlib import Path

from childproof.errors import SandboxError

WAY_OUT = "Run it with `--mode env` to use proxy variables instead (not sealed)."


def explain(step: str, message: str, number: int | None) -> SandboxError:
    """The error for a step that failed: what, why as far as the machine tells, and what to do."""
    because = _because(number)
    return SandboxError(f"This machine can't seal a command: {step} failed ({message}){because}. {WAY_OUT}")


def unsupported() -> SandboxError:
    """The error on a system that has no namespaces at all."""
    return SandboxError(f"Sealing a command needs Linux, and this is {platform.system()}. {WAY_OUT}")


def _because(number: int | None) -> str:
    if number == errno.ENOSPC or _number("/proc/sys/user/max_user_namespaces") == 0:
        return ": user namespaces are limited, set `sysctl user.max_user_namespaces=15000`"
    if number not in (errno.EPERM, errno.EACCES):
        return ""
    if _number("/proc/sys/kernel/unprivileged_userns_clone") == 0:
        return ": user namespaces are off, set `sysctl kernel.unprivileged_userns_clone=1`"
    if _number("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == 1:
        return ": AppArmor restricts user namespaces, set `sysctl kernel.apparmor_restrict_unprivileged_userns=0`"
    if Path("/.dockerenv").exists() or Path("/run/.containerenv").exists():
        return (
            ": this is a container that forbids it, start it with"
            " `--security-opt seccomp=unconfined --security-opt systempaths=unconfined`"
        )
    return ""


def _number(path: str) -> int | None:
    try:
        return int(Path(path).read_text())
    except (OSError, ValueError):
        return None
