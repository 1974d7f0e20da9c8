"""What every back end owes of separations, suppression, quarantine, features, keys and meta."""

from __future__ import annotations

from heedful.ports import KeyRow, QuarantineRow, Store, Transaction

# -- separations ----------------------------------------------------------------------------------


def apart(store: Store, *identifiers: int) -> dict[int, bytes]:
    return store.read(lambda tx: tx.separations(identifiers))


def test_a_separation_is_found_under_each_identifier(store: Store) -> None:
    def work(tx: Transaction) -> None:
        tx.put_separation(1, [10, 20, 10], b"one")
        tx.put_separation(2, [20, 30], b"two")

    store.write(work)
    assert apart(store, 10) == {1: b"one"}
    assert apart(store, 20, 99, 10) == {1: b"one", 2: b"two"}
    assert apart(store, 99) == apart(store) == {}


def test_a_separation_of_the_same_key_is_replaced_names_and_all(store: Store) -> None:
    store.write(lambda tx: tx.put_separation(1, [10, 20], b"old"))
    store.write(lambda tx: tx.put_separation(1, [20, 30], b"new"))
    assert apart(store, 10) == {}
    assert apart(store, 20, 30) == {1: b"new"}


def test_a_deleted_separation_is_found_under_none(store: Store) -> None:
    store.write(lambda tx: tx.put_separation(1, [10, 20], b"one"))
    store.write(lambda tx: tx.put_separation(2, [10], b"two"))
    store.write(lambda tx: tx.delete_separations([1, 7]))
    assert apart(store, 10, 20) == {2: b"two"}


# -- suppression ----------------------------------------------------------------------------------


def test_suppressed_identifiers_are_told_from_others(store: Store) -> None:
    store.write(lambda tx: tx.suppress([1, 2, 3, 4, 5], 100))
    assert store.read(lambda tx: tx.suppressed([2, 9, 4])) == {2, 4}
    assert store.read(lambda tx: tx.suppressed(range(10))) == {1, 2, 3, 4, 5}
    store.write(lambda tx: tx.lift_suppression([2, 8]))
    assert store.read(lambda tx: tx.suppressed([2, 4])) == {4}
    assert store.read(lambda tx: tx.suppressed([])) == set()


def test_suppressions_are_listed_with_the_instant_of_the_first(store: Store) -> None:
    store.write(lambda tx: tx.suppress([5, 1, 3], 100))
    store.write(lambda tx: tx.suppress([3, 4], 200))
    assert store.read(lambda tx: tx.suppressions(-1, 10)) == [
        (1, 100),
        (3, 100),
        (4, 200),
        (5, 100),
    ]
    assert store.read(lambda tx: tx.suppressions(1, 2)) == [(3, 100), (4, 200)]
    assert store.read(lambda tx: tx.suppressions(5, 2)) == []


# -- quarantine -----------------------------------------------------------------------------------


def held(reason: str, id_: int = 0) -> QuarantineRow:
    return QuarantineRow(id_, 5, "web", reason, f"Expected {reason}.", b"\x91\x01", b"\xff\x00")


def test_the_quarantine_is_in_the_order_of_arrival(store: Store) -> None:
    store.write(lambda tx: tx.quarantine([held("a"), held("b")]))
    store.write(lambda tx: tx.quarantine([held("c")]))
    rows = store.read(lambda tx: tx.quarantined(0, 10))
    assert [row.reason for row in rows] == ["a", "b", "c"]
    assert [row._replace(id=0) for row in rows] == [held("a"), held("b"), held("c")]
    ids = [row.id for row in rows]
    assert ids == sorted(set(ids))
    assert store.read(lambda tx: tx.quarantined(ids[0], 1)) == [rows[1]]


def test_the_id_of_a_deleted_row_never_returns(store: Store) -> None:
    store.write(lambda tx: tx.quarantine([held("a"), held("b")]))
    last = store.read(lambda tx: tx.quarantined(0, 10))[-1].id
    store.write(lambda tx: tx.delete_quarantined([last, 999]))
    store.write(lambda tx: tx.quarantine([held("c")]))
    rows = store.read(lambda tx: tx.quarantined(0, 10))
    assert [row.reason for row in rows] == ["a", "c"]
    assert rows[-1].id > last


def test_a_row_with_an_id_replaces_the_one_of_that_id(store: Store) -> None:
    store.write(lambda tx: tx.quarantine([held("a"), held("b")]))
    first = store.read(lambda tx: tx.quarantined(0, 1))[0].id
    store.write(lambda tx: tx.quarantine([held("changed", first)]))
    reasons = [row.reason for row in store.read(lambda tx: tx.quarantined(0, 10))]
    assert reasons == ["changed", "b"]


# -- the dictionary of features -------------------------------------------------------------------


def test_a_known_feature_keeps_its_first_name(store: Store) -> None:
    store.write(lambda tx: tx.put_features([(3, "three"), (1, "one")]))
    store.write(lambda tx: tx.put_features([(3, "other"), (2, "two")]))
    found = store.read(lambda tx: tx.features())
    assert sorted(found) == [(1, "one"), (2, "two"), (3, "three")]


def test_known_features_are_renamed_and_unknown_ones_not_made(store: Store) -> None:
    store.write(lambda tx: tx.put_features([(3, "three"), (1, "one")]))
    store.write(lambda tx: tx.rename_features([(3, "other"), (2, "two")]))
    assert sorted(store.read(lambda tx: tx.features())) == [(1, "one"), (3, "other")]


# -- keys and named values ------------------------------------------------------------------------


def test_keys_are_kept_by_their_hash(store: Store) -> None:
    rows = [KeyRow(b"b" * 16, "source", "web", 2, None), KeyRow(b"a" * 16, "owner", "me", 1, None)]
    for row in rows:
        store.write(lambda tx, row=row: tx.put_key(row))
    assert sorted(store.read(lambda tx: tx.keys())) == sorted(rows)
    revoked = rows[0]._replace(revoked_at=9)
    store.write(lambda tx: tx.put_key(revoked))
    assert sorted(store.read(lambda tx: tx.keys())) == sorted([revoked, rows[1]])


def test_named_values_are_replaced(store: Store) -> None:
    assert store.read(lambda tx: tx.get_meta("name")) is None
    store.write(lambda tx: tx.put_meta("name", b"\x00old"))
    store.write(lambda tx: tx.put_meta("other", b""))
    store.write(lambda tx: tx.put_meta("name", b"\x00new"))
    assert store.read(lambda tx: tx.get_meta("name")) == b"\x00new"
    assert store.read(lambda tx: tx.get_meta("other")) == b""
