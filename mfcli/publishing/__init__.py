"""Outputs that others read: written beside their place, looked at by the gates, put in it.

outputs.py   a file that replaces an earlier one, or standard output
lists.py     ranked lists → the rows of a table; a file of recommendations
pairs.py     scores of pairs → the rows of a table
gates.py     what refuses to publish
drops.py     how much smaller something is than what it replaces
ages.py      how old a model is, and the gate on it
changes.py   whose lists are not what they were
parts.py     a part of a folder, and the note beside it that says what it holds
folders.py   a folder of parts: by one run, by shards, or by a resumed run
cluster.py   parts that a Dask cluster writes
arrays.py    the arrays of a model, for other programs
"""
