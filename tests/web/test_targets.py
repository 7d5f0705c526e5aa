"""Which addresses callbacks may be sent to."""

from __future__ import annotations

import socket

import pytest

from sandbox.web.targets import Refused, Targets

NEAR = ["127.0.0.1", "127.9.9.9", "::1", "10.1.2.3", "172.31.0.1", "192.168.1.1", "100.64.0.1", "fd12::1"]
NEVER = {
    "169.254.169.254": "link-local",
    "169.254.0.1": "link-local",
    "fe80::1": "link-local",
    "fe80::1%eth0": "link-local",
    "fd00:ec2::254": "metadata",
    "fd20:ce::254": "metadata",
    "100.100.100.200": "metadata",
    "168.63.129.16": "metadata",
    "192.0.0.192": "metadata",
    "0.0.0.0": "no address",
    "0.1.2.3": "no address",
    "::": "no address",
    "224.0.0.1": "multicast",
    "ff02::1": "multicast",
    "255.255.255.255": "broadcast",
    "::ffff:169.254.169.254": "link-local",
    "::ffff:0.0.0.0": "no address",
    "64:ff9b::a9fe:a9fe": "link-local",
    "2002:a9fe:a9fe::1": "link-local",
}
PUBLIC = ["93.184.216.34", "2606:2800:220:1::1", "::ffff:93.184.216.34", "172.32.0.1", "192.0.2.1", "fec0::1"]


@pytest.mark.parametrize("allow_public", [False, True])
@pytest.mark.parametrize("address", NEAR)
def test_this_machine_and_its_network_are_called(address: str, allow_public: bool) -> None:
    Targets(allow_public=allow_public).check(address)


@pytest.mark.parametrize("allow_public", [False, True])
@pytest.mark.parametrize(("address", "why"), NEVER.items())
def test_some_addresses_are_never_called(address: str, why: str, allow_public: bool) -> None:
    with pytest.raises(Refused, match=f"^nothing is sent to {address}: it is .*{why}"):
        Targets(allow_public=allow_public).check(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_called_only_when_allowed(address: str) -> None:
    with pytest.raises(Refused, match=f"^nothing is sent to {address}: it is public, .*--allow-public-callbacks$"):
        Targets().check(address)

    Targets(allow_public=True).check(address)


def test_the_address_that_is_judged_is_the_one_that_is_connected_to() -> None:
    near, never = ((socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, 80)) for one in ("127.0.0.1", "0.0.0.0"))

    with Targets().connecting(near) as opened:
        assert (opened.family, opened.type) == (socket.AF_INET, socket.SOCK_STREAM)
    with pytest.raises(Refused):
        Targets().connecting(never)
