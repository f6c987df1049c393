"""Warnings: what each code means is one table; each is told once, and silenced by its name."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import pytest

import mfcli
from mfcli.codes import WARNINGS, WarningCode
from mfcli.config import TrainConfig, TuneConfig
from mfcli.config.files import load_config
from mfcli.config.layers import merge_layers
from mfcli.console import Screen
from mfcli.errors import MfcliWarning, UsageError
from mfcli.events import Event, Noted, Warned, once, without
from tests.conftest import Cli


def test_every_code_has_its_entry() -> None:
    assert list(WARNINGS) == list(WarningCode)


def test_every_code_is_used() -> None:
    package = Path(mfcli.__file__).parent
    files = (path for path in package.rglob("*.py") if path != package / "codes.py")
    text = "".join(path.read_text("utf-8") for path in files)
    assert {code.name for code in WarningCode} <= set(re.findall(r"WarningCode\.(\w+)", text))


@pytest.mark.parametrize("code", WarningCode)
def test_a_code_is_named_after_its_member(code: WarningCode) -> None:
    assert code == "W-" + code.name.replace("_", "-")
    assert re.fullmatch(r"W-[a-z]+(-[a-z]+)*", code)


@pytest.mark.parametrize("code", WarningCode)
def test_an_entry_is_a_sentence_on_what_it_means_and_one_on_what_to_do(code: WarningCode) -> None:
    for text in (WARNINGS[code].meaning, WARNINGS[code].mend):
        assert text[0].isupper() or text[0] == "`"
        assert text.endswith(".")


class TestReceivers:
    EVENTS: tuple[Event, ...] = (
        Warned(WarningCode.ids, "one"),
        Noted("said"),
        Warned(WarningCode.ids, "one"),
        Warned(WarningCode.cold, "one"),
        Warned(WarningCode.ids, "two"),
        Noted("said"),
    )

    def test_a_warning_and_a_note_come_once(self) -> None:
        told: list[Event] = []
        receive = once(told.append)
        for event in self.EVENTS:
            receive(event)
        assert told == [*self.EVENTS[:2], *self.EVENTS[3:5]]

    def test_an_ignored_code_is_left_out_and_nothing_else(self) -> None:
        told: list[Event] = []
        receive = without(["W-ids"], told.append)  # type: ignore[list-item]
        for event in self.EVENTS:
            receive(event)
        assert told == [self.EVENTS[1], self.EVENTS[3], self.EVENTS[5]]

    def test_quiet_drops_advice_and_keeps_what_needs_a_person(self, capsys: Any) -> None:
        advice = next(code for code, about in WARNINGS.items() if about.advice)
        warned: list[Warned] = []
        with Screen(as_json=False, quiet=True, data_on_stdout=True, warned=warned) as screen:
            for code in (advice, WarningCode.ids, WarningCode.ids):
                screen.show(Warned(code, "text"))
        assert capsys.readouterr().err == "warning: text [W-ids]\n"
        assert [event.code for event in warned] == [advice, "W-ids"]

    def test_what_is_about_meaning_is_no_advice(self) -> None:
        meaning = ("positives", "counts", "popularity", "relevance", "rating_column", "values")
        assert not any(WARNINGS[WarningCode[name]].advice for name in meaning)


class TestFiles:
    @pytest.fixture
    def write(self, tmp_path: Path) -> Any:
        def written(text: str) -> Path:
            path = tmp_path / "config.toml"
            path.write_text(text, "utf-8")
            return path

        return written

    @pytest.mark.parametrize(
        "text",
        [
            'ignore = ["W-positives"]\n[train]\nepochs = 2\n',
            'ignore = "W-positives"\n',
            'ignore = ["W-cold"]\n[train]\nignore = ["W-positives"]\n',
            '[train]\nignore = ["W-positives"]\n',
        ],
    )
    def test_codes_stand_at_the_top_or_in_a_table(self, write: Any, text: str) -> None:
        config = merge_layers(TrainConfig, "train", (write(text), None), {})
        assert config.ignore == [WarningCode.positives]

    def test_a_code_at_the_top_holds_for_a_search_and_one_of_train_does_not(
        self, write: Any
    ) -> None:
        path = write('ignore = ["W-epochs"]\n[train]\nfactors = 4\nignore = ["W-positives"]\n')
        config = merge_layers(TuneConfig, "tune", (path, None), {})
        assert config.ignore == [WarningCode.epochs]

    @pytest.mark.parametrize("text", ['ignore = ["W-positve"]\n', '[train]\nignore = "positives"'])
    def test_an_unknown_code_names_the_nearest(self, write: Any, text: str) -> None:
        with pytest.raises(UsageError, match=r"did you mean 'W-positives'\?"):
            merge_layers(TrainConfig, "train", (write(text), None), {})

    def test_other_keys_at_the_top_are_refused_as_ever(self, write: Any) -> None:
        with pytest.raises(UsageError, match="unknown table"):
            load_config(write('ignore = []\nignored = ["W-cold"]\n'))


@pytest.fixture(scope="module")
def matrix(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return ratings that differ: a ranking objective warns of them."""
    path = tmp_path_factory.mktemp("codes") / "ratings.npz"
    mfcli.read("demo", users=30, items=20, ratings=200).save(path)
    return path


class TestCommands:
    TRAIN = ("--mode", "hogwild", "--epochs", "1", "--factors", "2", "--workers", "1")

    @pytest.fixture
    def train(self, matrix: Path, cli: Cli) -> Callable[..., tuple[dict[str, Any], str]]:
        def trained(*words: str | Path) -> tuple[dict[str, Any], str]:
            done = cli("train", matrix, *self.TRAIN, "--json", *words)
            return json.loads(done.stdout), done.stderr

        return trained

    def test_a_warning_stands_in_json_and_on_the_screen(self, train: Any, tmp_path: Path) -> None:
        document, told = train("--out", tmp_path / "m.pt", "--quiet")
        (warning,) = document["warnings"]
        assert set(warning) == {"code", "text"}
        assert warning["code"] == "W-positives"
        assert told == f"warning: {warning['text']} [W-positives]\n"

    def test_it_is_silenced_by_name(self, train: Any, tmp_path: Path) -> None:
        given = ["--ignore", "W-cold", "--ignore", "W-positives"]
        document, told = train("--out", tmp_path / "m.pt", "--quiet", *given)
        assert document["warnings"] == []
        assert told == ""

    def test_a_file_silences_it_and_leaves_the_model_as_it_is(
        self, train: Any, tmp_path: Path
    ) -> None:
        (tmp_path / "c.toml").write_text('ignore = ["W-positives"]\n')
        given: list[str | Path] = ["--out", tmp_path / "a.pt", "--config", tmp_path / "c.toml"]
        assert train(*given)[0]["warnings"] == []
        assert train("--out", tmp_path / "b.pt")[0]["warnings"] != []
        assert (tmp_path / "a.pt").read_bytes() == (tmp_path / "b.pt").read_bytes()

    def test_an_unknown_code_is_wrong_usage_and_names_the_nearest(self, cli: Cli) -> None:
        done = cli("inspect", "none.npz", "--ignore", "W-postives", "--json")
        assert done.exit_code == 2
        document = json.loads(done.stdout)
        assert "did you mean 'W-positives'?" in document["error"]["message"]
        assert document["warnings"] == []

    def test_an_error_says_what_was_warned_of_before_it(
        self, train: Any, cli: Cli, tmp_path: Path
    ) -> None:
        model = tmp_path / "m.pt"
        train("--out", model)
        (tmp_path / "items.csv").write_text("item_id\n1\nnobody-knows\n")
        given: list[str | Path] = ["--items", tmp_path / "items.csv", "--out", tmp_path / "r.csv"]
        done = cli("recommend", model, *given, "--min-users", "999", "--json")
        assert done.exit_code == 6
        document = json.loads(done.stdout)
        assert document["error"]["exit_status"] == 6
        assert [warning["code"] for warning in document["warnings"]] == ["W-ids"]

    def test_run_says_once_what_concerns_several_trainings(self, cli: Cli, tmp_path: Path) -> None:
        (tmp_path / "c.toml").write_text(
            "[fetch]\nusers = 30\nitems = 20\nratings = 300\n"
            '[train]\nmode = "hogwild"\nepochs = 1\nfactors = 2\nworkers = 1\n'
        )
        given: list[str | Path] = [
            "--out",
            tmp_path / "run",
            "--config",
            tmp_path / "c.toml",
            "--folds",
            "3",
        ]
        done = cli("run", "demo", *given, "--folds", "3", "--json")
        codes = [warning["code"] for warning in json.loads(done.stdout)["warnings"]]
        assert codes.count("W-positives") == 1
        assert done.stderr.count("[W-positives]") == 1
        done = cli("run", "demo", *given, "--folds", "3", "--ignore", "W-positives", "--json")
        assert "W-positives" not in done.stdout + done.stderr


class TestApi:
    OPTIONS: ClassVar[dict[str, Any]] = {"mode": "hogwild", "epochs": 1, "factors": 2, "workers": 1}

    def test_a_code_is_ignored_by_name(self, matrix: Path) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            mfcli.fit(mfcli.read(matrix), ignore=["W-positives"], **self.OPTIONS)

    def test_an_unknown_code_is_wrong_usage(self, matrix: Path) -> None:
        with pytest.raises(UsageError, match=r"did you mean 'W-positives'\?"):
            mfcli.fit(mfcli.read(matrix), ignore=["W-positive"], **self.OPTIONS)

    def test_pythons_own_filters_know_the_code(self, matrix: Path) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            warnings.filterwarnings("ignore", r".*\[W-positives\]", MfcliWarning)
            mfcli.fit(mfcli.read(matrix), **self.OPTIONS)

    def test_lists_come_without_the_warnings_that_are_ignored(self, matrix: Path) -> None:
        model = mfcli.fit(mfcli.read(matrix), model="popularity")
        with pytest.warns(MfcliWarning) as told:
            model.recommend(k=2, exclude_items=["nobody-knows"])
        assert [getattr(warning.message, "code", None) for warning in told] == ["W-ids"]
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            model.recommend(k=2, exclude_items=["nobody-knows"], ignore=["W-ids"])

    def test_what_is_silenced_is_not_part_of_what_was_read(self) -> None:
        rows = {"user": [1, 1, 2], "item": [1, 2, 1]}
        assert mfcli.read(rows, ignore=["W-ids"]).meta == mfcli.read(rows).meta
