"""The options of ``mfcli run``: those of all its stages."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mfcli.config.choices import Mode, Objective
from mfcli.config.evaluate import EvaluateConfig
from mfcli.config.fetch import FetchConfig
from mfcli.config.layers import AnyConfig, keys_in, merge_layers
from mfcli.config.options import names_with
from mfcli.config.recommend import RecommendConfig
from mfcli.config.roles import Role
from mfcli.config.split import HISTORIES, SplitConfig, Strategy
from mfcli.config.train import TrainConfig
from mfcli.errors import UsageError

WAY = names_with(TrainConfig, Role.choice)  # mode, model, objective, engine


@dataclass(frozen=True, kw_only=True)
class RunConfigs:
    """The configuration of every stage that a run goes through.

    refit:    whether the lists come from a model that is trained again on everything.
    open_way: whether nothing says how to train: the data may choose the mode.
    open_n:   whether nothing says how many rows of a user are held out: the data may choose.
    """

    fetch: FetchConfig
    split: SplitConfig
    train: TrainConfig
    evaluate: EvaluateConfig
    recommend: RecommendConfig
    refit: bool = True
    open_way: bool = False
    open_n: bool = False


def run_configs(
    files: tuple[Path | None, str | None],
    out: Path,
    *,
    mode: Mode | None = None,
    objective: Objective | None = None,
    metric: list[str] | None = None,
    seed: int | None = None,
    folds: int | None = None,
    repeats: int | None = None,
    refit: bool | None = None,
    relevant_from: float | None = None,
    threshold: float | None = None,
    budget: str | None = None,
    wait: float | None = None,
) -> RunConfigs:
    """Merge the layers of every stage of a run, whose files are kept in ``out``.

    files: a TOML file and the name of a preset, or None for either. mode, objective, metric,
    seed, folds, repeats, refit, relevant_from, threshold, budget, wait: of the command line. Raises
    InputError, and UsageError for options that cannot work.
    """

    def merged(cls: type[AnyConfig], table: str, **asked: Any) -> AnyConfig:
        return merge_layers(cls, table, files, {"seed": seed, "wait": wait, **asked})

    split = merged(SplitConfig, "split", folds=folds, threshold=threshold)
    if split.folds and repeats:
        raise UsageError("--folds and --repeats cannot be combined: give one of them")
    if refit and (split.folds or repeats):
        raise UsageError("--refit has no meaning with --folds and --repeats, which only measure")
    valid = held_out_rows(split, out, "valid") if split.valid else {}
    if metric and (budget is not None or "budget" in keys_in("train", files)):
        valid["metric"] = metric  # what the search makes best
    train = merged(TrainConfig, "train", mode=mode, objective=objective, budget=budget, **valid)
    if train.stages and train.valid is None:
        # A staged recipe shows the held-out loss of each stage; nothing is chosen by it.
        train = dataclasses.replace(train, **held_out_rows(split, out, "test"))
    if train.budget is not None and (split.folds or repeats):
        raise UsageError(
            "--budget is one search, and --folds and --repeats train several times: leave one out"
        )
    train.ready()  # refuse what cannot work before anything is read
    return RunConfigs(
        fetch=merged(FetchConfig, "fetch"),
        split=split,
        train=train,
        evaluate=merged(EvaluateConfig, "evaluate", relevant_from=relevant_from, metric=metric),
        recommend=merged(RecommendConfig, "recommend"),
        refit=refit is not False,
        open_way=mode is None and objective is None and not keys_in("train", files) & set(WAY),
        open_n=split.n is not None and "n" not in keys_in("split", files),
    )


def with_history(configs: RunConfigs, parts: Path) -> EvaluateConfig:
    """Return the options of evaluate that name the history of held-out users, if there are some.

    parts: the folder of the split.
    """
    if configs.split.chosen is not Strategy.users:
        return configs.evaluate
    return dataclasses.replace(configs.evaluate, history=str(parts / f"{HISTORIES['test']}.npz"))


def held_out_rows(split: SplitConfig, out: Path, part: str) -> dict[str, Any]:
    """Return the options of train that name a part of the split, and its users' history.

    out: the folder of the run, in which that of the split is.
    """
    folder = out / "split"
    names = {"valid": str(folder / f"{part}.npz")}
    if split.chosen is not Strategy.users:
        return names
    return names | {"valid_history": str(folder / f"{HISTORIES[part]}.npz")}
