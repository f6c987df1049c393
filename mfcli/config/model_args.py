"""What rebuilds a model: its kind and its sizes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mfcli.config.choices import ModelKind

LARGEST = 2**40  # of a size; what is larger is damaged, not a model


@dataclass(frozen=True, kw_only=True)
class ModelArgs:
    """The kind and the sizes of a model, which a checkpoint holds as plain values.

    factors: width F of the users' vectors. item_factors: width of the items' vectors, F but for
    neural. hidden: widths of the hidden layers of neural.
    """

    model: ModelKind
    n_users: int
    n_items: int
    factors: int
    item_factors: int
    hidden: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        """Refuse, with ValueError, what is not a size."""
        sizes = (self.n_users, self.n_items, self.factors, self.item_factors, *self.hidden)
        for size in sizes:
            if type(size) is not int or not 0 <= size < LARGEST:
                raise ValueError(f"{size!r} in its model_args is not a size")
        if self.model is not ModelKind.neural and self.item_factors != self.factors:
            raise ValueError(f"only neural has vectors of two widths, not {self.model}")

    def plain(self) -> dict[str, Any]:
        """Return plain values, for ``from_plain``."""
        return {
            "model": str(self.model),
            "n_users": self.n_users,
            "n_items": self.n_items,
            "factors": self.factors,
            "item_factors": self.item_factors,
            "hidden": list(self.hidden),
        }

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> ModelArgs:
        """Read plain values; raises ValueError, TypeError or KeyError for others."""
        return cls(
            model=_known_model(plain["model"]),
            n_users=plain["n_users"],
            n_items=plain["n_items"],
            factors=plain["factors"],
            item_factors=plain["item_factors"],
            hidden=tuple(plain["hidden"]),
        )

    @classmethod
    def from_options(cls, options: Mapping[str, Any], n_users: int, n_items: int) -> ModelArgs:
        """Read the options of train that a checkpoint of schema 1 holds, and no others.

        The rules for options may have changed since; the sizes mean what they meant. Raises
        ValueError, TypeError or KeyError where there are none.
        """
        factors = options.get("factors", 0)
        return cls(
            model=_known_model(options["model"]),
            n_users=n_users,
            n_items=n_items,
            factors=factors,
            item_factors=options.get("item_factors", factors),
            hidden=tuple(options.get("hidden", ())),
        )


def _known_model(name: Any) -> ModelKind:
    try:
        return ModelKind(name)
    except ValueError:
        raise ValueError(f"this mfcli has no --model {str(name)[:40]!r}") from None
