"""Which addresses are public."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heedful.connectors.addresses import is_public

CLOSED = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",
    "127.0.0.1",
    "127.255.255.254",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.8",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:0:127.0.0.1",
    "100::1",
    "2001::1",
    "2001:db8::1",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd12:3456::1",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "64:ff9b:1::1",
]
OPEN = [
    "1.1.1.1",
    "93.184.216.34",
    "100.63.255.255",
    "100.128.0.0",
    "172.15.255.255",
    "172.32.0.0",
    "223.255.255.255",
    "2606:4700:4700::1111",
    "2a00:1450:4001::1",
]


@pytest.mark.parametrize("address", CLOSED)
def test_what_is_not_given_out_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", OPEN)
def test_what_is_given_out_is_public(address: str) -> None:
    assert is_public(address)


@given(st.integers(0, 2**32 - 1))
def test_an_address_inside_another_counts_as_itself(number: int) -> None:
    inner = IPv4Address(number)
    wrapped = [
        f"::ffff:{inner}",
        f"64:ff9b::{inner}",
        f"2002:{number >> 16:x}:{number & 0xFFFF:x}::1",
    ]
    assert {is_public(address) for address in wrapped} == {is_public(str(inner))}


@pytest.mark.parametrize("text", ["", "localhost", "2130706433", "0x7f.1", "127.1"])
def test_what_is_no_address_is_none(text: str) -> None:
    with pytest.raises(ValueError):
        is_public(text)
