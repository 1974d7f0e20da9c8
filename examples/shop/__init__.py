"""A simulated outdoor-gear shop whose events flow through the unmodified Segment SDK."""
