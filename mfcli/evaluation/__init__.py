"""Measuring models against held-out rows.

evaluate    several models against a test set, held against the first one and a baseline
measuring   one model: test rows are predicted, its users' lists are ranked
groups      the metrics of known, warm and cold users apart
baseline    popularity beside a model: whether it is better by more than chance
later       rows later than a model, matched by the ids' values
relevance   which test rows are positives
metrics     the functions of the metrics; their names and directions are in config.metrics
protocol    how a model is measured: candidates, what is left out, and the words that say so
confidence  standard errors, bootstrap intervals over users, paired differences
comparison  measured models side by side, gates, a table by user
repetition  several trainings: the mean and the spread of their metrics
"""
