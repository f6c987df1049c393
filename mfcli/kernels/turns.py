"""Turns on the grid of user strips × item strips: which a thread takes next.

A turn runs when the strips that it holds are done with the rounds before (`Grid`). Which thread
runs it makes no difference to the result.
"""

from __future__ import annotations

import numpy as np

from mfcli.kernels.arrays import Array, Grid, Int, PassArguments
from mfcli.kernels.compilation import inlined, pasted
from mfcli.kernels.memory import claim, load_turn, store_turn

PATIENCE = 20_000  # looks at another thread's progress before the thread gives way
WAIT, DONE = -1, -2  # instead of a turn


@inlined
def _take(place: Int, grid: Grid) -> Int:
    """Take a turn that may run: `place`, or the one that it waits for; WAIT or DONE for none.

    Whoever would have to wait for a turn that nobody has begun runs it instead, so that workers
    end together, however late one of them is.
    """
    first, second, own, holders, user_turns, item_turns, claims = grid
    columns, rounds = len(item_turns) // 8, len(own)
    row, turn = place // rounds, place % rounds
    if load_turn(user_turns, row * 8) > turn:
        return DONE
    while True:
        at = load_turn(user_turns, row * 8)
        if at > turn:
            return WAIT  # done a moment ago: look again
        turn = at
        place = row * rounds + turn
        late = first[place]
        if load_turn(item_turns, late * 8) >= turn:
            late = second[place]
            if load_turn(item_turns, late * 8) >= turn:
                break
        turn -= 1
        row = holders[turn * columns + late]  # who has this item strip in the round before
    return place if claim(claims, place) else WAIT


@inlined
def next_turn(order: Array, position: Int, end: Int, job: PassArguments) -> tuple[Int, Int]:
    """Return (the next of order[position:end] to run, how far the order is done).

    Without waiting it is the one at `position`. Else it may be another, which has to run before;
    WAIT where another thread is late with what it has begun: the caller may stop, or sleep.
    """
    if not job.waits:
        return np.int64(order[position]), position + 1
    patience = PATIENCE
    while position < end and patience > 0:
        place = _take(np.int64(order[position]), job.grid)
        if place >= 0:
            return place, position
        if place == DONE:
            position += 1
            patience = PATIENCE
        else:
            patience -= 1
    return np.int64(WAIT), position


@pasted
def tiles_of(place: Int, grid: Grid) -> tuple[Int, Int]:
    """Return the tiles of a turn; without a grid the orders are of tiles, one at a time."""
    if len(grid.first) == 0:
        return place, place
    start = place // len(grid.own) * (len(grid.item_turns) // 8)
    return start + grid.first[place], start + grid.second[place]


@pasted
def strips_of(place: Int, grid: Grid) -> tuple[Int, Int]:
    """Return the item strips that negatives come from, of the turn's first tile and its second."""
    if len(grid.first) == 0:
        return np.int64(0), np.int64(0)
    first, second = grid.first[place], grid.second[place]
    return (first, second) if grid.own[place % len(grid.own)] else (second, first)


@inlined
def end_turn(place: Int, job: PassArguments) -> None:
    """Let those go on who wait for the strips of a turn."""
    if job.waits:
        grid = job.grid
        row = place // len(grid.own)
        turn = load_turn(grid.user_turns, row * 8) + 1
        store_turn(grid.item_turns, grid.first[place] * 8, turn)
        store_turn(grid.item_turns, grid.second[place] * 8, turn)
        store_turn(grid.user_turns, row * 8, turn)
