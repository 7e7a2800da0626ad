"""Starts MiniStack with patches for the parts that would falsify a rotation test (see CONTRACT.md)."""
