"""The README's quality figures, from the real data sets that MFCLI_DATASETS names.

    MFCLI_DATASETS=… python -m tests.benchmarks.quality [PART …]
        [--trials N] [--objective NAME …] [--peers [als] [bpr]]

folds     ml-100k, published folds u1–u5, all test rows, RMSE; three seeds
implicit  ml-100k, ratings of at least 4, leave-10-out, train masked; three splits and seeds
older     the settings of the two older systems, on the splits that they used
lightfm   ml-100k's ua split as LightFM's example has it: every rating positive, train not masked
lastfm    LightGCN's last.fm, its own split, full ranking: ours and implicit, tuned on validation
hetrec    HetRec 2011 last.fm play counts, 30 % of each user's artists held out: likewise
likes     ml-100k, ratings of at least 4, leave-10-out: every objective, tuned in each of 3 splits
search    what tune gains over the defaults with its draws and at random, on validation rows

The tuned parts take --trials settings each, of ours and of the peers, on the same validation rows.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from tests.benchmarks.quality import published, searching, tuned
from tests.benchmarks.quality.peers import RANGES


def main() -> None:
    """Run the parts that are named, or all."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("parts", nargs="*", metavar="PART")
    parser.add_argument("--trials", type=int, default=30, help="settings tried a model (30)")
    parser.add_argument("--objective", action="append", help="tune this one only; may repeat")
    parser.add_argument(
        "--peers",
        nargs="*",
        choices=tuple(RANGES),
        default=tuple(RANGES),
        help="implicit's models to tune beside ours; nothing after it: none (all)",
    )
    chosen = parser.parse_args()
    data = os.environ.get("MFCLI_DATASETS")
    if not data:
        sys.exit("MFCLI_DATASETS names no folder of real data sets")
    plan = tuned.Plan(chosen.trials, tuple(chosen.objective or ()), tuple(chosen.peers))
    parts: dict[str, Callable[[Path, Path], None]] = {
        "folds": published.folds,
        "implicit": published.implicit,
        "older": published.older,
        "lightfm": published.lightfm,
        "lastfm": partial(tuned.lastfm, plan=plan),
        "hetrec": partial(tuned.hetrec, plan=plan),
        "likes": partial(tuned.likes, plan=plan),
        "search": partial(searching.search, trials=chosen.trials),
    }
    unknown = [name for name in chosen.parts if name not in parts]
    if unknown:
        parser.error(f"unknown part {unknown[0]!r}: choose from {', '.join(parts)}")
    for name in chosen.parts or parts:
        with tempfile.TemporaryDirectory() as work:
            parts[name](Path(data), Path(work))


if __name__ == "__main__":
    main()
