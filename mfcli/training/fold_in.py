"""Users that train did not have, or whose history has grown: their weights against fixed items.

Nothing else of a model changes, so a nightly one serves whoever came since.

mse     ridge regression with train's λ, factors and bias together; biases alone without factors.
        For svdpp, of what the history itself leaves unexplained.
ials    the normal equation of the als engine: a train user's own entries give its own factors.
ease    nothing: what a user has is all that its scores are made of.
others  on hogwild train's own passes and epochs, from zero, with the items fixed; on minibatch Adam
        on the user's weights, all of its entries a step, negatives drawn from the seed.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mfcli.artifacts.checkpoint import Checkpoint
from mfcli.config import Engine, ModelKind, Objective, Recipe
from mfcli.config.choices import CLOSED_FORM
from mfcli.data.building import from_codes
from mfcli.data.ids import encode
from mfcli.data.interactions import Catalog, Ids, Interactions
from mfcli.errors import InputError, UsageError
from mfcli.kernels import sum_histories
from mfcli.models.tables import Tables
from mfcli.models.values import values_of
from mfcli.training.engines.hogwild import HogwildEngine
from mfcli.training.engines.least_squares import Problem, RowSolver, roots_of, tables_of
from mfcli.training.guards import check_history
from mfcli.training.schedules import learning_rate_at

# Entries that are taken through all steps together, whole users at a time.
ENTRIES, COMPILED_ENTRIES = 1 << 13, 1 << 16
SMALLEST = 0.05  # λ of users whose model was trained without


@dataclass(frozen=True, eq=False, kw_only=True)
class Folded:
    """A checkpoint whose users of the history are as if trained, and what was met on the way.

    users:          (H,) rows of the history's users in the new checkpoint, ascending.
    unknown_rows:   rows of the history whose items the model does not have.
    untrained_rows: those of items that it has, and that had no rating in train.
    """

    checkpoint: Checkpoint
    users: NDArray[np.int64]
    new_users: int
    unknown_items: int = 0
    unknown_rows: int = 0
    untrained_rows: int = 0


def fold_in(checkpoint: Checkpoint, history: Interactions, workers: int = 1) -> Folded:
    """Return the checkpoint with the users of a history solved for, new ones after all others.

    What the model knew of these users is replaced by the history; what they have seen is both.
    Items that the model does not know are left out, and counted. So are items without a rating in
    train, of which nothing was learnt: they are seen, and say nothing of the user. A user with no
    other item keeps what the model knows, and is not added. Raises UsageError for a model that has
    no such users, InputError for dislikes in the history of a ranking model.
    """
    recipe = _recipe_of(checkpoint)
    if recipe.model is ModelKind.neural:
        raise UsageError(
            "--history needs a model whose users can be solved for: --model neural has layers "
            "between them and the items; train it anew"
        )
    check_history(recipe, history)
    items, _ = encode(history.catalog.item_ids, checkpoint.catalog.item_ids)
    counts = checkpoint.item_counts
    known = items[history.indices] >= 0
    trained = known & (counts[items] > 0)[history.indices]
    users = np.flatnonzero(np.bincount(history.users[trained], minlength=history.n_users))
    place = np.full(history.n_users, -1)
    place[users] = np.arange(len(users))

    def of_users(chosen: NDArray[np.bool_]) -> Interactions:
        chosen = chosen & (place >= 0)[history.users]
        entries, _ = from_codes(
            place[history.users[chosen]],
            items[history.indices[chosen]],
            history.data[chosen],
            None,
            Catalog(history.catalog.user_ids[users], checkpoint.catalog.item_ids),
        )
        return entries

    weights = solve_users(checkpoint.weights, of_users(trained), recipe, counts, workers)
    return dataclasses.replace(
        _placed(checkpoint, of_users(known), weights),
        unknown_items=int(((items < 0) & (history.item_counts > 0)).sum()),
        unknown_rows=int((~known).sum()),
        untrained_rows=int((known & ~trained).sum()),
    )


def _recipe_of(checkpoint: Checkpoint) -> Recipe:
    """Read a checkpoint's options as they are; its own sizes hold, whatever the options say."""
    try:
        recipe = Recipe.read(checkpoint.options)
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"the model's options are damaged ({error}): train it anew") from None
    args = checkpoint.model_args
    return dataclasses.replace(
        recipe, model=args.model, factors=args.factors, item_factors=args.item_factors
    )


def solve_users(
    weights: Mapping[str, NDArray[np.float32]],
    entries: Interactions,
    recipe: Recipe,
    item_counts: NDArray[np.int64],
    workers: int = 1,
) -> dict[str, NDArray[np.float32]]:
    """Return the users' weights that entries of H users ask for, the items' being as they are.

    weights: of the whole model, of which only what is not of users counts. item_counts: (I,)
    ratings of each item in train. Returns user_factors (H, F) and what else the model has a row a
    user of.
    """
    model = _with_items_of(weights, recipe, entries)
    if recipe.model is ModelKind.bias:
        _solve_bias(model, entries, recipe)
    elif recipe.model not in CLOSED_FORM:  # the others have nothing of a user but its items
        if recipe.objective in (Objective.mse, Objective.ials):
            _solve_squares(model, entries, recipe, workers)
        else:
            _descend(model, entries, recipe, workers, item_counts)
    return {name: model.weights[name] for name in model.user_names}


def _with_items_of(
    weights: Mapping[str, NDArray[np.float32]], recipe: Recipe, entries: Interactions
) -> Tables:
    """Return a model of the entries' users, all zero, and of the items that the weights know.

    What is of the items is the same memory: nothing changes it.
    """
    args = recipe.model_args(entries.n_users, entries.n_items)
    own = Tables.zeros(dataclasses.replace(args, n_items=0))
    theirs = {name: weights[name] for name in own.weights if name not in own.user_names}
    return Tables.of(args, own.weights | theirs)


def _solve_bias(model: Tables, entries: Interactions, recipe: Recipe) -> None:
    rest = entries.data.astype(np.float64) - model.mean
    rest -= model.biases("item_bias")[entries.indices]
    sums = np.bincount(entries.users, rest, minlength=entries.n_users)
    model.weights["user_bias"][:, 0] = sums / (entries.user_counts + recipe.damping)


def _solve_squares(model: Tables, entries: Interactions, recipe: Recipe, workers: int) -> None:
    """Solve each user exactly."""
    implicit = recipe.objective is Objective.ials
    problem = Problem.of(recipe)
    if not problem.regularization and not implicit:
        problem = dataclasses.replace(problem, regularization=SMALLEST)
    if not problem.bias_regularization and not implicit:
        problem = dataclasses.replace(problem, bias_regularization=SMALLEST)
    roots = roots_of(entries.data, recipe) if implicit else np.zeros(0, np.float32)
    data = entries.data
    if model.has_histories:
        data = data - _explained(model, entries)
    rows = RowSolver(entries.indptr, entries.indices, data, entries.n_items, problem, roots)
    users, items = tables_of(model)
    if implicit:  # the solver turns both tables into another basis, and these are not its own
        items = items._replace(factors=items.factors.copy())
    for _ in rows.solve(users, items, model.mean, workers):
        pass
    if rows.basis is not None:  # back into that of the model's own items
        users.factors[:] = users.factors @ rows.basis.T


def _explained(model: Tables, entries: Interactions) -> NDArray[np.float32]:
    """Set h of the users, and return ⟨h_u, v_i⟩ of the entries, (n,)."""
    own, items = model.weights["user_implicit"], model.item_factors
    table = model.weights["item_implicit"]
    sum_histories(entries.indptr, entries.indices, 0, entries.n_users, table, own)
    found = np.empty(entries.n_ratings, np.float32)
    for begin in range(0, entries.n_ratings, ENTRIES):
        some = slice(begin, begin + ENTRIES)
        found[some] = (own[entries.users[some]] * items[entries.indices[some]]).sum(axis=1)
    return found


def _descend(
    model: Tables,
    entries: Interactions,
    recipe: Recipe,
    workers: int,
    counts: NDArray[np.int64],
) -> None:
    """Lower the objective over the users' weights, from zero, some whole users at a time.

    What is learnt of a stretch of users depends on its place, not on the number of workers.
    """
    values = values_of(entries, recipe)
    compiled = recipe.engine is Engine.hogwild
    one_thread: AbstractContextManager[None] = nullcontext()
    if not compiled:
        from mfcli.training import fold_in_torch  # takes seconds, and only gradients need it

        one_thread = fold_in_torch.one_thread()

    def fold(stretch: tuple[int, int]) -> Tables:
        begin, end = stretch
        part = slice(int(entries.indptr[begin]), int(entries.indptr[end]))
        some = Interactions(
            entries.indptr[begin : end + 1] - entries.indptr[begin],
            entries.indices[part],
            entries.data[part],
            Catalog(entries.catalog.user_ids[begin:end], entries.catalog.item_ids),
        )
        small = _with_items_of(model.weights, recipe, some)
        if compiled:
            engine = HogwildEngine(small, some, recipe, begin, 1, counts, items_fixed=True)
            for number in range(1, recipe.ends + 1):
                for _ in engine.epoch(number, learning_rate_at(recipe, number)):
                    pass
        else:
            weights = None if values is None else values[part]
            fold_in_torch.descend(small, some, weights, recipe, recipe.seed + begin)
        return small

    stretches = list(_stretches(entries.indptr, COMPILED_ENTRIES if compiled else ENTRIES))
    with ThreadPoolExecutor(workers, thread_name_prefix="fold") as pool, one_thread:
        for (begin, end), small in zip(stretches, pool.map(fold, stretches), strict=True):
            for name in model.user_names:
                model.weights[name][begin:end] = small.weights[name]


def _stretches(indptr: NDArray[np.integer], size: int) -> Iterator[tuple[int, int]]:
    """Yield ranges of rows with about ``size`` entries each."""
    begin, n_rows = 0, len(indptr) - 1
    while begin < n_rows:
        end = int(np.searchsorted(indptr, indptr[begin] + size, side="right")) - 1
        end = min(max(end, begin + 1), n_rows)
        yield begin, end
        begin = end


def _placed(
    checkpoint: Checkpoint, entries: Interactions, weights: dict[str, NDArray[np.float32]]
) -> Folded:
    """Put the solved users where their ids stand, the new ones after all others."""
    catalog = checkpoint.catalog
    rows, _ = encode(entries.catalog.user_ids, catalog.user_ids)
    new = np.flatnonzero(rows < 0)
    rows[new] = checkpoint.n_users + np.arange(len(new))
    total = checkpoint.n_users + len(new)
    placed = dict(checkpoint.weights)
    for name, solved in weights.items():
        table = np.zeros((total, *solved.shape[1:]), np.float32)
        table[: checkpoint.n_users] = checkpoint.weights[name]
        table[rows] = solved
        placed[name] = table
    users = np.concatenate(
        [np.repeat(np.arange(checkpoint.n_users), checkpoint.user_counts), rows[entries.users]]
    )
    items = np.concatenate([checkpoint.seen_indices, entries.indices])
    keys = np.sort(users.astype(np.int64) * checkpoint.n_items + items)
    keys = keys[np.append(True, keys[1:] != keys[:-1])[: len(keys)]]  # np.unique hashes: 5 s of 4 M
    indptr = np.searchsorted(keys, np.arange(total + 1) * np.int64(checkpoint.n_items))
    kind = checkpoint.seen_indices.dtype
    return Folded(
        checkpoint=dataclasses.replace(
            checkpoint,
            model_args=dataclasses.replace(checkpoint.model_args, n_users=total),
            weights=placed,
            seen_indptr=indptr.astype(kind),
            seen_indices=(keys % max(checkpoint.n_items, 1)).astype(kind),
            train_counts=checkpoint.item_counts,  # the items learnt from these rows and no others
            catalog=Catalog(
                _joined(catalog.user_ids, entries.catalog.user_ids[new]),
                catalog.item_ids,
                catalog.item_names,
            ),
        ),
        users=np.sort(rows),
        new_users=len(new),
    )


def _joined(ids: Ids, more: Ids) -> Ids:
    """Append ids; where one kind is numbers and the other text, all become text."""
    if not len(more):
        return ids
    if ids.dtype.kind != more.dtype.kind:
        ids, more = ids.astype(np.str_), more.astype(np.str_)
    return np.concatenate([ids, more])
