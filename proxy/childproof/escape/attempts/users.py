"""Lines 6i, 8h and 8i: the user who may leave, the kernel's settings, and whoever is outside."""

import os
from functools import partial

from childproof.escape.table import UNCONTAINED, Absent, Closed, Open, add, attempt
from childproof.escape.talk import exchange, get, tried
from childproof.escape.ways import Way
from childproof.sandbox.fence.redirection import PROXY_UID

from .files import in_a_copy, libc

_LEAVES = Open(
    "CAP_SETUID lets a process become the user who may leave, and the kernel can't tell it from the proxy: a manifest that "
    "drops the capabilities closes it, as ours do; `childproof doctor --workload` says where it isn't"
)


@attempt("8h", direct=Closed(("refused",)), proxied=UNCONTAINED, capable=_LEAVES)
def becoming_the_proxys_user(way: Way) -> str:
    """By setuid, setgid and setgroups."""
    del way

    def become() -> str:
        return tried(
            partial(os.setresuid, PROXY_UID, PROXY_UID, PROXY_UID),
            partial(os.setresuid, -1, PROXY_UID, -1),
            partial(os.setresgid, PROXY_UID, PROXY_UID, PROXY_UID),
            partial(os.setgroups, [PROXY_UID]),
        )

    return in_a_copy(become)


@attempt("8h", direct=Closed(("HTTP/1.1 403", "nothing there", "PermissionError")), proxied=UNCONTAINED)
def the_proxys_user_by_another_name(way: Way) -> str:
    """In a user namespace where one's own number is the proxy's."""

    def named() -> str:
        uid = os.getuid()
        if libc.unshare(0x10000000) != 0:
            return "nothing there: no namespace"
        with open("/proc/self/uid_map", "w") as file:
            file.write(f"{PROXY_UID} {uid} 1")
        return exchange(way, "203.0.113.68", 80, get("203.0.113.68"))

    return in_a_copy(named)


@attempt("8i", direct=Closed(("refused",)), proxied=UNCONTAINED)
def the_kernels_settings(way: Way) -> str:
    """What forwards, routes and answers: to change."""
    del way
    names = ("ipv4/ip_forward", "ipv4/conf/all/route_localnet", "ipv4/ping_group_range", "ipv6/conf/all/forwarding")
    return tried(*(partial(_rewrite, f"/proc/sys/net/{name}") for name in names))


def _rewrite(path: str) -> None:
    with open(path, "r+") as file:
        text = file.read()
        file.seek(0)
        file.write(text)


add(
    "6i",
    "an_answer_to_whoever_asks_from_outside",
    None,
    direct=Absent("nobody outside can connect: there is no device"),
    proxied=UNCONTAINED,
    shared=Open(
        "whoever the network lets in to the pod is answered: probes and services need it; a NetworkPolicy says who that is"
    ),
)
