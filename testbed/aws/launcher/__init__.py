"""Starts MiniStack with what would falsify a rotation test mended; CONTRACT.md says what it plays and why."""
