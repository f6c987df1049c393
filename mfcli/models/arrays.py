"""A trained model as arrays: scores of pairs of users and items, and of whole catalogues."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from mfcli.data.interactions import Indices

NEURAL_BLOCK = 1 << 22  # hidden values that a neural model holds at once a thread


class CatalogueScores(Protocol):
    """Scores of blocks of users × the whole catalogue."""

    @property
    def shape(self) -> tuple[int, int]:
        """Number of users and of items."""
        ...

    def catalogue(
        self, allowed: NDArray[np.bool_] | None = None
    ) -> Callable[[int, int], NDArray[np.float32]]:
        """Return a function that scores users first..last − 1 against all items: (B, I).

        What is the same for all items of a user may be missing: ``constant`` holds it. Items that
        are not ``allowed`` (I,) score −inf.
        """
        ...

    def constant(self) -> NDArray[np.float32]:
        """Return what ``catalogue`` leaves out, (U,)."""
        ...


class ScoreArrays(CatalogueScores, Protocol):
    """A trained model as arrays: scores of pairs, and of blocks of users × the whole catalogue."""

    def pairs(self, users: Indices, items: Indices) -> NDArray[np.float64]:
        """Score pairs: (N,), (N,) → (N,)."""
        ...


class Vectors(NamedTuple):
    """A dot-product model as arrays: score = ⟨user, item⟩ + user_bias + item_bias + mean."""

    users: NDArray[np.float32]  # (U, F)
    items: NDArray[np.float32]  # (I, F)
    user_bias: NDArray[np.float32]  # (U,)
    item_bias: NDArray[np.float32]  # (I,)
    mean: float

    @property
    def shape(self) -> tuple[int, int]:
        """Number of users and of items."""
        return len(self.users), len(self.items)

    def pairs(self, users: Indices, items: Indices) -> NDArray[np.float64]:
        """Score pairs: (N,), (N,) → (N,)."""
        dots = np.einsum("nf,nf->n", self.users[users], self.items[items])
        biases = self.user_bias[users] + self.item_bias[items] + np.float32(self.mean)
        return (dots + biases).astype(np.float64)

    def catalogue(
        self, allowed: NDArray[np.bool_] | None = None
    ) -> Callable[[int, int], NDArray[np.float32]]:
        """Return a function that scores a range of users against all items, item biases included.

        The biases ride along as one more factor, so that one product does everything; so do the
        items left out, whose bias is −inf.
        """
        bias = self.item_bias if allowed is None else _barred(self.item_bias, allowed)
        items = np.ascontiguousarray(np.hstack([self.items, bias[:, None]]).T)  # (F + 1, I)

        def block(first: int, last: int) -> NDArray[np.float32]:
            users = np.ones((last - first, len(items)), np.float32)
            users[:, :-1] = self.users[first:last]
            # Some BLAS kernels pad their tiles with zeros, and 0 · −inf there sets a flag of the
            # processor that NumPy would warn of; the padding is never part of the result.
            with np.errstate(invalid="ignore"):
                return users @ items

        return block

    def constant(self) -> NDArray[np.float32]:
        """Return user bias + mean, (U,)."""
        return self.user_bias + np.float32(self.mean)


class Layers(NamedTuple):
    """A neural model as arrays: embeddings, and the linear layers over their concatenation."""

    users: NDArray[np.float32]  # (U, F)
    items: NDArray[np.float32]  # (I, G)
    layers: list[tuple[NDArray[np.float32], NDArray[np.float32]]]  # weights (out, in), bias (out,)

    @property
    def shape(self) -> tuple[int, int]:
        """Number of users and of items."""
        return len(self.users), len(self.items)

    def _first(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return what users (U, H) and items (I, H) bring to the first layer, which is linear."""
        weight, bias = self.layers[0]
        cut = self.users.shape[1]
        of_users = np.maximum(self.users, 0) @ weight[:, :cut].T
        return of_users, np.maximum(self.items, 0) @ weight[:, cut:].T + bias

    def _rest(self, hidden: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the scores of first-layer sums (…, H) → (…)."""
        for weight, bias in self.layers[1:]:
            hidden = np.maximum(hidden, 0) @ weight.T + bias
        return hidden[..., 0]

    def pairs(self, users: Indices, items: Indices) -> NDArray[np.float64]:
        """Score pairs: (N,), (N,) → (N,)."""
        of_users, of_items = self._first()
        return self._rest(of_users[users] + of_items[items]).astype(np.float64)

    def catalogue(
        self, allowed: NDArray[np.bool_] | None = None
    ) -> Callable[[int, int], NDArray[np.float32]]:
        """Return a function that scores a range of users against all items, a few at a time."""
        of_users, of_items = self._first()
        widest = max(len(bias) for _, bias in self.layers)
        few = max(1, NEURAL_BLOCK // (max(1, len(of_items)) * widest))
        barred = None if allowed is None else _barred(np.zeros(len(of_items), np.float32), allowed)

        def block(first: int, last: int) -> NDArray[np.float32]:
            scores = np.empty((last - first, len(of_items)), np.float32)
            for at in range(first, last, few):
                hidden = of_users[at : min(at + few, last), None] + of_items
                scores[at - first : at - first + few] = self._rest(hidden)
            return scores if barred is None else scores + barred

        return block

    def constant(self) -> NDArray[np.float32]:
        """Return zeros: nothing is left out, (U,)."""
        return np.zeros(len(self.users), np.float32)


def _barred(bias: NDArray[np.float32], allowed: NDArray[np.bool_]) -> NDArray[np.float32]:
    return np.where(allowed, bias, -np.inf).astype(np.float32)
