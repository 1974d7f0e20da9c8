"""Keys: shown once, kept as hashes, out of force at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from heedful.app import ROLES, Identity, KeyRing
from heedful.kernel import InputError
from heedful.ports import Store, Transaction
from heedful.store.memory import MemoryStore

NOW = 1_800_000_000_000


def ring_of(store: Store, secret: bytes = b"secret") -> KeyRing:
    def change(work: Callable[[Transaction], Any]) -> Any:
        return store.write(work)

    return KeyRing(store, secret, change)


@pytest.fixture
def store() -> Store:
    return MemoryStore()


@pytest.fixture
def ring(store: Store) -> KeyRing:
    return ring_of(store)


def code_of(work: Callable[[], Any]) -> str:
    with pytest.raises(InputError) as refused:
        work()
    return str(refused.value.code)


@pytest.mark.parametrize("role", ROLES)
def test_a_key_is_known_by_its_role_and_name(ring: KeyRing, role: str) -> None:
    key = ring.create(role, "one", NOW)
    assert ring.authenticate(key) == Identity(role, "one")
    assert ring.authenticate(key + "x") is None
    assert ring.authenticate("") is None
    assert ring.authenticate("x" * 10_000) is None


def test_a_key_is_kept_as_a_hash_under_the_secret(store: Store, ring: KeyRing) -> None:
    key = ring.create("owner", "one", NOW)
    (row,) = ring.rows()
    assert key.encode() not in row.hash
    assert ring_of(store).authenticate(key) == Identity("owner", "one")
    assert ring_of(store, b"another secret").authenticate(key) is None


def test_a_revoked_key_opens_nothing_and_its_name_is_free(ring: KeyRing) -> None:
    first = ring.create("agent", "desk", NOW)
    ring.revoke("desk", NOW + 1)
    assert ring.authenticate(first) is None
    second = ring.create("agent", "desk", NOW + 2)
    assert ring.authenticate(second) == Identity("agent", "desk")
    assert [row.revoked_at for row in ring.rows()] == [NOW + 1, None]
    assert code_of(lambda: ring.revoke("nobody", NOW)) == "key_not_found"


def test_a_source_may_bring_the_write_key_that_its_sdks_carry(ring: KeyRing) -> None:
    assert ring.create("source", "web", NOW, "WK") == "WK"
    assert ring.authenticate("WK") == Identity("source", "web")
    assert code_of(lambda: ring.create("source", "app", NOW, "WK")) == "key_exists"
    assert code_of(lambda: ring.create("owner", "me", NOW, "mine")) == "bad_write_key"


@pytest.mark.parametrize("key", ["", "x", "a b", "a:b", "\u00fc\u00fc", "x" * 201])
def test_a_write_key_that_no_header_carries_is_refused(ring: KeyRing, key: str) -> None:
    assert code_of(lambda: ring.create("source", "web", NOW, key)) == "bad_write_key"


@pytest.mark.parametrize("name", ["", " ", "a b", ".x", "x" * 65, "\u00fc"])
def test_a_name_that_no_path_carries_is_refused(ring: KeyRing, name: str) -> None:
    assert code_of(lambda: ring.create("owner", name, NOW)) == "bad_key_name"


def test_a_slip_in_a_role_is_refused_with_the_nearest(ring: KeyRing) -> None:
    with pytest.raises(InputError, match="Did you mean operator"):
        ring.create("operater", "one", NOW)


def test_a_key_in_force_is_not_made_twice(ring: KeyRing) -> None:
    ring.create("owner", "one", NOW)
    assert code_of(lambda: ring.create("agent", "one", NOW)) == "key_exists"


def test_the_command_lines_own_token_is_no_key(ring: KeyRing) -> None:
    ring.admit_owner("token")
    assert ring.is_owner_token("token")
    assert not ring.is_owner_token("tokens")
    assert ring.authenticate("token") is None
