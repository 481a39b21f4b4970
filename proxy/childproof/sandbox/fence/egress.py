"""What a packet socket sends (AF_PACKET: whole frames) sees none of IP's hooks: a second fence, at the devices.

Where frames leave a device (netdev's egress hook, Linux 5.16), one that IP sent still has its route at hand, and it has
passed the other chains. A packet socket's frame has none, and nothing that its sender can set gives it one.
"""

from collections.abc import Iterable

from childproof.sandbox.netfilter import nft

from .redirection import ANYBODY, Chain

_ARP = 0x0806
_EARLY = -100
_RULES = (
    [*nft.routed(), *nft.accept()],
    [*ANYBODY, *nft.drop()],
    [*nft.ethertype(_ARP), *nft.accept()],  # the kernel's own
)


def chains(devices: Iterable[str]) -> tuple[Chain, ...]:
    """One chain for each device, of which `lo` needs none."""
    return tuple(
        Chain(f"frames-{number}", "filter", nft.HOOK_EGRESS, _EARLY, nft.DROP, _RULES, nft.FAMILY_NETDEV, device)
        for number, device in enumerate(devices)
    )
