"""A model against a test set, and the same by a plain loop over users."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from mfcli.config import Baseline, EvaluateConfig
from mfcli.config.metrics import METRICS, MetricKind, expand_metrics, is_rating_metric
from mfcli.data.interactions import Interactions
from mfcli.data.rows import rows_from_keys
from mfcli.errors import InputError, UsageError
from mfcli.evaluation.evaluate import NamedModel, choose_metrics, evaluate
from mfcli.evaluation.measuring import BY_USER, measure, predict, rank_users
from mfcli.models.arrays import Vectors
from mfcli.models.loading import scoring_of
from mfcli.ranking.candidates import Pool
from mfcli.ranking.serving import Trained
from tests.helpers import interactions
from tests.models_on_disk import write_model
from tests.test_metrics import REFERENCES
from tests.test_ranking import naive_best, naive_scores, seen_by, vectors

LISTED = [name for name, entry in METRICS.items() if entry.kind is MetricKind.list]
RANKING = [name for name in METRICS if not is_rating_metric(name)]


def halves(
    n_users: int, n_items: int, density: float, seed: int, share: float = 0.5
) -> tuple[Interactions, Interactions]:
    """Draw train and test over one catalogue, disjoint; some users have a row in neither."""
    whole = interactions(n_users, n_items, density, seed)
    test = np.random.default_rng(seed).random(whole.n_ratings) < share
    return whole.keep(~test), whole.keep(test)


def whole_pool(train: Interactions, include_seen: bool) -> Pool:
    """Return all items as candidates, but the seen ones unless they are included."""
    return Pool(train.n_items, None if include_seen else train.rows)


def measured_of(model: Vectors, train: Interactions, test: Interactions, names: str) -> Any:
    return measure(model, train.rows, test, names.split()).metrics


class Reference:
    """Ranks one user at a time, by sorting the whole catalogue."""

    def __init__(
        self,
        model: Vectors,
        train: Interactions,
        test: Interactions,
        include_seen: bool,
        candidates: dict[int, set[int]] | None = None,
    ) -> None:
        scores = naive_scores(model)
        scores[train.user_counts == 0] = train.item_counts  # unknown users get the popular items
        self.counts = train.item_counts
        self.n_items = test.n_items
        # user → (all candidates, best first; the positives; their scores)
        self.users: dict[int, tuple[list[int], set[int], np.ndarray]] = {}
        for user in range(test.n_users):
            positives = seen_by(test, user)
            if positives and (candidates is None or candidates.get(user)):
                seen = set() if include_seen else seen_by(train, user)
                if candidates is not None:
                    others = set(range(test.n_items)) - candidates[user]
                    seen = (seen | others) - positives
                ranked = [i for i in naive_best(scores[user], seen, self.n_items) if i >= 0]
                self.users[user] = ranked, positives, scores[user]

    def hits(self, user: int, k: int) -> list[bool]:
        ranked, positives, _ = self.users[user]
        return ([item in positives for item in ranked] + [False] * k)[:k]

    def auc(self, user: int) -> float:
        ranked, positives, scores = self.users[user]
        others = [item for item in ranked if item not in positives]
        if not others:
            return math.nan
        right = sum(
            1.0 if scores[p] > scores[o] else 0.5 if scores[p] == scores[o] else 0.0
            for p in positives
            for o in others
        )
        return right / (len(positives) * len(others))

    def first(self, user: int) -> int:
        ranked, positives, _ = self.users[user]
        return 1 + min(place for place, item in enumerate(ranked) if item in positives)

    def metric(self, full: str) -> float:
        name, _, k = full.partition("@")
        if name == "coverage":
            shown = {i for ranked, *_ in self.users.values() for i in ranked[: int(k)]}
            return len(shown) / self.n_items
        if name == "auc":
            values = [self.auc(user) for user in self.users]
            values = [value for value in values if not math.isnan(value)]
        elif name == "popularity":
            lists = [ranked[: int(k)] for ranked, *_ in self.users.values()]
            values = [float(self.counts[items].mean()) for items in lists]
        elif name == "r_precision":
            values = [
                sum(item in positives for item in ranked[: len(positives)]) / len(positives)
                for ranked, positives, _ in self.users.values()
            ]
        elif name == "mrr":
            values = [1 / self.first(user) for user in self.users]
        else:
            values = [
                REFERENCES[name](self.hits(user, int(k)), len(positives), len(ranked))
                for user, (ranked, positives, _) in self.users.items()
            ]
        return sum(values) / len(values) if values else math.nan


CASES = st.tuples(
    st.integers(0, 10**6),  # seed
    st.integers(1, 9),  # users
    st.integers(1, 14),  # items
    st.sampled_from([0.1, 0.4, 1.0]),  # density; 1: users who have rated every item
    st.booleans(),  # include seen
)
KS = st.lists(st.integers(1, 20), min_size=1, max_size=3, unique=True)  # beyond the catalogue too


class TestAgainstTheReference:
    @settings(deadline=None, max_examples=60)
    @given(CASES, KS)
    def test_every_ranking_metric_is_the_same(self, case: Any, ks: list[int]) -> None:
        seed, n_users, n_items, density, include_seen = case
        model = vectors(n_users, n_items, 2, seed, exact=True)
        train, test = halves(n_users, n_items, density, seed)
        names = expand_metrics(RANKING, ks)
        found = measure(
            model, train.rows, test, names, pool=whole_pool(train, include_seen)
        ).metrics
        reference = Reference(model, train, test, include_seen)
        assert list(found) == names
        for name in names:
            assert found[name] == pytest.approx(reference.metric(name), abs=1e-9, nan_ok=True), name

    @settings(deadline=None, max_examples=40)
    @given(CASES, st.integers(1, 20))
    def test_lists_hits_auc_and_first_ranks_are_the_same_for_every_user(
        self, case: Any, k: int
    ) -> None:
        seed, n_users, n_items, density, include_seen = case
        model = vectors(n_users, n_items, 2, seed, exact=True)
        train, test = halves(n_users, n_items, density, seed)
        ranked = rank_users(model, train.rows, test, k, pool=whole_pool(train, include_seen))
        reference = Reference(model, train, test, include_seen)
        assert ranked.users.tolist() == list(reference.users)
        assert ranked.items.shape == ranked.hits.shape == (len(ranked.users), k)
        for at, user in enumerate(ranked.users.tolist()):
            items, positives, _ = reference.users[user]
            assert ranked.items[at].tolist() == (items + [-1] * k)[:k]
            assert ranked.hits[at].tolist() == reference.hits(user, k)
            assert ranked.positives[at] == len(positives)
            assert ranked.first[at] == reference.first(user)
            assert ranked.auc[at] == pytest.approx(reference.auc(user), abs=1e-12, nan_ok=True)

    @settings(deadline=None, max_examples=25)
    @given(st.integers(0, 10**6), st.booleans())
    def test_auc_equals_that_of_scikit_learn(self, seed: int, exact: bool) -> None:
        model = vectors(20, 30, 3, seed, exact)
        train, test = halves(20, 30, 0.3, seed)
        ranked = rank_users(model, train.rows, test, 1)
        scores = model.users @ model.items.T + model.item_bias
        scores[train.user_counts == 0] = train.item_counts
        for user, auc in zip(ranked.users.tolist(), ranked.auc.tolist(), strict=True):
            candidates = sorted(set(range(30)) - seen_by(train, user))
            labels = [item in seen_by(test, user) for item in candidates]
            if all(labels):
                assert math.isnan(auc)
            else:
                assert auc == pytest.approx(
                    roc_auc_score(labels, scores[user, candidates]), abs=1e-9
                )


class TestSameBits:
    TRAIN, TEST = halves(600, 40, 0.3, 5)
    MODEL = vectors(600, 40, 8, 5)

    def ranked(self, test: Interactions, workers: int) -> Any:
        return rank_users(self.MODEL, self.TRAIN.rows, test, 7, workers=workers)

    def test_two_workers_change_no_bit(self) -> None:
        one, two = (self.ranked(self.TEST, workers) for workers in (1, 2))
        for name in BY_USER:
            assert np.array_equal(getattr(one, name), getattr(two, name), equal_nan=True)

    @pytest.mark.parametrize("seed", range(4))
    def test_fewer_users_change_no_bit_of_the_others(self, seed: int) -> None:
        some = np.random.default_rng(seed).random(600) < 0.3
        whole, part = (
            self.ranked(self.TEST, 1),
            self.ranked(self.TEST.keep(some[self.TEST.users]), 1),
        )
        kept = some[whole.users]
        for name in BY_USER:
            assert np.array_equal(getattr(whole, name)[kept], getattr(part, name), equal_nan=True)


class TestPredict:
    def test_it_is_the_whole_formula(self) -> None:
        model = vectors(9, 7, 4, 1)
        matrix = interactions(9, 7, 0.5, 1)
        whole = naive_scores(model) + model.user_bias[:, None] + model.mean
        found = predict(model, matrix.users, matrix.indices)
        assert found.dtype == np.float64
        assert found == pytest.approx(whole[matrix.users, matrix.indices], abs=1e-5)

    def test_it_is_bounded_by_the_range_of_train(self) -> None:
        model = vectors(9, 7, 4, 1)
        matrix = interactions(9, 7, 0.9, 1)
        free = predict(model, matrix.users, matrix.indices)
        bounded = predict(model, matrix.users, matrix.indices, (-0.5, 0.75))
        assert bounded.tolist() == np.clip(free, -0.5, 0.75).tolist()
        assert {-0.5, 0.75} <= set(bounded.tolist())

    def test_blocks_change_no_bit(self, monkeypatch: pytest.MonkeyPatch) -> None:
        model, matrix = vectors(9, 7, 4, 1), interactions(9, 7, 0.9, 1)
        whole = predict(model, matrix.users, matrix.indices)
        monkeypatch.setattr("mfcli.evaluation.measuring.PREDICTION_BLOCK", 5)
        assert np.array_equal(predict(model, matrix.users, matrix.indices), whole)

    def test_without_rows_there_is_nothing(self) -> None:
        none = np.zeros(0, np.int32)
        assert predict(vectors(3, 3, 2, 1), none, none).shape == (0,)

    def test_rmse_and_mae_are_of_bounded_predictions(self) -> None:
        model, (train, test) = vectors(12, 9, 3, 2), halves(12, 9, 0.8, 2)
        names = ["mae", "rmse"]
        measured = measure(model, train.rows, test, names, clip=(1.0, 4.0))
        found, ranked = measured.metrics, measured.ranked
        errors = predict(model, test.users, test.indices, (1.0, 4.0)) - test.data
        assert list(found) == names
        assert found["mae"] == pytest.approx(np.abs(errors).mean())
        assert found["rmse"] == pytest.approx(np.sqrt((errors**2).mean()))
        assert ranked is None


class TestEdges:
    def test_no_user_with_a_test_row_leaves_metrics_undefined(self) -> None:
        train, test = halves(5, 4, 0.5, 1)
        found = measured_of(
            vectors(5, 4, 2, 1), train, test.keep(test.data > 99), "auc mrr ndcg@3 coverage@3"
        )
        assert math.isnan(found["auc"])
        assert math.isnan(found["mrr"])
        assert math.isnan(found["ndcg@3"])
        assert found["coverage@3"] == 0.0

    def test_a_user_whose_candidates_are_all_positives_has_no_auc(self) -> None:
        whole = interactions(1, 6, 1.0, 1)
        train, test = whole.keep(whole.indices < 4), whole.keep(whole.indices >= 4)
        ranked = rank_users(vectors(1, 6, 2, 1), train.rows, test, 5)
        assert math.isnan(ranked.auc[0])
        assert sorted(ranked.items[0, :2].tolist()) == [4, 5]
        assert ranked.items[0, 2:].tolist() == [-1, -1, -1]
        found = measured_of(vectors(1, 6, 2, 1), train, test, "auc precision@5 recall@5")
        assert math.isnan(found["auc"])  # no user has one
        assert found["precision@5"] == pytest.approx(2 / 5)  # missing places are misses
        assert found["recall@5"] == 1.0

    def test_a_catalogue_of_one_item_is_ranked(self) -> None:
        test = interactions(2, 1, 1.0, 1)
        train = test.keep(np.zeros(2, bool))
        ranked = rank_users(vectors(2, 1, 2, 1), train.rows, test, 3)
        assert ranked.items.tolist() == [[0, -1, -1], [0, -1, -1]]
        assert ranked.first.tolist() == [1, 1]

    def test_shorter_lists_are_cut_from_the_longest(self) -> None:
        model, (train, test) = vectors(30, 25, 3, 3), halves(30, 25, 0.4, 3)
        names = expand_metrics(LISTED, [1, 4, 9])
        together = measure(model, train.rows, test, names)
        for name in names:
            alone = measure(model, train.rows, test, [name])
            assert alone.metrics[name] == together.metrics[name]


class TestChosenMetrics:
    def test_all_that_make_sense_are_measured_where_none_is_asked_for(self) -> None:
        names = choose_metrics(EvaluateConfig(k=[5, 10]), predicts_ratings=True)
        assert names[:2] == ["rmse", "mae"]
        assert {"auc", "mrr", "ndcg@5", "ndcg@10", "coverage@10"} <= set(names)
        ranking = choose_metrics(EvaluateConfig(k=[5]), predicts_ratings=False)
        assert not any(map(is_rating_metric, ranking))

    def test_what_is_asked_is_kept(self) -> None:
        config = EvaluateConfig(metric=["rmse", "ndcg@3"])
        assert choose_metrics(config, predicts_ratings=False) == ["rmse", "ndcg@3"]

    def test_metrics_of_gates_are_measured_as_well(self) -> None:
        config = EvaluateConfig(metric=["auc"])
        assert choose_metrics(config, False, ["ndcg@10", "auc"]) == ["auc", "ndcg@10"]

    def test_what_is_no_metric_is_refused(self) -> None:
        with pytest.raises(UsageError, match="did you mean 'mrr'"):
            EvaluateConfig(metric=["mr"]).check()


def lists_of(n_users: int, n_items: int, seed: int) -> dict[int, set[int]]:
    """Draw a candidate list for most users: seen items and positives may be among them."""
    random = np.random.default_rng(seed + 1)
    there = (random.random((n_users, n_items)) < 0.5) & (random.random((n_users, 1)) < 0.8)
    return {user: set(np.flatnonzero(there[user]).tolist()) for user in range(n_users)}


def pool_of_lists(
    lists: dict[int, set[int]], train: Interactions, include_seen: bool = False
) -> Pool:
    keys = sorted(user * train.n_items + item for user in lists for item in lists[user])
    given = rows_from_keys(np.array(keys, np.int64), train.n_users, train.n_items)
    return Pool(train.n_items, None if include_seen else train.rows, given)


class TestCandidates:
    @settings(deadline=None, max_examples=40)
    @given(CASES, KS)
    def test_given_lists_are_ranked_as_by_a_plain_loop(self, case: Any, ks: list[int]) -> None:
        seed, n_users, n_items, density, include_seen = case
        model = vectors(n_users, n_items, 2, seed, exact=True)
        train, test = halves(n_users, n_items, density, seed)
        lists = lists_of(n_users, n_items, seed)
        names = expand_metrics(RANKING, ks)
        found = measure(
            model,
            train.rows,
            test,
            names,
            pool=pool_of_lists(lists, train, include_seen),
        ).metrics
        reference = Reference(model, train, test, include_seen, lists)
        for name in names:
            assert found[name] == pytest.approx(reference.metric(name), abs=1e-9, nan_ok=True), name

    def test_leave_one_out_with_given_negatives_ranks_them_and_the_positive(self) -> None:
        model, (train, test) = vectors(40, 200, 3, 1), halves(40, 200, 0.1, 1, share=0.1)
        first = np.zeros(test.n_ratings, bool)
        first[test.indptr[:-1][test.user_counts > 0]] = True
        test = test.keep(first)
        lists = {
            user: set(sorted(set(range(200)) - seen_by(train, user) - seen_by(test, user))[:99])
            for user in range(40)
        }
        ranked = rank_users(model, train.rows, test, 10, pool=pool_of_lists(lists, train))
        assert set(ranked.candidates.tolist()) == {100}

    def test_a_sample_is_uniform_and_never_of_seen_items_or_positives(self) -> None:
        train, test = halves(3000, 12, 0.3, 2)
        users = np.flatnonzero(test.user_counts)
        pool = Pool(12, train.rows, sampled=3, seed=5)
        wanted = test.rows.cut(users)
        masked = pool.masked(users, wanted)
        times, chances = np.zeros(12), np.zeros(12)
        for at, user in enumerate(users.tolist()):
            candidates = set(range(12)) - set(masked[1][masked[0][at] : masked[0][at + 1]].tolist())
            positives = seen_by(test, user)
            free = set(range(12)) - positives - seen_by(train, user)
            assert positives <= candidates
            assert candidates - positives <= free
            assert len(candidates - positives) == min(3, len(free))
            times[list(candidates - positives)] += 1
            chances[list(free)] += min(3, len(free)) / max(1, len(free))
        assert times == pytest.approx(chances, rel=0.1)

    def test_a_sample_depends_on_the_seed_and_on_no_other_user(self) -> None:
        model, (train, test) = vectors(600, 40, 8, 5), halves(600, 40, 0.3, 5)

        def ranked(test: Interactions, workers: int, seed: int = 0) -> Any:
            pool = Pool(40, train.rows, sampled=6, seed=seed)
            return rank_users(model, train.rows, test, 5, workers=workers, pool=pool)

        whole = ranked(test, 1)
        some = np.random.default_rng(1).random(600) < 0.3
        part = ranked(test.keep(some[test.users]), 2)
        for name in BY_USER:
            kept = getattr(whole, name)[some[whole.users]]
            assert np.array_equal(kept, getattr(part, name), equal_nan=True)
        assert not np.array_equal(whole.auc, ranked(test, 1, seed=1).auc)

    def test_a_sample_of_everything_is_everything(self) -> None:
        model, (train, test) = vectors(30, 25, 3, 3), halves(30, 25, 0.4, 3)
        pool = Pool(25, train.rows, sampled=25)
        full, sampled = (
            rank_users(model, train.rows, test, 5, pool=candidates) for candidates in (None, pool)
        )
        for name in BY_USER:
            assert np.array_equal(getattr(full, name), getattr(sampled, name), equal_nan=True)


class TestErrorsByUser:
    def test_means_over_users_are_those_of_a_plain_loop(self) -> None:
        model, (train, test) = vectors(12, 9, 3, 2), halves(12, 9, 0.8, 2)
        found = measure(
            model,
            train.rows,
            test,
            ["rmse_user", "mae_user"],
        ).metrics
        errors = predict(model, test.users, test.indices) - test.data
        own = [errors[test.users == user] for user in np.unique(test.users)]
        assert found["rmse_user"] == pytest.approx(
            np.mean([math.sqrt((of_user**2).mean()) for of_user in own])
        )
        assert found["mae_user"] == pytest.approx(
            np.mean([np.abs(of_user).mean() for of_user in own])
        )


class TestInMemory:
    """``evaluate`` takes models and a test set as values, and writes nothing."""

    @pytest.fixture
    def named(self, tmp_path: Path) -> tuple[NamedModel, Interactions]:
        train, test = halves(30, 20, 0.4, 4)
        checkpoint = write_model(tmp_path / "m.pt", train)
        scores = scoring_of(checkpoint, tmp_path / "m.pt")
        return NamedModel(name="mine", checkpoint=checkpoint, scores=scores), test

    def test_it_measures_what_measure_does(self, named: tuple[NamedModel, Interactions]) -> None:
        model, test = named
        config = EvaluateConfig(k=[3], metric=["rmse", "ndcg"], workers=1)
        found = evaluate([model], test, config)
        names = ["rmse", "ndcg@3"]
        seen = model.checkpoint.seen
        clip, trained = model.checkpoint.rating_range, Trained.of(model.checkpoint)
        expected = measure(model.scores, seen, test, names, clip=clip, trained=trained)
        assert found.metrics == expected.metrics
        assert set(found.intervals[0]) == set(names)
        assert found.differences == []
        assert found.tables()[0]["sha256"] is None

    def test_models_are_compared_with_the_first_and_with_a_baseline(
        self, named: tuple[NamedModel, Interactions]
    ) -> None:
        model, test = named
        other = dataclasses.replace(model, name="other")
        config = EvaluateConfig(metric=["auc"], beat=Baseline.popularity, beat_on="auc")
        found = evaluate(iter([model, other]), test, config)
        names = ["mine", "popularity", "other", "popularity"]
        assert [subject.name for subject in found.subjects] == names
        assert [(pair["model"], pair["base"]) for pair in found.differences] == [
            ("mine", "popularity"),
            ("other", "mine"),
            ("other", "popularity"),
        ]
        assert found.differences[1]["metrics"]["auc"]["difference"] == 0.0

    def test_rows_of_train_are_refused_by_name(
        self, named: tuple[NamedModel, Interactions]
    ) -> None:
        model, _ = named
        train, _ = halves(30, 20, 0.4, 4)
        with pytest.raises(InputError, match=r"the test set: .* in the training data"):
            evaluate([model], train, EvaluateConfig())
