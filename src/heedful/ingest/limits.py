"""Every limit of ingest: its name, its unit, and what happens when it is reached.

Units come last in a name. "Refused" means that this one event goes to the quarantine with the
reason code while the rest of its batch lands; "raises" means that the request as a whole fails.
"""

from __future__ import annotations

import msgspec

from heedful.kernel import DAY_MS


class IngestLimits(msgspec.Struct, frozen=True, kw_only=True):
    """Bound what one request and one event may ask of us; a setting per source.

    Notes
    -----
    The defaults for size and count are Segment's published ones (32 KB a call, 10,000 properties
    an event); 4 MB is what RudderStack's SDKs may send in one batch. Bytes alone bound the events
    of a batch: as many of them land as fit.
    """

    body_bytes_max: int = 4 * 1024 * 1024
    """Bytes of a request after inflation. Raises `body_too_large`, or `inflate_over_limit`."""
    items_count_max: int = 160_000
    """Items of one batch that are looked at at all. Raises `too_many_events`. The shortest call
    takes 27 bytes with its comma, so only items that are no calls can be that many in 4 MiB."""
    scan_tokens_max: int = 200_000
    """Tokens that the tolerant scan of a damaged body reads. Raises `invalid_json`."""

    event_bytes_max: int = 32 * 1024
    """Bytes of one event as it was sent. Refused with `event_too_large`."""
    depth_max: int = 32
    """Levels of nesting in properties, traits or context, themselves one. `too_deep`."""
    entries_count_max: int = 10_000
    """Entries of one mapping, such as properties. Refused with `too_many_properties`."""
    list_count_max: int = 10_000
    """Items of one list. Refused with `list_too_long`."""
    key_chars_max: int = 256
    """Characters of a property's or trait's name. Refused with `key_too_long`."""
    name_chars_max: int = 256
    """Characters of an event's name. Refused with `name_too_long`."""
    id_chars_max: int = 512
    """Characters of userId, anonymousId, previousId, groupId. Refused with `id_too_long`."""
    external_ids_count_max: int = 50
    """Entries of `context.externalIds` that are read; the rest are flagged and left."""
    message_id_chars_max: int = 100
    """Characters of a messageId. A longer one is cut, hashed and flagged, never refused."""
    refused_bytes_max: int = 64 * 1024
    """Bytes of a refused item that are kept for the quarantine; a longer one is cut and says so."""

    skew_ms_max: int = DAY_MS
    """Milliseconds between sentAt and arrival beyond which the client's clock is not believed."""
