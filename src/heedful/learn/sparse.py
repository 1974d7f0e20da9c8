"""Gaussian weights found by hash: crosses of features with channels, groups and actions.

Two crosses that fall on one weight share it; at 2^18 weights and 20,000 crosses in use about 4 %
of them do. A weight that no outcome has touched has mean 0 and the prior variance.

Each weight is believed in by itself, and that goes wrong where one is always there: it, the
constant and whatever else is always there would each take in the whole of every outcome, so that
the last few outweigh all before them. So a weight learns what is special about its feature: of each
outcome the part `1 - share`, where `share` says how much of what its scope has seen had it; what
that adds to the average of the scope is taken off its centre.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import Final, NamedTuple

import numpy as np

from heedful.learn.arms import ArmSpec
from heedful.learn.context import Hashes, mixed
from heedful.learn.quadrature import Floats, Indices

_CONSTANT: Final = mixed(np.array([1 << 63], dtype=np.uint64))  # the feature that is always 1
_CENTRE: Final = mixed(np.array([1 << 62], dtype=np.uint64))  # what a scope's weights are around
_SPREAD: Final = np.uint64(0xD6E8FEB86659FD93)
_SEEN_MIN: Final = 1e-9  # of a centre that has seen nothing, whose weights have not either
_VARIANCE_FLOOR: Final = 1.0 / 256.0  # of the prior: a weight never stops learning


_NONE: Final = np.zeros(0)


class Read(NamedTuple):
    """Some weights as they were before an outcome; of shape (n,), and (m,) of their centres."""

    places: Indices
    values: Floats
    """Of their features."""
    mean: Floats
    variance: Floats
    centres: Indices
    centre: Indices
    """Of each weight, which of the centres it is around; m where it is around none."""
    centre_mean: list[float]
    centre_variance: list[float]
    """Of these only says how much the scope has seen; empty where no weight is read."""

    @property
    def score(self) -> tuple[float, float]:
        """Mean and variance of what they add to the log-odds."""
        values, mean = self.values, sum(self.centre_mean)
        if not len(values):
            return mean, 0.0
        mean += float(self.mean.dot(values))
        return mean, float(self.variance.dot(values * values))


class SparseWeights:
    """Means and variances of 2^bits weights."""

    def __init__(self, bits: int, variance: float) -> None:
        self.bits = bits
        self.prior = variance
        self._least = np.array(variance * _VARIANCE_FLOOR)
        self.mean = np.zeros(1 << bits)
        self.variance = np.full(1 << bits, variance)
        self.at: int | None = None
        """When the past was last faded, ms since 1970; None before the first row."""

    def places(self, scopes: Hashes, features: Hashes) -> Indices:
        """Find the weights of features in scopes, of shape (len(scopes), len(features))."""
        keys = (scopes[:, None] + features) * _SPREAD
        keys >>= np.uint64(64 - self.bits)
        return keys.astype(np.intp)

    def centres(self, scopes: Hashes) -> Indices:
        """Find the centres of scopes."""
        return self.places(scopes, _CENTRE)[:, 0]

    def read(self, places: Indices, values: Floats, centres: Indices, centre: Indices) -> Read:
        """Read the weights at `places`, each with its feature's value, and their centres."""
        mean, variance = self.mean, self.variance
        means = mean[centres].tolist()
        if not len(places):
            return Read(places, values, _NONE, _NONE, centres, centre, means, [])
        own = mean[places], variance[places]
        return Read(places, values, *own, centres, centre, means, variance[centres].tolist())

    def update(self, read: Read, slope: float, curvature: float) -> None:
        """Take in one outcome of weights as they were read."""
        if not len(read.places):
            return
        variance, centres = read.variance, read.centre_variance
        reach = variance * read.values
        faded = curvature * reach
        faded *= reach
        np.subtract(variance, faded, out=faded)
        np.maximum(faded, self._least, out=faded)
        share = self._share(read)
        reach *= slope
        reach -= share * reach
        share *= reach  # what the step adds to the average of the scope
        reach += read.mean
        common = np.bincount(read.centre, share, len(centres) + 1).tolist()
        self.mean[read.places] = reach
        self.variance[read.places] = faded
        moved = zip(read.centre_mean, common, strict=False)  # the last is of those around none
        self.mean[read.centres] = [mean - part for mean, part in moved]
        self.variance[read.centres] = [was - curvature * was * was for was in centres]

    def _share(self, read: Read) -> Floats:
        """Give how much of what its scope has seen had each weight's feature, 0 to 1."""
        rest = 1.0 / self.prior
        scales = [1.0 / max(1.0 / variance - rest, _SEEN_MIN) for variance in read.centre_variance]
        share = 1.0 / read.variance
        share -= rest
        share *= np.array([*scales, 0.0])[read.centre]
        return np.minimum(share, 1.0, out=share)

    def forget(self, factor: float) -> None:
        """Let what was learned count `1 / factor` as much, every best guess unchanged."""
        places = self.touched()
        # Precisions beyond the prior's are discounted; 1 / v - 1 / prior >= 0 up to rounding.
        beyond = np.maximum(1.0 / self.variance[places] - 1.0 / self.prior, 0.0)
        self.variance[places] = 1.0 / (1.0 / self.prior + beyond / factor)

    def copy_from(self, other: SparseWeights) -> None:
        """Take over what another one has learned."""
        self.mean, self.variance, self.at = other.mean.copy(), other.variance.copy(), other.at

    def touched(self) -> Indices:
        """Give the places of the weights that some outcome has moved, ascending."""
        return np.flatnonzero((self.variance != self.prior) | (self.mean != 0.0))


def scope(kind: str, goal: str, *names: str) -> int:
    """Name a scope by 64 bits: a channel, group or action under one goal."""
    text = "\x1f".join((kind, goal, *names)).encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(text, digest_size=8).digest(), "big")


def scopes(kind: str, goal: str, names: Sequence[str]) -> Hashes:
    """Name many scopes of one kind."""
    return np.array([scope(kind, goal, name) for name in names], dtype=np.uint64)


def constant_scopes(goal: str, spec: ArmSpec) -> list[int]:
    """Name the scopes in which an arm has a weight of its own, whatever the context."""
    found = []
    if spec.channel:
        found.append(scope("on", goal, spec.action, spec.channel))
    if spec.treatment:
        found.append(scope("said", goal, spec.action, spec.treatment))
    if spec.moment:
        found.append(scope("when", goal, spec.moment))
    if spec.treatment or spec.moment:
        found.append(scope("arm", goal, *spec.parts))
    return found


def constant_places(weights: SparseWeights, goal: str, spec: ArmSpec) -> Indices:
    """Find the weights that an arm has whatever the context."""
    found = np.array(constant_scopes(goal, spec), dtype=np.uint64)
    return weights.places(found, _CONSTANT).ravel()


def basis_features(basis_ids: Hashes) -> Hashes:
    """Give the features that are always there: the constant and those of the basis."""
    return np.concatenate((_CONSTANT, basis_ids))
