"""What the files of one split say of each other: one lineage, one identity, and each its part."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mfcli.artifacts.meta import lineage_entry, lineage_of, meta_for, to_json
from mfcli.config import SplitConfig

# The parts that a split may have, each in a file NAME.npz: histories are what held-out users are
# folded in from.
PARTS = ("train", "history", "test", "valid-history", "valid")


def split_files(folder: Path) -> list[Path]:
    """Return the files of a split that lie in its folder, those of folds after each other."""
    folds = sorted(folder.glob("fold[0-9]*"), key=lambda fold: (len(fold.name), fold.name))
    places = [place / f"{name}.npz" for place in (folder, *folds) for name in PARTS]
    return [place for place in places if place.is_file()]


@dataclass(frozen=True)
class SplitIdentity:
    """The lineage of a split, and the 16 hex digits that all its files carry."""

    lineage: list[dict[str, Any]]
    split_id: str

    def meta(self, part: str, folder: str = "") -> dict[str, Any]:
        """Return the meta of a part (one of ``PARTS``), of fold ``folder`` if it has one."""
        meta = meta_for("interactions", self.lineage, split_id=self.split_id, part=part)
        return meta | {"fold": folder} if folder else meta


def identify_split(
    meta: dict[str, Any], config: SplitConfig, inputs: Sequence[dict[str, Any]]
) -> SplitIdentity:
    """Return what a split is identified by: the input's meta, the options, and the inputs' SHA-256.

    meta: of the matrix that is split; empty where two files were given instead.
    """
    options = config.stored() | {"strategy": config.named}
    lineage = [*lineage_of(meta), lineage_entry("split", options, inputs)]
    digest = hashlib.sha256(to_json({"lineage": lineage}).encode())
    return SplitIdentity(lineage, digest.hexdigest()[:16])
