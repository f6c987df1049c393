"""Defaults of the ways that learn to rank, as functions of the data.

How they were found: random and then model-guided search on validation rows inside the train part of
ml-100k (≥ 4), ml-latest-small (≥ 4), hetrec2011-lastfm, lightgcn-lastfm, citeulike-a, douban-book,
amazon-book-kgat and pinterest, and of their users, items or rows thinned to a quarter: 17 sets of
8,000 to 630,000 rows. For ials the scores, relative to the best of a set, were fitted by a Gaussian
process over settings and facts, and the constants maximise its mean over the sets; its λ was fitted
anew, as said below. Those of the others were set by hand from short sweeps on about ten of the
sets; bpr-squared follows bpr, and so does logistic, without sweeps of their own.

The λ of ials is a product of powers of four facts: rows, rows a user, and how well neighbours and
popularity tell a row (``neighbours``). Fitted on 30 of these sets (epinions ≥ 4 among them), it
loses 1.4 % of the ndcg@20 that the best λ has on each, in the mean, 8 % at most; fitted without the
set that it is tried on, and without what is thinned of it, 2.4 %, and 10 % at most (a quarter of
the items of citeulike-a). Without what neighbours tell these are 3.7 and 5.7 %, and 30 % at most:
λ has to be half as large where users with the same items tell much.

How hard the draws are decides over bpr. ndcg@20 on validation rows, one seed, with the defaults: of
hogwild by random draws as it was before, by the hardest of H draws, of implicit, and of ials:

| set              | random |  H | hogwild | implicit | ials  |
|------------------|--------|----|---------|----------|-------|
| ml-100k          | 0.241  |  2 | 0.247   | 0.246    | 0.242 |
| ml-latest-small  | 0.178  |  2 | 0.187   |          | 0.205 |
| hetrec2011       | 0.215  |  9 | 0.222   |          | 0.222 |
| lightgcn-lastfm  | 0.179  |  2 | 0.183   | 0.175    | 0.181 |
| citeulike-a      | 0.191  | 12 | 0.244   | 0.242    | 0.251 |
| pinterest        | 0.084  |  5 | 0.089   |          | 0.091 |
| amazon-book-kgat | 0.114  | 22 | 0.126   | 0.127    | 0.140 |
| douban-book      | 0.143  | 19 | 0.156   |          | 0.157 |

(Before λ followed what neighbours tell. By H as in the table, which the rule meets within a factor
of 1.5. pinterest's 0.084 is of 128 factors; implicit on citeulike-a is by λ = 0.05.)
"""

from __future__ import annotations

import math
from typing import Any

from mfcli.config import Engine, ModelKind, Objective, Recipe
from mfcli.config.choices import PAIRWISE
from mfcli.training.facts import Facts, clipped, stepped
from mfcli.training.rules import Rules

# Ratings times squared factors that a sweep of ials may cost: 512 factors up to a million rows.
_SWEEP = 2.6e11
# Ratings times factors that an epoch of a sampled objective may cost: 256 up to 1.2 million rows.
_EPOCH = 3e8
# Ratings times draws that one is the hardest of: 24 up to 8 million rows.
_DRAWS = 2e8


def _ials(facts: Facts, _: Recipe) -> dict[str, Any]:
    """Return options of ials.

    Wide models of a small λ lead everywhere but on the smallest sets, where they lose little. The
    penalty of a row grows with λ α₀ m and what the row knows with its interactions: where λ α₀ is
    more than about half of the share of pairs that are interactions, all factors go to 0. So α₀
    is about ten times that share.
    """
    rows, a_user = facts.rows / 1e5, facts.per_user / 20
    widest = min(512.0, (_SWEEP / facts.rows) ** 0.5, float(min(facts.users, facts.items)))
    return {
        "factors": stepped(min(480 * rows**0.25, widest), 8, 512, 8),
        "epochs": 10,
        "regularization": clipped(
            0.0197 * rows**-0.29 * a_user**-0.28 * facts.untold(), 0.003, 0.1
        ),
        "regularization_exponent": 0.94,
        "unobserved_weight": clipped(11.5 * rows**0.11 * facts.density, 0.0, 1.0),
    }


def _power(facts: Facts) -> float:
    return clipped(0.3 * math.log10(facts.items / 650), 0.0, 0.6)


def _sampled(facts: Facts) -> dict[str, Any]:
    """Return what the sampled objectives have in common.

    Where items are many, one drawn at random is too easy: popular ones are drawn more often.
    """
    rows = facts.rows / 1e5
    widest = min(256.0, max(64.0, _EPOCH / facts.rows), float(min(facts.users, facts.items)))
    return {
        "factors": stepped(min(220 * rows**0.4, widest), 8, 256, 8),
        "negatives": stepped(5 * (facts.items / 1e4) ** 0.5, 4, 10),
        "negative_power": _power(facts),
        "regularization": clipped(0.013 * rows**-0.25, 0.004, 0.03),
    }


def _hard(facts: Facts) -> int:
    """Return how many draws a negative is the hardest of: more where items are many.

    On most sets twice as many are a little better still, at twice the time. On generated ones,
    where chance alone decides what a user has not seen, 2 are best, and with 30,000 items 30 are
    worse than random draws. Of very many rows an epoch may not cost too much.
    """
    most = min(24.0, max(4.0, _DRAWS / facts.rows))
    return stepped(min(4 * (facts.items / 8e3) ** 1.25, most), 2, 24)


def _pairwise(facts: Facts, _: Recipe) -> dict[str, Any]:
    """Return options of bpr on hogwild.

    The hardest of many draws teaches most, so that few of them do, and needs a larger λ: it is no
    random item, but often one that the user would like.
    """
    shared, hardest_of = _sampled(facts), _hard(facts)
    more = hardest_of**0.35 * clipped((facts.per_user / 25) ** -0.3, 0.75, 1.3)
    more *= clipped(facts.untold(popularity=0.1), 0.5, 1.8)
    return shared | {
        "negatives": stepped(4 * (facts.rows / 1e5) ** -0.5, 2, 4),
        "hardest_of": hardest_of,
        "negative_power": clipped(_power(facts) / 2, 0.0, 0.3),
        "regularization": clipped(shared["regularization"] * more, 0.004, 0.06),
        "learning_rate": 0.12,
        "bias_regularization": 0.08,
        "epochs": stepped(32 * (facts.rows / 1e5) ** -0.15, 12, 32),
    }


def _squared(facts: Facts, recipe: Recipe) -> dict[str, Any]:
    """Return options of bpr-squared on hogwild: slopes are about half of those of bpr."""
    shared = _pairwise(facts, recipe)
    half = {"regularization": clipped(shared["regularization"] / 2, 0.002, 0.03)}
    return shared | half | {"learning_rate": 0.24, "bias_regularization": 0.04, "epochs": 32}


def _logistic(facts: Facts, _: Recipe) -> dict[str, Any]:
    """Return options of logistic on hogwild."""
    shared = _sampled(facts)
    more = {"regularization": clipped(shared["regularization"] * 1.5, 0.004, 0.08)}
    return shared | more | {"learning_rate": 0.12, "bias_regularization": 0.05, "epochs": 32}


def _warp(facts: Facts, _: Recipe) -> dict[str, Any]:
    """Return options of warp: it draws for longer where items are many, hard ones from the start.

    As much of λ as it bears before factors go to 0: with two thirds of it, it loses up to 9 %
    (citeulike-a), with half as much more up to 18 % (douban-book). It bears less where users and
    items both have many interactions. A bias that may grow takes what λ should leave to the
    factors: of so large a penalty of its own little is left, and nothing is lost anywhere (ndcg@20
    on validation rows of a quarter of douban-book's users 0.108 with 0.05, 0.124 with 2). Where
    little is known of anything, popularity is much of what can be learnt, and a bias may keep it.
    """
    shared = _sampled(facts) | {"negative_power": 0.0}
    known = (facts.per_user + facts.per_item) / 26  # below 1 where three quarters are left out
    a_row = 2 / (1 / facts.per_user + 1 / facts.per_item)
    return shared | {
        "learning_rate": 0.012,
        "regularization": clipped(0.85 * 20 / a_row, 0.35, 0.85),
        "bias_regularization": clipped(4.0 * known**6, 0.3, 4.0),
        # Of few rows an epoch has few steps, and they are small.
        "epochs": stepped(32 * clipped((1e4 / facts.rows) ** 0.5, 1.0, 6.0), 32, 192),
        "negatives": stepped(40 * facts.items / 2e4, 10, 60),
        "hardest_of": round(1.5 * _hard(facts)),  # cheap beside the draws that it makes anyway
    }


def _softmax(facts: Facts, _: Recipe) -> dict[str, Any]:
    """Return options of softmax: of more rows finer differences can be learnt.

    ``config.ways_of_cosines`` has the temperatures that were best on single sets.
    """
    return {
        "factors": _sampled(facts)["factors"],
        "temperature": clipped(0.12 * (facts.rows / 1e5) ** -0.3, 0.09, 0.25),
    }


def _minibatch(facts: Facts, recipe: Recipe) -> dict[str, Any]:
    """Return options of the sampled objectives on minibatch: steps are larger where rows are many.

    A step of Adam moves every row of both tables, so that its number decides over the time.
    """
    if recipe.model is ModelKind.neural:  # its rate and its decay are its own
        return {}
    rows = facts.rows / 1e5
    batch = 2 ** round(math.log2(min(max(facts.rows / 40, 1024), 32768)))
    found: dict[str, Any] = {
        "factors": stepped(min(64, facts.users, facts.items), 8, 64, 8),
        "negative_power": _power(facts),
        "batch_size": str(batch),
        "learning_rate": clipped(0.02 * (batch / 2048) ** 0.25, 0.01, 0.05),
        "regularization": clipped(0.035 * rows**-0.2, 0.008, 0.1),
        "epochs": stepped(25 * rows**-0.15, 12, 40),
    }
    if recipe.objective not in PAIRWISE:
        return found
    # A group shares its draws, and scoring them is a product of matrices: twice as many are cheap.
    hardest_of, negatives = min(2 * _hard(facts) - 1, 40), stepped(4 * rows**-0.5, 2, 4)
    widest = min(max(64.0, 100 * rows**0.4), 128, facts.users, facts.items)
    more = hardest_of**0.3 * clipped((facts.per_user / 25) ** -0.3, 0.75, 1.3) * negatives / 4
    more *= clipped(facts.untold(popularity=0.1), 0.5, 1.8)
    if recipe.objective is Objective.bpr_squared:  # slopes are about half of those of bpr
        more /= 2
    return found | {
        "factors": stepped(widest, 8, 128, 8),
        "negatives": negatives,
        "hardest_of": hardest_of,
        "negative_power": clipped(_power(facts) / 2, 0.0, 0.3),
        "regularization": clipped(found["regularization"] * more, 0.008, 0.12),
    }


RULES: Rules = {
    (Engine.als, Objective.ials): _ials,
    (Engine.hogwild, Objective.bpr): _pairwise,
    (Engine.hogwild, Objective.bpr_squared): _squared,
    (Engine.hogwild, Objective.logistic): _logistic,
    (Engine.hogwild, Objective.warp): _warp,
    (Engine.hogwild, Objective.softmax): _softmax,
    (Engine.minibatch, Objective.softmax): _softmax,
    (Engine.minibatch, Objective.bpr): _minibatch,
    (Engine.minibatch, Objective.bpr_squared): _minibatch,
    (Engine.minibatch, Objective.logistic): _minibatch,
}
