"""Readers: what a file or a folder holds, before it is checked and decoded."""
