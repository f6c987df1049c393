"""``mfcli report`` on a small pipeline: content, missing files, determinism, the command line."""

from __future__ import annotations

import csv
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from mfcli.artifacts import output_lock
from mfcli.errors import InputError, LockedError, UsageError
from mfcli.report.folder import FILES
from mfcli.stages.report import report
from tests.report.browser import browsed
from tests.report.reading import Page, curves

EVIL = '<script>alert("x")</script><img src="http://evil.example/x.png">'


@pytest.fixture(scope="module")
def runs(tmp_path_factory, cli):
    """Make two runs, demo-explicit and demo-implicit; an item of the data has an evil name."""
    folder = tmp_path_factory.mktemp("runs")

    def ok(*args: str | Path) -> None:
        result = cli(*args)
        assert result.exit_code == 0, result.stderr

    rows = [(u, i, (u * 7 + i * 3) % 5 + 1) for u in range(40) for i in range(25) if (u + i) % 2]
    (folder / "rows.csv").write_text(
        "\n".join(["user,item,rating", *(f"{u},{i},{r}" for u, i, r in rows)])
    )
    names = "".join(f'{i},"{EVIL.replace(chr(34), chr(34) * 2)} {i}"\n' for i in range(25))
    (folder / "names.csv").write_text("item,name\n" + names)
    ok(
        "fetch",
        folder / "rows.csv",
        "--item-names",
        folder / "names.csv",
        "--out",
        folder / "d.npz",
    )
    for name, options, train in (
        ("demo-explicit", (), ("--epochs", "4", "--metric", "rmse")),
        ("demo-implicit", ("--threshold", "3"), ("--mode", "implicit", "--epochs", "3")),
    ):
        split, run = folder / f"split-{name}", folder / name
        ok("split", folder / "d.npz", "--out", split, "--n", "3", "--valid", *options)
        ok(
            "train",
            split / "train.npz",
            "--valid",
            split / "valid.npz",
            "--factors",
            "3",
            *train,
            "--out",
            run / "model.pt",
        )
        ok("evaluate", run / "model.pt", split / "test.npz", "--out", run / "metrics.json")
        ok("recommend", run / "model.pt", "--out", run / "recommendations.csv")
    return folder


@pytest.fixture
def run(runs, tmp_path):
    """Return a copy of one run, to be changed."""
    return Path(shutil.copytree(runs / "demo-explicit", tmp_path / "demo"))


def written(folders, out) -> str:
    report(folders, out)
    return out.read_text("utf-8")


def history_of(folder: Path) -> list[dict[str, str]]:
    with (folder / "model.history.csv").open(newline="") as stream:
        return list(csv.DictReader(stream))


def expected_points(folder: Path, column: str, timed: bool) -> list[tuple[float, float]]:
    elapsed, points = 0.0, []
    for row in history_of(folder):
        elapsed += float(row["seconds"])
        points.append((round(elapsed, 6) if timed else int(row["epoch"]), float(row[column])))
    return points


def check_curves(text: str, folder: Path) -> None:
    """Hold the curves of a page on one explicit run against its history."""
    found = curves(Page(text).root)
    for by in ("epoch", "time"):
        timed = by == "time"
        assert found[f"Loss (mse) by {by}"] == {
            "train": expected_points(folder, "train_loss", timed),
            "validation": expected_points(folder, "valid_loss", timed),
        }
        assert found[f"rmse on validation by {by}"] == {
            "rmse": expected_points(folder, "rmse", timed)
        }
    assert len(found) == 4


def test_the_curves_have_exactly_the_points_of_the_history(runs, tmp_path):
    folder = runs / "demo-explicit"
    check_curves(written([folder], tmp_path / "r.html"), folder)


def test_several_runs_are_overlaid_and_compared(runs, tmp_path):
    folders = [runs / "demo-explicit", runs / "demo-implicit"]
    text = written(folders, tmp_path / "r.html")
    found = curves(Page(text).root)
    # Losses of two objectives have a chart each; what both have in common shares one.
    assert set(found["Loss (bpr) by epoch"]) == {
        "demo-implicit: train",
        "demo-implicit: validation",
    }
    again = curves(Page(written([folders[0], folders[0]], tmp_path / "r.html")).root)
    assert set(again["rmse on validation by epoch"]) == {"demo-explicit", "demo-explicit (2)"}
    tables = {table.all("caption")[0].text: table for table in Page(text).root.all("table")}
    cells = {
        row.all("th")[0].content: [cell.content for cell in row.all("td")]
        for row in tables["Metrics on the test set"].all("tr")[1:]
    }
    documents = [json.loads((folder / "metrics.json").read_text()) for folder in folders]

    def shown(document: dict[str, Any], name: str) -> str:
        interval, popular = document["intervals"][name], document["baseline"]["metrics"].get(name)
        text = f"{document['metrics'][name]:.4f}{interval['low']:.4f} to {interval['high']:.4f}"
        # Two splits: popularity is not the same for both, and stands in each cell.
        return text if popular is None else f"{text}popularity {popular:.4f}"

    assert cells["auc"] == [shown(document, "auc") for document in documents]
    assert cells["rmse"] == [shown(documents[0], "rmse"), "–"]
    assert "objective" in tables["Options of train that differ"].content


def test_names_are_shown_as_they_are_and_nothing_is_fetched(runs, tmp_path):
    text = written([runs / "demo-explicit", runs / "demo-implicit"], tmp_path / "r.html")
    root = Page(text).root
    assert not root.all("script")
    assert not root.all("img")
    assert any(element.content.startswith(EVIL) for element in root.all("bdi"))
    for address in re.findall(
        r"""<[^>]*?\s(?:src|href|action|data)\s*=\s*["']?([^"'\s>]*)""", text
    ):
        assert address == "data:," or address.startswith("#")
    assert "@import" not in text
    assert "url(" not in text
    policies = [element.attributes.get("content", "") for element in root.all("meta")]
    assert any("default-src 'none'" in policy for policy in policies)


def test_the_page_says_what_was_run(runs, tmp_path):
    folder = runs / "demo-explicit"
    text = written([folder], tmp_path / "r.html")
    metrics = json.loads((folder / "metrics.json").read_text())
    for step in metrics["meta"]["lineage"]:
        assert f"mfcli {step['stage']}" in text
        for entry in step["inputs"]:
            assert entry["sha256"] in text
    assert "learning-rate" in text
    assert metrics["protocol"]["ties"] in text
    assert str(tmp_path) not in text
    assert str(runs) not in text


def test_the_users_have_what_the_files_say(runs, tmp_path):
    folder = runs / "demo-explicit"
    root = Page(written([folder], tmp_path / "r.html")).root
    users = root.all("div", "user")
    assert len(users) == 5
    with (folder / "recommendations.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    for user in users:
        own = [row for row in rows if row["user_id"] == user.all("h3")[0].all("bdi")[0].text]
        lines = user.all("tbody")[0].all("tr")
        shown = [line.all("bdi")[0].text for line in lines]
        assert shown == [row["item_name"] for row in own]
        assert not {chip.content for chip in user.all("li")} & set(shown)


def test_the_lists_of_several_runs_stand_side_by_side(runs, tmp_path):
    folders = [runs / "demo-implicit", runs / "demo-explicit"]
    root = Page(written(folders, tmp_path / "r.html")).root
    users = root.all("div", "user")
    assert len(users) == 5
    for user in users:
        (table,) = user.all("table")
        name = user.all("h3")[0].all("bdi")[0].text
        assert [cell.content for cell in table.all("thead")[0].all("th")] == [
            "rank",
            "demo-implicit",
            "demo-explicit",
        ]
        for place, folder in enumerate(folders):
            with (folder / "recommendations.csv").open(newline="") as stream:
                own = [row for row in csv.DictReader(stream) if row["user_id"] == name]
            lines = table.all("tbody")[0].all("tr")
            shown = [line.all("td")[place].all("bdi")[0].text for line in lines[: len(own)]]
            assert shown == [row["item_name"] for row in own]


@pytest.mark.parametrize("missing", FILES)
def test_a_missing_file_is_named_and_the_rest_is_shown(run, tmp_path, missing):
    (run / missing).unlink()
    text = written([run], tmp_path / "r.html")
    assert f"Not in the folder, and so not in this page: {missing}." in text
    found = curves(Page(text).root)
    assert found, "the checkpoint and the CSV both hold the history"
    assert any("time" in level for level in found) == (missing != "model.history.csv")
    assert ("0 of 40" in text or "Popularity in numbers" in text) == (
        missing not in ("model.pt", "recommendations.csv")
    )


def test_intervals_and_comparisons_of_metrics_are_shown(run, tmp_path):
    path = run / "metrics.json"
    content = json.loads(path.read_text())
    spread = {"standard_error": 0.1, "low": 0.1234, "high": 0.9876}
    nothing = {"standard_error": None, "low": None, "high": None}
    content["intervals"] = {"auc": spread, "mrr": nothing}
    content["protocol"]["sampled"] = 50
    content["models"] = [
        {"name": "<b>model.pt</b>", "metrics": {"auc": 0.5}, "intervals": {"auc": spread}},
        {"name": "popularity", "metrics": {"auc": None}, "baseline_of": "<b>model.pt</b>"},
    ]
    content["differences"] = [
        {
            "model": "model.pt",
            "base": "popularity",
            "metrics": {
                "auc": {"difference": 0.25, "beyond_noise": True, **spread},
                "mrr": {"difference": -0.5, "beyond_noise": False, **nothing},
            },
        }
    ]
    path.write_text(json.dumps(content))
    root = Page(written([run], tmp_path / "r.html")).root
    assert "0.1234 to 0.9876" in [element.text for element in root.all("small")]
    assert "SAMPLED" in root.content
    tables = {table.all("caption")[0].text: table for table in root.all("table")}
    compared = tables["model.pt − popularity, paired by user"].all("td")
    assert [element.content for element in compared] == [
        "+0.2500 better+0.1234 to +0.9876",
        "-0.5000",
    ]
    together = tables["Measured together in metrics.json"]
    assert [cell.content for cell in together.all("th")] == [
        "metric",
        "<b>model.pt</b>",
        "popularity (baseline)",
        "auc",
    ]
    again = tmp_path / "other"
    shutil.copytree(run, again)
    text = written([run, again], tmp_path / "r.html")
    assert len(Page(text).root.all("svg", "intervals")) == 1


def test_the_same_runs_give_the_same_bytes(runs, run, tmp_path):
    one = written([runs / "demo-explicit"], tmp_path / "one.html")
    assert written([runs / "demo-explicit"], tmp_path / "two.html") == one
    moved = Path(shutil.copytree(run, tmp_path / "elsewhere" / "demo-explicit"))
    assert written([moved], tmp_path / "three.html") == one


def test_what_is_no_run_is_refused(run, tmp_path):
    out = tmp_path / "r.html"
    out.write_text("before")
    (tmp_path / "empty").mkdir()
    for folder in (tmp_path / "nowhere", tmp_path / "empty", run / "model.pt"):
        with pytest.raises(InputError, match=r"is not a folder|holds no run"):
            report([folder], out)
    with pytest.raises(UsageError, match="--users"):
        report([run], out, users=-1)
    for name in FILES:
        whole = (run / name).read_bytes()
        (run / name).write_bytes(b"\xff damaged")
        with pytest.raises(InputError, match=name.replace(".", r"\.")):
            report([run], out)
        (run / name).write_bytes(whole)
    with output_lock(out), pytest.raises(LockedError):
        report([run], out)
    assert out.read_text() == "before"


def test_values_that_cannot_be_drawn_are_left_out(run, tmp_path):
    path = run / "model.history.csv"
    first, second, third, *rest = path.read_text().splitlines()
    values = dict(zip(first.split(","), third.split(","), strict=True))
    values["valid_loss"], values["rmse"] = "", "nan"
    path.write_text("\n".join([first, second, ",".join(values.values()), *rest]) + "\n")
    found = curves(Page(written([run], tmp_path / "r.html")).root)
    assert len(found["Loss (mse) by epoch"]["train"]) == 4
    assert [x for x, _ in found["Loss (mse) by epoch"]["validation"]] == [1, 3, 4]
    assert [x for x, _ in found["rmse on validation by epoch"]["rmse"]] == [1, 3, 4]


def test_the_command_line(cli, runs, tmp_path):
    folders = [runs / "demo-explicit", runs / "demo-implicit"]
    out = tmp_path / "new" / "r.html"
    result = cli("report", *folders, "--out", out, "--users", "1")
    assert result.exit_code == 0
    assert "demo-explicit, demo-implicit" in result.stdout
    assert "different test sets" in result.stdout
    assert len(Page(out.read_text()).root.all("div", "user")) == 1
    result = cli("report", *folders, "--out", out, "--json")
    document = json.loads(result.stdout)
    assert document["runs"] == ["demo-explicit", "demo-implicit"]
    assert document["n_bytes"] == out.stat().st_size
    assert {"level", "run", "message"} == set(document["findings"][0])
    assert cli("report", *folders, "--out", out, "--quiet").stdout == ""
    assert cli("report", tmp_path / "nowhere", "--out", out).exit_code == 3
    assert cli("report", *folders, "--out", "-").exit_code == 2
    assert cli("report", "--out", out).exit_code == 2


@pytest.mark.slow
def test_a_browser_shows_the_page_without_complaint(runs, tmp_path):
    folder = runs / "demo-explicit"
    written([folder], tmp_path / "r.html")
    done = browsed(tmp_path / "r.html", tmp_path, "--dump-dom")
    assert "CONSOLE" not in done.stderr
    check_curves(done.stdout, folder)
