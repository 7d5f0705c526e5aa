"""Which addresses callbacks may be sent to: this machine and its network, and public ones only when allowed."""

from __future__ import annotations

import socket
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any

Address = IPv4Address | IPv6Address

_NEAR = tuple(
    map(
        ip_network,
        ("127.0.0.0/8", "::1/128", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"),
    )
)
# Where clouds tell a machine its secrets, beyond the link-local 169.254.169.254 of most of them.
_METADATA = frozenset(
    map(ip_address, ("fd00:ec2::254", "fd20:ce::254", "100.100.100.200", "192.0.0.192", "168.63.129.16"))
)
_THIS_NETWORK = ip_network("0.0.0.0/8")  # 0.0.0.0 itself reaches whoever listens on this machine
_TRANSLATED = ip_network("64:ff9b::/96")  # an IPv4 address to be reached from an IPv6 network


class Refused(OSError):
    """Why nothing is sent to an address."""


class Targets:
    """The rule for the address a connection is about to be made to, whatever name it was found under."""

    def __init__(self, *, allow_public: bool = False) -> None:
        self._allow_public = allow_public

    def check(self, address: str) -> None:
        """Raise :class:`Refused` for an address that nothing is sent to."""
        meant = _meant(ip_address(address.partition("%")[0]))
        kind = _never(meant)
        if kind is not None:
            raise Refused(f"nothing is sent to {address}: it is {kind}")
        if not self._allow_public and not any(meant in network for network in _NEAR):
            raise Refused(f"nothing is sent to {address}: it is public, which takes --allow-public-callbacks")

    def connecting(self, info: tuple[Any, ...]) -> socket.socket:
        """Return the socket to connect to the address of a ``getaddrinfo`` row; raises :class:`Refused`.

        Asked by aiohttp for each address right before it connects to that very address, so no second look-up can
        lead elsewhere.
        """
        family, kind, protocol, _, (address, *_) = info
        self.check(address)
        return socket.socket(family, kind, protocol)


def _meant(address: Address) -> Address:
    """Return the IPv4 address that an IPv6 address stands for, or the address itself."""
    if isinstance(address, IPv4Address):
        return address
    if address in _TRANSLATED:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


def _never(address: Address) -> str | None:
    if address in _METADATA:
        return "a cloud's metadata service"
    if address.is_link_local:
        return "link-local, where clouds keep their metadata"
    if address.is_multicast:
        return "multicast"
    if address == IPv4Address("255.255.255.255"):
        return "broadcast"
    if address.is_unspecified or address in _THIS_NETWORK:
        return "no address of anyone"
    return None
