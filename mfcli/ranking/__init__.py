"""Arrays → ranked lists.

catalogue   blocks of users against the whole catalogue: one product, then the best k of each row
shrinkage   predictions that few ratings speak for, taken towards the user's mean
serving     the scores that lists are made of, for known and unknown users
candidates  which items are ranked for whom: the catalogue, given lists, or a sample of it
"""
