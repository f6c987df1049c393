"""Scoring in bulk: what recommend and similar compute, apart from where it is written.

loading.py     model.pt → arrays that score
ids.py         original ids → rows; lists of ids in files
request.py     options and files → who gets rows, out of which items
lists.py       ranked lists of blocks of users, as rows of a table
parts.py       a part of a folder: what one process of several does
pairs.py       scores of given pairs, streamed
neighbours.py  nearest vectors
"""
