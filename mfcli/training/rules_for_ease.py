"""The default of ease as a function of the data."""

from __future__ import annotations

from typing import Any

from mfcli.config import Engine, ModelKind, Recipe
from mfcli.training.facts import Facts, clipped
from mfcli.training.rules import Rules


def _ease(facts: Facts, _: Recipe) -> dict[str, Any]:
    """Return λ of ease: it grows with the rows, and less of it is right where items are many.

    Fitted to ndcg@20 on validation rows inside train (a fifth of each user's), λ from 1 to 3000:
    ml-100k and ml-latest-small (≥ 4), lightgcn-lastfm, hetrec2011-lastfm and citeulike-a, each
    whole and thinned to a quarter of its users, items or rows; and to the settings that Steck 2019
    found on three large sets (500 on ML-20M, 1000 on Netflix, 200 on MSD), which become 351, 685
    and 329. Each set left out in turn, its λ gives up 2.9 % of the best ndcg@20 in the mean of all,
    and on none of the whole sets more than 5.1 % (citeulike-a, best at 30, gets 100); one λ of 299
    for all gave up 3.3 %, and 11.7 % there.

    The cube of what neighbours do not tell came later, by λ times 0.03 to 30 on 14 of these sets
    and on quarters of the items of pinterest and amazon-book-kgat: the loss against the best λ of
    each fell from 2.2 to 1.4 % in the mean, and on none of the 16 above 5 % (it was 11 %).
    """
    usual = 855.0 * facts.rows**0.344 / facts.items**0.644
    return {"regularization": clipped(usual * facts.untold() ** 3, 1.0, 1e5)}


RULES: Rules = {(Engine.closed_form, ModelKind.ease): _ease}
