"""Everything that a person sees.

screen   events as they come: a live display on a terminal, plain lines elsewhere
tables   a result as tables; metrics: those of an evaluation; nights: those of nights
cells    how values, facts and rows look
"""

from mfcli.console.screen import Screen

__all__ = ["Screen"]
