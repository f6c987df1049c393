"""Everything that a person sees.

screen   events as they come: a live display on a terminal, plain lines elsewhere
live     what a live display shows of a training and of a search
tables   a result as tables; metrics: of an evaluation; inspected: of a file; nights: of nights
pages    documentation and the findings of doctor, on a terminal and in a pipe
cells    how values, facts and rows look
sheets   tables that fit the terminal without a figure being cut; folding: texts that fit
"""

from mfcli.console.screen import Screen

__all__ = ["Screen"]
