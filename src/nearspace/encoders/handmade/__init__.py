"""Encoders that learn nothing, or only what there is to count."""
