"""Heaps of the k best: of scores with their items, and of scores alone."""

from __future__ import annotations

from typing import Any

from mfcli.kernels.arrays import Array, Float, Int
from mfcli.kernels.compilation import inlined


@inlined
def sink(heap_scores: Array, heap_items: Array, at: Int, size: Int) -> None:
    """Restore the heap below `at`: the worst (lowest score, then highest item) on top."""
    score, item = heap_scores[at], heap_items[at]
    while True:
        child = 2 * at + 1
        if child >= size:
            break
        other = child + 1
        if other < size and (
            heap_scores[other] < heap_scores[child]
            or (heap_scores[other] == heap_scores[child] and heap_items[other] > heap_items[child])
        ):
            child = other
        if heap_scores[child] > score or (heap_scores[child] == score and heap_items[child] < item):
            break
        heap_scores[at], heap_items[at] = heap_scores[child], heap_items[child]
        at = child
    heap_scores[at], heap_items[at] = score, item


@inlined
def kth_best(values: Array, heap: Array, k: Int) -> Any:
    """Return the k-th largest of at least k values, by a heap of the k best in `heap`."""
    for at in range(k):
        heap[at] = values[at]
    for at in range(k // 2 - 1, -1, -1):
        sink_score(heap, heap[at], at, k)
    for at in range(k, len(values)):
        if values[at] > heap[0]:
            sink_score(heap, values[at], 0, k)
    return heap[0]


@inlined
def sink_score(heap: Array, score: Float, at: Int, size: Int) -> None:
    """Put a score in place of heap[at], the least on top."""
    while True:
        child = 2 * at + 1
        if child >= size:
            break
        if child + 1 < size and heap[child + 1] < heap[child]:
            child += 1
        if heap[child] >= score:
            break
        heap[at] = heap[child]
        at = child
    heap[at] = score
