"""Which addresses of the internet a destination may have: public ones, unless its owner says more.

The law: what is looked at is the address that the name resolved to, never the name. A number in
decimal, a name in somebody else's zone and an IPv6 address with an IPv4 one inside it all end as an
address, and it is this one that is called.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

# IANA's registries of special-purpose addresses, written out: what the standard library calls
# global differs between its versions.
_IPV4_CLOSED: Final = tuple(
    IPv4Network(block)
    for block in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # behind a carrier's translation
        "127.0.0.0/8",  # loopback
        "169.254.0.0/16",  # link-local; clouds keep their credentials here
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # relays of 6to4
        "192.168.0.0/16",  # private
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
    )
)
_IPV6_OPEN: Final = IPv6Network("2000::/3")  # all that is given out as global unicast
_IPV6_CLOSED: Final = tuple(
    IPv6Network(block)
    for block in (
        "2001::/23",  # protocol assignments, Teredo among them
        "2001:db8::/32",  # documentation
        "3fff::/20",  # documentation
    )
)
_TRANSLATED: Final = IPv6Network("64:ff9b::/96")  # IPv4 in the last 32 bits, by NAT64


def is_public(address: str) -> bool:
    """Say whether an address belongs to the public internet.

    Parameters
    ----------
    address
        As a resolver gives it: IPv4 in dotted decimals, or IPv6 with or without a zone.

    Examples
    --------
    >>> is_public("93.184.216.34"), is_public("169.254.169.254")
    (True, False)
    >>> is_public("::ffff:127.0.0.1"), is_public("fe80::1%eth0")
    (False, False)
    """
    found = ip_address(address.partition("%")[0])
    if isinstance(found, IPv4Address):
        return _is_public_v4(found)
    inner = _embedded(found)
    if inner is not None:
        return _is_public_v4(inner)
    return found in _IPV6_OPEN and not any(found in block for block in _IPV6_CLOSED)


def _is_public_v4(address: IPv4Address) -> bool:
    return not any(address in block for block in _IPV4_CLOSED)


def _embedded(address: IPv6Address) -> IPv4Address | None:
    """Give the IPv4 address to which a packet for this one is handed on."""
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address in _TRANSLATED:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return None
