"""Whether the winner of a search is better than the defaults by more than chance."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from scipy.stats import t as student

from mfcli.evaluation.confidence import Statistic, paired
from mfcli.wording import counted

LEVEL = 0.05  # how often a search among equals may name a winner all the same


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The gap of the winner to the defaults on the same validation rows.

    difference: how much better it is, above 0 whichever way the metric goes. standard_error: paired
    by user. needed: what the difference has to exceed. candidates: trials that could have won.
    beyond_noise: whether it does.
    """

    difference: float
    standard_error: float
    needed: float
    users: int
    candidates: int
    beyond_noise: bool

    def document(self) -> dict[str, Any]:
        """Return it as plain values."""
        return asdict(self)

    def words(self) -> str:
        """Return it in words."""
        is_beyond = "more than" if self.beyond_noise else "within"
        return (
            f"{self.difference:+.6f} against the defaults, {is_beyond} the {self.needed:.6f} that "
            f"the best of {self.candidates} may be better by chance (paired over "
            f"{counted(self.users, 'user')})"
        )


def judge(best: Statistic, base: Statistic, candidates: int, *, lower_is_better: bool) -> Verdict:
    """Test the best of several candidates against the base, one-sided.

    Each of the candidates could have come out best, so the level is shared among them (Bonferroni's
    bound, which holds however alike they are); Student's t of the users' paired differences.
    """
    gap, error, users = paired(best, base)
    if lower_is_better:
        gap = -gap
    candidates = max(1, candidates)
    needed = math.inf
    if users > 1 and math.isfinite(error):
        needed = float(student.ppf(1.0 - LEVEL / candidates, users - 1)) * error
    return Verdict(
        difference=gap,
        standard_error=error,
        needed=needed,
        users=users,
        candidates=candidates,
        beyond_noise=gap > max(needed, 0.0),
    )
