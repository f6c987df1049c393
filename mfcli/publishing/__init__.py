"""Outputs that others read: parts, folders, clusters of workers, gates."""
