"""Arrays → ranked lists.

catalogue   blocks of users against the whole catalogue: one product, then the best k of each row
candidates  which items are ranked for whom: the catalogue, given lists, or a sample of it
"""
