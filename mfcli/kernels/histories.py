"""What users have, as rows of a matrix: sums of the rows of a table, and pairs of items.

Sums keep their order, that of a user's items: their bits depend on the user alone.
"""

from __future__ import annotations

from mfcli.kernels.arrays import F32, Array, Int
from mfcli.kernels.compilation import compiled

COLUMNS = 1024  # of the table, taken together: rows that several users share stay in the cache


@compiled(allocates=False)
def add_rows(
    indptr: Array, indices: Array, first: Int, last: Int, table: Array, sums: Array
) -> None:
    """Add to each row of ``sums`` (B, C) the rows of ``table`` (I, C) that a user has.

    The users are first..last − 1 of the CSR rows; or the other way round, items and who has them.
    """
    width = table.shape[1]
    for begin in range(0, width, COLUMNS):
        end = min(begin + COLUMNS, width)
        for user in range(first, last):
            row = user - first
            for at in range(indptr[user], indptr[user + 1]):
                item = indices[at]
                for column in range(begin, end):
                    sums[row, column] += table[item, column]


@compiled(allocates=False)
def sum_entries(
    indptr: Array, indices: Array, users: Array, items: Array, table: Array, sums: Array
) -> None:
    """Set ``sums`` (N,) to the sum over what a user has of one column of ``table`` (I, C) each.

    users, items: (N,) int64, the column; −1 for one that is unknown, whose sum is 0.
    """
    for pair in range(len(users)):
        user, item = users[pair], items[pair]
        total = F32(0)
        if user >= 0 and item >= 0:
            for at in range(indptr[user], indptr[user + 1]):
                total += table[indices[at], item]
        sums[pair] = total


@compiled(allocates=False)
def count_pairs(
    starts: Array, users: Array, indptr: Array, indices: Array, first: Int, last: Int, counts: Array
) -> None:
    """Add to ``counts`` (last − first, last) how many users have an item and one up to ``last``.

    The rows are items first..last − 1. starts (I + 1,) and users (n,) are the columns of the CSR
    rows indptr and indices, whose items ascend. Or the other way round: items of two users.
    """
    for item in range(first, last):
        row = item - first
        for place in range(starts[item], starts[item + 1]):
            user = users[place]
            for at in range(indptr[user], indptr[user + 1]):
                other = indices[at]
                if other >= last:
                    break
                counts[row, other] += 1.0
