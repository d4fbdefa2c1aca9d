"""Encoders that others trained, and vectors that others made."""
