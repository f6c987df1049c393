"""How well a column's name fits each role, by its words: the higher, the better; None: not at all.

A name ends in what it is: ``user_id`` is an id of a user, ``item_category_id`` one of a category,
and ``user_count`` a count. What stands before that only says which one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from mfcli.sources.readers import vocabulary as v
from mfcli.sources.readers.words import split_words

_ID_BONUS = 20
_UNKNOWN_WORD = 3
_SUFFIXED = 2
_SHARE_BONUS = 5  # a watch ratio does not depend on the length, as a duration does
_USER_BY_NAME = 40
_ITEM_BY_NAME, _PLAIN_ITEM = 30, 100
_LINE = 40  # which line of an order an item is on says less than what the item is
_COUNTING = frozenset(
    (
        "num",
        "n",
        "nb",
        "no",
        "number",
        "count",
        "counts",
        "total",
        "avg",
        "mean",
        "sum",
        "max",
        "min",
    )
)
_OTHER_PEOPLE = frozenset(
    ("friend", "friends", "followed", "followee", "following", "trusted", "trustee")
)
_NUMBERED = ("idx", "index")  # mapped ids: the original ones are better
_BOUGHT = frozenset(("order", "invoice", "transaction", "sale", "sales"))
_PREFIXES = frozenset(("is", "has", "was", "do"))


def _stripped(words: tuple[str, ...]) -> tuple[list[str], bool, int]:
    """Return the words without suffixes and ids, whether an id was there, and the penalty."""
    rest, has_id, penalty = list(words), False, 0
    while rest and (rest[-1] in v.IDS or rest[-1] in v.SUFFIXES or rest[-1].isdigit()):
        word = rest.pop()
        has_id |= word in v.IDS
        penalty = max(penalty, _SUFFIXED if word not in v.IDS or word in _NUMBERED else 0)
    if len(rest) > 1 and rest[0] in v.LEADING_IDS:
        rest, has_id = rest[1:], True
    kept = [word for word in rest if word not in v.NEUTRAL]
    # A word that says nothing beside others is all there is: ``event_id``, ``review``.
    return kept or rest[-1:], has_id, penalty


def _joined(words: Iterable[str]) -> str:
    """Return ``u_id`` and ``steam id`` as the one word they are known as."""
    return "".join(word for word in words if word not in v.SUFFIXES and not word.isdigit())


def _unknown(words: Iterable[str], *known: Iterable[str]) -> int:
    return sum(not any(word in each for each in known) for word in words)


def _fit_user(words: tuple[str, ...]) -> int | None:
    if (code := v.USER_CODES.get(_joined(words))) is not None:
        return code
    rest, has_id, penalty = _stripped(words)
    if not rest or _COUNTING & {*words[:-1]} or _OTHER_PEOPLE & {*words}:
        return None
    *before, head = rest
    if words[0] in _PREFIXES or (head == "uid" and {*before} & v.ITEMS.keys()):
        return None
    penalty += _UNKNOWN_WORD * _unknown(before, v.USERS, v.DEEDS)
    if head in v.USER_CODES:
        return v.USER_CODES[head] - penalty
    if (head in v.USERS and (has_id or head not in v.USER_NEEDS_ID)) or head in v.USER_PLURALS:
        known = v.USERS.get(head) or v.USER_PLURALS[head]
        return known + _ID_BONUS * has_id - penalty
    if head in v.USER_NAMES:
        return v.USER_NAMES[head] - penalty
    if head == "name" and before and before[-1] in {*v.USERS, "screen"}:
        return _USER_BY_NAME - penalty
    return None


def _fit_item(words: tuple[str, ...]) -> int | None:
    if (code := v.ITEM_CODES.get(_joined(words))) is not None:
        return code
    if _joined(words) in v.NO_ITEMS:
        return None
    if words[-1:] == ("uid",):
        words = (*words[:-1], "id")
    rest, has_id, penalty = _stripped(words)
    if not rest or words[0] in _PREFIXES or _COUNTING & {*words[:-1]}:
        return None
    *before, head = rest
    penalty += _UNKNOWN_WORD * _unknown(before, v.ITEMS.keys() - v.LESSER, v.DEEDS)
    penalty += _LINE * bool(head == "item" and before and before[-1] in v.HOLDERS)
    if head in ("url", "uri", "permalink") and not all(
        word in v.ITEMS and word not in v.ITEM_NEEDS_ID for word in before
    ):
        return None
    if head in v.ITEM_CODES:
        return v.ITEM_CODES[head] - penalty
    if head in v.ITEM_NAMES and before and not has_id:
        kind = before[-1]
        is_one = v.ITEMS.get(kind) == _PLAIN_ITEM and kind not in v.ITEM_NEEDS_ID | v.NO_ITEM_NAMES
        return _ITEM_BY_NAME - penalty if is_one else None
    known = v.ITEMS.get(head) or v.ITEM_PLURALS.get(head)
    if known is None or (not has_id and (head in v.ITEM_NEEDS_ID or known <= 40)):
        return None
    return known + _ID_BONUS * has_id - penalty - (head == "item")


def _fit_rating(words: tuple[str, ...]) -> int | None:
    rest, penalty = list(words), 0
    while len(rest) > 1 and (rest[-1] in v.SUFFIXES or rest[-1].isdigit() or rest[-1] == "forever"):
        penalty = max(penalty, 0 if rest.pop() == "forever" else _SUFFIXED)
    if _is_amount(rest):
        return v.RATINGS["count"] + _SHARE_BONUS * bool({*rest} & v.SHARES) - penalty
    if len(rest) > 1 and rest[0] in v.QUANTITIES and v.SALES.issuperset(rest[1:]):
        return v.RATINGS[rest[0]] + 1 - penalty  # no other quantity of a line is meant so surely
    if rest and rest[0] in _PREFIXES:
        rest = rest[1:]
    rest = [word for word in rest if word not in v.NEUTRAL or word in v.RATINGS] or rest[-1:]
    if len(rest) > 1 and rest[0] in v.RATINGS and rest[-1] == "up":
        rest = rest[:1]  # voted up
    if not rest or rest[-1] not in v.RATINGS:
        return None
    *before, head = rest
    allowed = {"total"} if v.RATINGS[head] <= v.RATINGS["count"] else set()
    allowed |= _BOUGHT if head in v.QUANTITIES else set()
    if v.NOT_ONES_OWN & {*before} - allowed:
        return None
    if head in ("count", "counts", "cnt", "freq", "frequency"):
        return None if before else v.RATINGS[head] - penalty
    known = max(v.RATINGS.get(word, 0) for word in rest)
    unknown = _unknown(before, v.USERS, v.ITEMS, v.RATINGS, v.DEEDS, ("review", "reviews"))
    if unknown and head in v.RATING_NEEDS_NUMBERS:
        return None  # the label of something else: state_label
    return known - penalty - bool(before) - _UNKNOWN_WORD * unknown


def _is_amount(words: list[str]) -> bool:
    """Tell how often or how long something was done: ``play_count``, ``watch ratio``."""
    found = {*words}
    deeds = found & v.DEEDS
    if "time" in found and found & v.LASTING:
        return not found & v.NEVER_THE_TIME - {"spent"}
    filling = {"total", "of", "on", "in", "my", "the", "spent"}
    if deeds and found & v.AMOUNTS:
        return found <= v.DEEDS | v.AMOUNTS | filling
    # The plural is a count by itself.
    counted = {word for word in deeds if word in v.RATINGS}
    return bool(counted) and found <= counted | filling | {"num", "n", "nb", "no", "number"}


def _fit_time(words: tuple[str, ...]) -> int | None:
    rest, penalty = list(words), 0
    while len(rest) > 1 and (rest[-1] in v.TIME_SUFFIXES or rest[-1] in v.SUFFIXES):
        rest.pop()
    rest = [word for word in rest if word not in v.NEUTRAL or word in v.TIME_OF] or rest[-1:]
    found = {*rest}
    if not rest or found & v.NEVER_THE_TIME or ("time" in found and found & v.LASTING - {*_WHEN}):
        return None
    if rest[-2:] == ["time", "stamp"]:
        rest = [*rest[:-2], "timestamp"]
    *before, head = rest
    if head not in v.TIMES:
        if rest[0] not in v.TIMES or not found - {rest[0]} <= v.TIME_OF | v.HARDLY_THE_TIME:
            return None
        head, before = rest[0], rest[1:]  # date_reviewed
    if v.HARDLY_THE_TIME & {*before}:
        penalty += 40
    penalty += 30 * bool(found & (v.ITEMS.keys() - v.TIME_OF - v.TIMES.keys()))
    unix = 3 * ("unix" in found)
    return v.TIMES[head] + unix - penalty - _UNKNOWN_WORD * _unknown(before, v.TIMES, v.TIME_OF)


_WHEN = ("watched", "played", "listened")  # watched_at is a time, watched_time too

FITS: Mapping[str, Callable[[tuple[str, ...]], int | None]] = {
    "user": _fit_user,
    "item": _fit_item,
    "rating": _fit_rating,
    "time": _fit_time,
}


def fit(name: str, role: str) -> int | None:
    """Return how well a column of this name fits a role, None: not at all."""
    return FITS[role](split_words(name))


def role_of(name: str) -> str | None:
    """Return the role that a column of this name fits, or None: user before item and so on."""
    return next((role for role in FITS if fit(name, role) is not None), None)


def is_something_else(name: str) -> bool:
    """Tell a name of what is no rating: an id, a time, a price, a row number, an empty name."""
    words = split_words(name)
    if not words or words[-1] in v.OTHER:
        return True
    if words[-1] in v.RATINGS and v.NOT_ONES_OWN & {*words}:
        return True  # avg_rating, compliment_count
    if any(fit(name, role) is not None for role in ("user", "item", "time")):
        return True
    stripped, has_id, _ = _stripped(words)
    return has_id or not stripped or stripped[-1] in v.OTHER
