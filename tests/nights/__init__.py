"""Nights: figures, gates, generations."""
