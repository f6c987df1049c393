"""The search for settings.

tuner   a search from beginning to end, in memory
search  random search with successive halving: which settings are trained, for how long
trials  the trainings of a search, one at a time or side by side
"""
