"""Measures of vectors: arrays in, numbers out; nothing here knows an encoder or a dataset."""
