"""Defaults of the ways that learn ratings, as functions of the data."""

from __future__ import annotations

from mfcli.training.rules import Rules

RULES: Rules = {}
