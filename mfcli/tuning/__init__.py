"""The search for settings.

tuner       a search of one way to train, from beginning to end, in memory
asking      which settings are tried next: at random first, then near the best so far
search      batches and successive halving: which of them are trained, for how long
trials      the trainings of a search, one at a time or side by side
tasks       one training of a search, and which of several is the best
draws       random draws from a space
neighbours  draws near what did well
surrogate   which of several draws should be best, by those that were tried
spaces      where options are drawn from, fitted to the data
verdict     whether the winner is better than the defaults by more than chance
settings    what a search found, as a file for train --config

choosing    the best model in a given time (--budget), from beginning to end, in memory
aims        what is made best, and the rows that it is measured on
portfolio   the configurations that are tried first, over models, objectives and engines
budget      the search in that time; plan: what it works on and ends with
readiness   what it cannot stop half-way: compiling kernels, importing torch
ledger      what was tried in it, and the best so far
"""
