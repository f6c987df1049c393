"""Options out of range, and values at the ends of their ranges: generated from the classes."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_origin

import pytest

from mfcli.config import (
    Config,
    EvaluateConfig,
    FetchConfig,
    RecommendConfig,
    SplitConfig,
    TrainConfig,
)
from mfcli.config.describing import cli_fields
from mfcli.config.options import field_types, flag
from mfcli.errors import UsageError
from tests.faults.test_bad_input import EARLIER, accepted, refused, untouched, write

CLASSES: dict[str, type[Config]] = {
    "fetch": FetchConfig,
    "split": SplitConfig,
    "train": TrainConfig,
    "evaluate": EvaluateConfig,
    "recommend": RecommendConfig,
}
# None of the inputs exists: who reads before it refuses ends with 3.
COMMANDS = {
    "fetch": ("fetch", "none.csv"),
    "split": ("split", "none.npz"),
    "train": ("train", "none.npz"),
    "evaluate": ("evaluate", "none.pt", "none.npz"),
    "recommend": ("recommend", "none.pt"),
}
# What a value of an option needs beside it to mean something at all.
BESIDE: dict[str, tuple[str, ...]] = {
    "patience": ("--valid", "none.npz"),
    "test_fraction": ("--strategy", "fraction"),
    "hidden": ("--model", "neural"),
    "item_factors": ("--model", "neural"),
    "negatives": ("--mode", "implicit"),
    "negative_power": ("--mode", "implicit"),
    "damping": ("--model", "bias"),
    "decay": ("--schedule", "inverse"),
}


def element(cls: type[Config], name: str) -> Any:
    hint = field_types(cls)[name]
    return get_args(hint)[0] if get_origin(hint) is list else hint


def beyond() -> Iterator[Any]:
    """Yield (command, field, value) for every value just outside of a range, and NaN and inf."""
    for command, cls in CLASSES.items():
        for field in cli_fields(cls):
            kind = element(cls, field.name)
            if kind not in (int, float):
                continue
            low, high = field.metadata["low"], field.metadata["high"]
            values = [] if low is None else [low - max(1, abs(low))]
            values += [] if high is None else [high * 2 + 1]
            values += [10**400] if kind is int and high is not None else []
            values += ["nan", "inf", "-inf"] if kind is float else ["1.5", "x", ""]
            for value in values:
                yield pytest.param(
                    command, field.name, str(value), id=f"{command} {field.name} {str(value)[:12]}"
                )


@pytest.mark.parametrize(("command", "name", "value"), list(beyond()))
def test_a_value_out_of_range_is_refused_before_data_is_read(cli, tmp_path, command, name, value):
    out = write(tmp_path / "out", EARLIER)
    words = (*COMMANDS[command], "--out", out, f"{flag(name)}={value}")
    refused(cli(*words, *BESIDE.get(name, ())), 2, flag(name))
    untouched(out)


def test_every_number_has_a_range():
    """A width or a length without an upper end would ask for any amount of memory."""
    for cls in CLASSES.values():
        for field in dataclasses.fields(cls):
            if element(cls, field.name) in (int, float):
                assert field.metadata["low"] is not None, field.name


@pytest.mark.parametrize("command", CLASSES)
def test_a_value_out_of_range_in_a_file_names_the_file(cli, tmp_path, command):
    config, out = tmp_path / "my.toml", write(tmp_path / "out", EARLIER)
    name, accepted_at = "seed", 2 if command == "split" else 3  # of which the output is a folder
    write(config, f"[{command}]\n{name} = -1\n")
    words = (*COMMANDS[command], "--out", out, "--config", config)
    refused(cli(*words), 2, "my.toml", f"[{command}]", "--seed -1 is below its minimum 0")
    untouched(out)
    # What the command line overrules is no reason to refuse.
    assert cli(*words, "--seed", "1").exit_code == accepted_at
    write(config, f"[{command}]\nsed = 1\n")
    refused(cli(*words), 2, "my.toml", "unknown key 'sed' (did you mean 'seed'?)")
    write(config, f"[{command}s]\nseed = 1\n")
    refused(cli(*words), 2, "my.toml", f"(did you mean '{command}'?)")
    write(config, f"[{command}]\nseed = 'x'\n")
    refused(cli(*words), 2, "my.toml", "should be of type int")
    untouched(out)


@pytest.mark.parametrize(
    ("content", "status", "words"),
    [
        ("[train]\nepochs = 0\n", 2, ("c.toml: [train]", "--epochs 0")),
        ("[train]\nepochs = 99999999999999999999999\n", 2, ("c.toml: [train]", "--epochs")),
        ("[train]\nlearning-rate = nan\n", 2, ("c.toml: [train]", "--learning-rate nan")),
        ("[train]\ninit = 'gauss'\n", 2, ("c.toml: [train]", "--init 'gauss'")),
        ("[train]\nbatch-size = 'some'\n", 2, ("c.toml: [train]", "--batch-size 'some'")),
        ("[[train.stages]]\nepochs = 0\n", 2, ("c.toml: [train]", "stages", "--epochs 0")),
        ("[[train.stages]]\nfactors = 3\n", 2, ("c.toml", "unknown key 'factors'")),
        ("train = 3\n", 2, ("c.toml", "[train]")),
        ("[train\n", 2, ("c.toml", "TOML")),
        ("a = " + "[" * 100_000, 2, ("c.toml", "TOML")),
        ("[train]\nepochs = " + "9" * 5000, 2, ("c.toml", "TOML")),
        (b"[train]\nmodel = '\xff'\n", 3, ("c.toml", "not UTF-8 text")),
        (b"[train]\n\0", 2, ("c.toml", "TOML")),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_a_bad_configuration_is_refused_by_file(cli, tmp_path, content, status, words):
    config, out = write(tmp_path / "c.toml", content), write(tmp_path / "out", EARLIER)
    refused(cli("train", "none.npz", "--out", out, "--config", config), status, *words)
    untouched(out)


def test_an_endless_configuration_is_refused(cli, tmp_path):
    out = tmp_path / "m.pt"
    refused(cli("train", "none.npz", "--out", out, "--config", "/dev/zero"), 3, "/dev/zero")
    refused(
        cli("train", "none.npz", "--out", out, "--config", tmp_path),
        3,
        "cannot read the configuration",
    )


def test_a_decay_that_nothing_uses_is_refused(cli, tmp_path):
    words = ("train", tmp_path / "none.npz", "--out", tmp_path / "m.pt", "--decay", "0.5")
    refused(cli(*words), 2, "--decay", "--schedule")
    refused(cli(*words, "--schedule", "linear"), 2, "--decay", "--schedule linear")
    assert cli(*words, "--schedule", "inverse").exit_code == 3
    config = write(
        tmp_path / "c.toml",
        "[[train.stages]]\nepochs = 2\n[[train.stages]]\nepochs = 2\nschedule = 'exponential'\n",
    )
    assert cli(*words, "--config", config).exit_code == 3  # one of the stages uses it


# --- the far ends of the ranges: legal, and no reason for a traceback ----------------------------


@pytest.fixture(scope="module")
def made(tmp_path_factory, cli):
    folder = tmp_path_factory.mktemp("made")
    size = ("--users", "30", "--items", "20", "--ratings", "200")
    accepted(cli("fetch", "demo", "--out", folder / "d.npz", *size))
    accepted(cli("split", folder / "d.npz", "--out", folder, "--n", "2", "--valid"))
    accepted(
        cli(
            "train",
            folder / "train.npz",
            "--out",
            folder / "m.pt",
            "--epochs",
            "1",
            "--factors",
            "2",
        )
    )
    return folder


EXTREME = [
    (option, value, beside)
    for option, values, beside in (
        ("learning-rate", ("0", "1e-300", "1e30", "1e300"), ()),
        ("regularization", ("0", "1e-300", "1e30", "1e300"), ()),
        ("weight-decay", ("1e-300", "1e300"), ()),
        ("clip-norm", ("1e-12", "1e300"), ()),
        ("decay", ("0", "1e200"), ("--schedule", "exponential", "--epochs", "5")),
        ("decay", ("0", "1e300"), ("--schedule", "inverse")),
        ("batch-size", ("1", "9" * 30), ()),
        ("init", ("normal:999999", "uniform:-999999:999999"), ()),
        ("negatives", ("10000",), ("--mode", "implicit", "--batch-size", "9", "--factors", "1")),
        ("negatives", ("10000",), ("--mode", "hogwild")),
        ("learning-rate", ("1e300",), ("--mode", "hogwild")),
        ("learning-rate", ("1e300",), ("--mode", "hogwild", "--objective", "mse")),
        ("regularization", ("1e300",), ("--mode", "hogwild")),
        ("negative-power", ("2",), ("--mode", "hogwild")),
        ("damping", ("0", "1e300"), ("--model", "bias")),
        ("hidden", ("1", "65536"), ("--model", "neural")),
        ("eval-every", ("9" * 30,), ()),
        ("time-limit", ("0.001", "1e300"), ()),
        ("optimizer", ("sgd", "adagrad"), ("--learning-rate", "1e300")),
        ("factors", ("3000",), ()),
        ("seed", (str(2**32 - 1),), ()),
    )
    for value in values
]


@pytest.mark.parametrize(("option", "value", "beside"), EXTREME, ids=lambda value: str(value)[:24])
def test_an_extreme_value_trains_or_diverges_with_words(cli, made, tmp_path, option, value, beside):
    out = write(tmp_path / "m.pt", EARLIER)
    epochs = () if "--epochs" in beside or "bias" in beside else ("--epochs", "2")
    result = cli(
        "train",
        made / "train.npz",
        "--out",
        out,
        f"--{option}={value}",
        *beside,
        *epochs,
        "--valid",
        made / "valid.npz",
        "--quiet",
    )
    if result.exit_code:
        refused(result, 5, "diverged", "--learning-rate")
        assert out.read_bytes() == EARLIER
    else:
        accepted(cli("evaluate", out, made / "test.npz", "--quiet"))
        accepted(cli("recommend", out, "--out", tmp_path / "r.csv", "--quiet"))


@pytest.mark.parametrize("k", ["1", "21", "100000"])
def test_lists_longer_than_the_catalogue_are_measured(cli, made, k):
    found = accepted(cli("evaluate", made / "m.pt", made / "test.npz", "--k", k, "--json"))
    metrics = json.loads(found.stdout)["metrics"]
    assert 0 <= metrics[f"precision@{k}"] <= 1
    if int(k) > 20:
        assert metrics[f"recall@{k}"] == 1.0


@pytest.mark.parametrize(
    "words",
    [
        ("evaluate", "m.pt", "test.npz", "--sampled", "9" * 18),
        ("evaluate", "m.pt", "test.npz", "--resamples", "1"),
        ("evaluate", "m.pt", "test.npz", "--workers", "1024"),
        ("evaluate", "m.pt", "test.npz", "--metric", "ndcg@999999999999999999999999"),
        ("recommend", "m.pt", "--k", "9" * 18, "--out", "-"),
        ("split", "d.npz", "--n", "9" * 30, "--out", "x"),
        ("split", "d.npz", "--min-user-ratings", "9" * 30, "--out", "x"),
        ("split", "d.npz", "--strategy", "latest", "--cutoff", "-" + "9" * 30, "--out", "x"),
        ("split", "d.npz", "--strategy", "latest", "--cutoff", "0001-01-01", "--out", "x"),
        ("split", "d.npz", "--threshold=-1e38", "--out", "y"),
        ("fetch", "demo", "--users", "2", "--items", "2", "--ratings", "1", "--out", "z.npz"),
        ("fetch", "demo", "--users", "2", "--items", "2", "--ratings", "4", "--out", "z.npz"),
    ],
    ids=lambda words: " ".join(words)[:40],
)
def test_an_extreme_value_is_met_with_a_result_or_words(cli, made, monkeypatch, words):
    monkeypatch.chdir(made)
    result = cli(*words, "--quiet")
    if result.exit_code:
        assert result.exit_code in (2, 3)
        refused(result, result.exit_code)


@pytest.mark.parametrize("cls", CLASSES.values(), ids=CLASSES)
def test_the_classes_refuse_what_the_command_line_does(cls):
    with pytest.raises(UsageError, match="--seed -1"):
        cls(seed=-1)


def test_a_report_of_fewer_than_no_users_is_refused(cli, tmp_path):
    out: Path = write(tmp_path / "r.html", EARLIER)
    refused(cli("report", tmp_path, "--out", out, "--users", "-1"), 2, "--users")
    untouched(out)
