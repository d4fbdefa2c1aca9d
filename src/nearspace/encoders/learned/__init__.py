"""Encoders that train a network."""
