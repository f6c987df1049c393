"""Interactions in memory, splits of them, and the built-in sample."""
