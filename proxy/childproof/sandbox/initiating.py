"""Puts a redirection into the network namespace that this process is in."""

import errno
from pathlib import Path

from childproof.errors import SandboxError

from . import redirection
from .netlink import NETLINK_NETFILTER, Netlink

RESOLV_CONF = Path("/etc/resolv.conf")


def redirect_here(uid: int) -> None:
    """Install the redirection, in the place of an earlier one. Raises SandboxError where the kernel refuses."""
    wanted = redirection.Redirection(uid=uid, resolvers=redirection.resolvers_in(_text(RESOLV_CONF)))
    try:
        with Netlink(NETLINK_NETFILTER) as netlink:
            netlink.ask(redirection.install(redirection.chains(wanted)))
    except OSError as error:
        if error.errno in (errno.EPERM, errno.EACCES):
            raise SandboxError(
                "init needs the capability NET_ADMIN in this network namespace; in a pod's manifest, write for the init"
                " container: securityContext: {runAsUser: 0, capabilities: {drop: [ALL], add: [NET_ADMIN]}}"
            ) from None
        raise SandboxError(f"The kernel doesn't take the redirection: {error.strerror}") from None


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError):
        return ""
