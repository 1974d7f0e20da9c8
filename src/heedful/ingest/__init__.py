"""From the bytes of a request to stamped events and refusals: Segment's contract, kept pure."""

from heedful.ingest.commerce import CATALOGUE, OWN_EVENTS
from heedful.ingest.envelope import find_write_key
from heedful.ingest.inflate import inflate
from heedful.ingest.limits import IngestLimits
from heedful.ingest.parse import PATHS, parse_request
from heedful.ingest.plan import EventPlan, PropertyRule, TrackingPlan
from heedful.ingest.signature import Signature, require_signature
from heedful.ingest.stamp import read_instant
from heedful.ingest.types import Intake, Refusal, RequestHeaders, SourceKind, SourceRules
from heedful.ingest.webhook import WebhookMapping, load_mapping, parse_webhook

__all__ = [
    "CATALOGUE",
    "OWN_EVENTS",
    "PATHS",
    "EventPlan",
    "IngestLimits",
    "Intake",
    "PropertyRule",
    "Refusal",
    "RequestHeaders",
    "Signature",
    "SourceKind",
    "SourceRules",
    "TrackingPlan",
    "WebhookMapping",
    "find_write_key",
    "inflate",
    "load_mapping",
    "parse_request",
    "parse_webhook",
    "read_instant",
    "require_signature",
]
