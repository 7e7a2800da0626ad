"""Starts MiniStack with patches for the parts that would make a rotation test wrong (see CONTRACT.md)."""
