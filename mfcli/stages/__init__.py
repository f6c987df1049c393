"""One module for each command: load → pure call → save → return a result. A stage never prints.

fetch, split, train, tune, evaluate, recommend, similar, export, inspect, report, run
refit: what run does after an evaluation, training on everything
suiting: defaults of run that suit the data
"""
