"""Tables of metrics: of one or several models, of their differences, of folds and repeats."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mfcli.config.metrics import word_of
from mfcli.console.cells import facts_sheet, options_sheet
from mfcli.console.sheets import Column, Kind, Sheet
from mfcli.results import EvaluateResult, FoldsResult, RepeatsResult
from mfcli.wording import counted, figure, interval

_METRIC = Column("metric", Kind.text)
_MODEL = Column("model", Kind.name)
_VALUE = Column("value")
_INTERVAL = Column("95 % interval", spare=2)
_ERROR = Column("± standard error", spare=3)
# A difference paired by user, its interval, and what it says.
_DIFFERENCE = (
    Column("difference"),
    Column("95 % interval of the difference", spare=1),
    Column("verdict", Kind.label),
)


def evaluate_sheets(result: EvaluateResult) -> list[Sheet]:
    """Return the metrics of the models with their differences, the protocol and the counts."""
    label = _label(result.protocol)
    sheets = [_compared(result, label) if result.models else _alone(result, label)]
    if any(result.user_groups.get(name, {}).get("users") for name in ("warm", "cold")):
        sheets.append(_by_group(result, label))
    beside = [model for model in result.models if model.get("baseline") is not None]
    if beside:
        sheets.append(_against(beside, label))
    if others := _other_differences(result):
        sheets.append(_differences(others, label))
    counts = facts_sheet("counts", result.counts)
    return [*sheets, options_sheet("protocol", result.protocol), counts]


def _alone(result: EvaluateResult, label: str) -> Sheet:
    """Return the metrics of one model, beside those of popularity where it was measured."""
    columns, against = [_METRIC, _VALUE, _INTERVAL, _ERROR], result.baseline
    if against is not None:
        columns += [Column(against["name"]), *_DIFFERENCE]
    rows = []
    for name in result.metrics:
        row = [name, *_measured(result.metrics, result.intervals, name)]
        if against is not None:
            row += [
                figure(against["metrics"][name]) if name in against["metrics"] else "–",
                *_difference(name, against["differences"].get(name)),
            ]
        rows.append(row)
    beside = "" if against is None else f", {against['name']} on the same rows"
    return Sheet(f"metrics{label}{beside}", columns, rows)


def _compared(result: EvaluateResult, label: str) -> Sheet:
    """Return the metrics of several models: a row a metric and model, a metric's together."""
    base = _base_of(result)
    own = {of["model"]: of["metrics"] for of in result.differences if of["base"] == base}
    columns = [_METRIC, _MODEL, _VALUE, _INTERVAL, _ERROR]
    beside = ""
    if own:
        columns += [*_DIFFERENCE]
        beside = f", differences to {base} paired by user"
    rows = []
    for name in result.metrics:
        for model in result.models:
            whose = model.get("name", "")
            row = [name, whose, *_measured(model["metrics"], model["intervals"], name)]
            if own and whose == base:
                row += ["–", "–", "base"]
            elif own:
                row += _difference(name, own.get(whose, {}).get(name))
            rows.append(row)
    return Sheet(f"metrics{label}{beside}", columns, rows, keys=2)


def _base_of(result: EvaluateResult) -> str | None:
    """Return what the models are held against: the first one, or the only baseline."""
    bases = [of["base"] for of in result.differences]
    first = result.models[0].get("name")
    return first if first in bases or not bases else bases[0]


def _other_differences(result: EvaluateResult) -> list[dict[str, Any]]:
    """Return the differences that the table of metrics does not show: to further baselines."""
    if not result.models:
        return result.differences
    base = _base_of(result)
    return [of for of in result.differences if of["base"] != base]


def _by_group(result: EvaluateResult, label: str) -> Sheet:
    """Return the first model's metrics of known, warm and cold users."""
    groups = result.user_groups
    columns = [_METRIC, *(Column(f"{group['users']:,} {name}") for name, group in groups.items())]
    rows = [
        [metric, *(_or_dash(group["metrics"].get(metric)) for group in groups.values())]
        for metric in result.intervals
    ]
    whose = f" of {result.models[0].get('name', '')}" if len(result.models) > 1 else ""
    return Sheet(f"by users{whose}{label}", columns, rows)


def _or_dash(value: float | None) -> str:
    return "–" if value is None or math.isnan(value) else figure(value)


def _label(protocol: Mapping[str, Any]) -> str:
    """Return what the title of a table of metrics says of how they were measured."""
    sampled, least = protocol.get("sampled"), protocol.get("relevant_from")
    label = (
        f", SAMPLED: {counted(sampled, 'candidate')} a user and the positives" if sampled else ""
    )
    return label + ("" if least is None else f", positives: rated {least:g} or more")


def _against(models: Sequence[Mapping[str, Any]], label: str) -> Sheet:
    """Return each model beside the baseline, a row a model."""
    name = models[0]["baseline"]["name"]
    metrics = list(dict.fromkeys(model["baseline"]["judged_by"] for model in models))
    rows = []
    for model in models:
        found = model["baseline"]
        metric = found["judged_by"]
        rows.append(
            [
                model["name"],
                *([metric] if len(metrics) > 1 else []),
                figure(model["metrics"][metric]),
                figure(found["metrics"][metric]),
                *_difference(metric, found["differences"][metric]),
            ]
        )
    columns = [_MODEL, *([_METRIC] if len(metrics) > 1 else [])]
    by = f" by {metrics[0]}" if len(metrics) == 1 else ""
    columns += [_VALUE, Column(name), *_DIFFERENCE]
    return Sheet(f"beside {name}{by}{label}", columns, rows)


def _measured(
    metrics: Mapping[str, float], intervals: Mapping[str, Mapping[str, float]], name: str
) -> list[str]:
    spread = intervals.get(name)
    value = figure(metrics.get(name))
    if spread is None:
        return [value, "–", "–"]
    ends = interval(spread["low"], spread["high"])
    return [value, ends, _or_dash(spread["standard_error"])]


def _difference(metric: str, found: Mapping[str, Any] | None) -> list[str]:
    """Return a paired difference, its interval and the verdict; dashes where there is none."""
    if found is None or math.isnan(found["difference"]):
        return ["–", "–", "–"]
    return [
        figure(found["difference"], signed=True),
        interval(found["low"], found["high"], signed=True),
        _verdict(metric, found),
    ]


def _verdict(metric: str, found: Mapping[str, Any]) -> str:
    if math.isnan(found["low"]):
        return "–"
    if not found["beyond_noise"]:
        return "noise"
    return word_of(metric, found["difference"])


def _differences(pairs: Iterable[Mapping[str, Any]], label: str) -> Sheet:
    rows = [
        [name, f"{of['model']} − {of['base']}", *_difference(name, found)]
        for of in pairs
        for name, found in of["metrics"].items()
    ]
    columns = [_METRIC, Column("models", Kind.text), *_DIFFERENCE]
    return Sheet(f"differences paired by user{label}", columns, rows, keys=2)


def spread_sheet(
    title: str, one: str, runs: Sequence[Mapping[str, Any]], of: FoldsResult | RepeatsResult
) -> Sheet:
    """Return the mean and standard deviation of metrics over several trainings, and each of them.

    one: what the runs' own names are found under.
    """
    columns = [_METRIC, Column("mean ± sd"), *(Column(str(run[one])) for run in runs)]
    rows = [
        [
            name,
            f"{figure(mean)} ± {figure(of.sd.get(name))}",
            *(figure(run["metrics"].get(name)) for run in runs),
        ]
        for name, mean in of.mean.items()
    ]
    return Sheet(f"{title}{_label(of.protocol)}", columns, rows)
