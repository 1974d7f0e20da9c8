"""The golden record: who an event belongs to, and the facts known of that person."""

from heedful.customer.identifiers import identifiers_of, is_blocked, normalise, usable
from heedful.customer.identity import (
    Cluster,
    Fragment,
    Merge,
    Person,
    Separation,
    connected,
    fragment_key,
    recluster,
    resolve,
    separation_of,
    shared_identifiers,
)
from heedful.customer.profile import (
    ANY_CHANNEL,
    Consent,
    Contact,
    Entry,
    Profile,
    apply,
    merge,
)
from heedful.customer.rules import (
    CompiledIdentity,
    IdentityRules,
    Namespace,
    ProfileRules,
    TraitRule,
    TraitType,
)

__all__ = [
    "ANY_CHANNEL",
    "Cluster",
    "CompiledIdentity",
    "Consent",
    "Contact",
    "Entry",
    "Fragment",
    "IdentityRules",
    "Merge",
    "Namespace",
    "Person",
    "Profile",
    "ProfileRules",
    "Separation",
    "TraitRule",
    "TraitType",
    "apply",
    "connected",
    "fragment_key",
    "identifiers_of",
    "is_blocked",
    "merge",
    "normalise",
    "recluster",
    "resolve",
    "separation_of",
    "shared_identifiers",
    "usable",
]
