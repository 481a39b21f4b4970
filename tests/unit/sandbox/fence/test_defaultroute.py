"""A default route by the proxy: where a network namespace has none, and the proxy is a neighbour."""

import json
import os
import subprocess
import sys

import pytest

# An address on `lo`'s own link would do as a gateway nowhere, so there is a device with a neighbour behind it.
INSIDE = """
import ipaddress, json, os, subprocess
from childproof.sandbox.fence.defaultroute import lead_to
flags = os.CLONE_NEWNET if os.getuid() == 0 else os.CLONE_NEWUSER | os.CLONE_NEWNET
uid = os.getuid()
os.unshare(flags)
if uid:
    open("/proc/self/uid_map", "w").write(f"0 {uid} 1")
for words in (
    "link set lo up", "link add neighbour0 type veth peer name there", "address add 10.83.0.3/29 dev neighbour0",
    "address add fd00:83::3/64 dev neighbour0 nodad", "link set neighbour0 up", "link set there up",
):
    subprocess.run(["ip", *words.split()], check=True)
proxies = [ipaddress.ip_address(one) for one in ("10.83.0.2", "fd00:83::2")]
far = [ipaddress.ip_address(one) for one in ("192.0.2.99", "2001:db8::99")]
seen = [[str(one) for one in lead_to(wanted)] for wanted in (far, proxies, proxies)]
routes = [
    subprocess.run(["ip", version, "route", "show", "default"], check=True, capture_output=True, text=True).stdout.split()[:3]
    for version in ("-4", "-6")
]
print(json.dumps([seen, routes]))
"""


@pytest.fixture(scope="module")
def seen():
    done = subprocess.run([sys.executable, "-c", INSIDE], capture_output=True, text=True, check=False)
    if done.returncode and os.getuid():
        pytest.skip(f"no network namespaces here: {done.stderr[-200:]}")
    return json.loads(done.stdout)


@pytest.mark.sealed
def test_a_proxy_that_is_no_neighbour_is_no_gateway(seen):
    """Then the namespace stays without, and whatever is sent there fails at once."""
    assert seen[0][0] == []


@pytest.mark.sealed
def test_each_ip_version_begins_by_the_proxy(seen):
    assert seen[0][1] == ["10.83.0.2", "fd00:83::2"]
    assert seen[1] == [["default", "via", "10.83.0.2"], ["default", "via", "fd00:83::2"]]


@pytest.mark.sealed
def test_where_there_is_a_route_it_stays(seen):
    """A second run, or a network with a gateway of its own: nothing is added."""
    assert seen[0][2] == []
