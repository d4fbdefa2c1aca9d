"""Vectors and items in few bytes."""
