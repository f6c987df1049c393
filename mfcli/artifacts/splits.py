"""What the files of one split say of each other: one lineage, one identity, and each its part."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mfcli.artifacts.meta import lineage_entry, lineage_of, meta_for, to_json
from mfcli.config import SplitConfig


@dataclass(frozen=True)
class SplitIdentity:
    """The lineage of a split, and the 16 hex digits that all its files carry."""

    lineage: list[dict[str, Any]]
    split_id: str

    def meta(self, part: str, folder: str = "") -> dict[str, Any]:
        """Return the meta of a part (train, test or valid), of fold ``folder`` if it has one."""
        meta = meta_for("interactions", self.lineage, split_id=self.split_id, part=part)
        return meta | {"fold": folder} if folder else meta


def identify_split(
    meta: dict[str, Any], config: SplitConfig, inputs: Sequence[dict[str, Any]]
) -> SplitIdentity:
    """Return what a split is identified by: the input's meta, the options, and the inputs' SHA-256.

    meta: of the matrix that is split; empty where two files were given instead.
    """
    strategy = "folds" if config.folds else str(config.chosen)
    options = config.stored() | {"strategy": strategy}
    lineage = [*lineage_of(meta), lineage_entry("split", options, inputs)]
    digest = hashlib.sha256(to_json({"lineage": lineage}).encode())
    return SplitIdentity(lineage, digest.hexdigest()[:16])
