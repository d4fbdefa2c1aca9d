"""Judgement: one protocol for every encoder, honest intervals, a verdict."""
