"""The search for settings.

tuner       a search of one way to train, from beginning to end, in memory
search      random search with successive halving: which settings are trained, for how long
trials      the trainings of a search, one at a time or side by side
tasks       one training of a search, and which of several is the best
spaces      where options are drawn from, fitted to the data
verdict     whether the winner is better than the defaults by more than chance
settings    what a search found, as a file for train --config

choosing    the best model in a given time (--budget), from beginning to end, in memory
aims        what is made best, and the rows that it is measured on
portfolio   the configurations that are tried first, over models, objectives and engines
budget      the search in that time
ledger      what was tried in it, and the best so far
neighbours  draws near what did well
"""
