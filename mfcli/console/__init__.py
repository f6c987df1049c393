"""Everything that a person sees: live progress (screen) and result tables (tables)."""

from mfcli.console.screen import Screen

__all__ = ["Screen"]
