"""Scoring in bulk, in memory: ranked lists, nearest vectors, scores of pairs.

ids.py         ids as users write them → rows of the matrix
id_lists.py    files of ids: one a line, or a column of a table
request.py     options and filters, as values → who gets a list, and out of which items
lists.py       ranked lists of many rows, whatever ranks them
recommender.py the best items of users: ``recommend_lists``
neighbours.py  the nearest items of items, or users of users: ``nearest``
pairs.py       scores of given pairs: ``score_pairs``
newcomers.py   a test set's users, folded in from their history before a model is measured
files.py       model.pt and the files that the options name → the values that the others take
memory.py      whether there is memory enough

Only files.py, id_lists.py and memory.py open files.
"""
