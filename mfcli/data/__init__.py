"""Interactions in memory, splits of them, and the built-in sample.

interactions  the one type that all stages work on: who interacted with what, as CSR, with ids
ids           ids of users and items: the rules for them, and their codes
rows          lists of items, one for each user, as the two arrays of a CSR matrix
building      rows, arrays and sparse matrices → interactions
filtering     which ratings are kept: by a threshold, by counts
splitting     interactions → train, test and valid, from the options and the seed
held_out_users  users held out whole: a history to fold in from, and rows to test
windows       rolling windows of time, each tested by a model of what is older
drawing       random streams of a split, and the ranks of rows within their user
held_out      what validation and test sets have to be
values        what values look like: whether some stand apart from the scale of ratings
times         a time, and a range of times, as a person reads them
scales        whether values are counts, or all the same
text          which text is valid Unicode
sample        the built-in sample; sample_names: its invented film names
"""
