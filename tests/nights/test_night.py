"""A night from its source to the current generation, in this process."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mfcli.artifacts import load_interactions
from mfcli.artifacts.checkpoint import load_checkpoint
from mfcli.artifacts.metrics import load_metrics
from mfcli.config.nightly import night_configs, parse_keep
from mfcli.errors import GateError, LockedError, UsageError
from mfcli.nights.generations import EXEMPT, all_generations, read_generation
from mfcli.nights.status import read_status
from tests.conftest import Cli
from tests.nights.shops import QUICK, Shop, clicks, digests
from tests.test_watching import parse_exposition, values_of


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


def test_a_first_night_publishes_a_whole_generation(shop: Shop) -> None:
    result = shop.night(clicks(1))
    assert result.status == "published"
    folder = shop.place.current.resolve()
    assert folder.parent == shop.place.generations.resolve()
    names = {path.name for path in folder.iterdir()}
    assert names == {
        "interactions.npz",
        "model.pt",
        "model.history.csv",
        "metrics.json",
        "recommendations.csv",
        "manifest.json",
        "log.jsonl",
    }
    events = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    assert {"stage-ended", "gate"} <= {event["event"] for event in events}
    assert not shop.place.staging.exists()
    rows, model = (
        load_interactions(folder / "interactions.npz"),
        load_checkpoint(folder / "model.pt"),
    )
    assert rows.n_ratings == len(clicks(1)) == model.user_counts.sum()
    assert load_metrics(folder / "metrics.json")["metrics"]
    generation = read_generation(folder)
    assert generation.problem() is None
    assert set(generation.files) == names - set(EXEMPT)
    newest = max(row[3] for row in clicks(1))
    assert generation.figures.newest == newest
    status = read_status(shop.place)
    assert (status["status"], status["exit_status"], status["generation"]) == (
        "published",
        0,
        generation.name,
    )


def test_a_second_night_is_measured_on_the_rows_that_came_after_the_first(shop: Shop) -> None:
    first = shop.night(clicks(1))
    second = shop.night(clicks(3))
    assert second.status == "published"
    assert shop.current == second.generation != first.generation
    metrics = load_metrics(shop.place.current / "metrics.json")
    newest = max(row[3] for row in clicks(1))
    newer = sum(row[3] > newest for row in clicks(3))
    assert metrics["counts"]["test_rows"] == newer
    assert second.counted["users_kept"] == 1.0
    (paired,) = (it for it in second.gates if it["gate"] == "quality")
    assert "paired by user" in paired["sentence"]
    assert paired["last"] is not None
    assert read_generation(shop.place.current.resolve()).document["last"] == first.generation


def test_the_same_night_again_is_said_to_be_published(shop: Shop) -> None:
    first = shop.night(clicks(1))
    before = digests(shop.place.generations)
    again = shop.night()
    assert (again.status, again.generation) == ("unchanged", first.generation)
    assert digests(shop.place.generations) == before


def test_the_same_night_elsewhere_is_the_same_to_the_byte(tmp_path: Path) -> None:
    exempt = ("manifest.json", "model.history.csv", "log.jsonl")
    made = []
    for name in "ab":
        (tmp_path / name).mkdir()
        shop = Shop(tmp_path / name)
        for day in (1, 2):
            shop.night(clicks(day))
        documents = [dict(it.document) for it in all_generations(shop.place)]
        for document in documents:
            del document["times"]
        made.append((digests(shop.place.generations, exempt), documents))
    assert made[0] == made[1]


def test_a_night_that_is_refused_leaves_what_is_current(shop: Shop) -> None:
    shop.night(clicks(2))
    before, current = digests(shop.place.generations), shop.current
    with pytest.raises(GateError, match=r"users: 10 tonight, 40 last; .*nothing is published"):
        shop.night([row for row in clicks(3) if row[0] < 10])
    assert (digests(shop.place.generations), shop.current) == (before, current)
    status = read_status(shop.place)
    assert (status["status"], status["exit_status"]) == ("refused", 6)
    assert "10 tonight, 40 last" in status["reason"]
    assert [it["gate"] for it in status["gates"] if not it["passed"]]
    assert shop.night(clicks(3)).status == "published"


def test_a_gate_that_is_opened_lets_the_same_night_go_on(shop: Shop) -> None:
    shop.night(clicks(2))
    shop.more = QUICK + "[nightly.gates]\ncoverage = { least = 1.0 }\n"
    with pytest.raises(GateError, match="coverage"):
        shop.night(clicks(3))
    shop.more = QUICK
    result = shop.night()
    assert result.status == "published"
    assert {"fetch", "train", "recommend"} <= set(result.reused)


def test_a_dry_run_publishes_nothing_and_its_work_is_taken_over(shop: Shop) -> None:
    assert shop.night(clicks(1), dry_run=True).status == "dry run"
    assert shop.current is None
    assert not shop.place.latest.exists()
    result = shop.night()
    assert result.status == "published"
    assert "train" in result.reused


def test_as_of_names_the_generation(shop: Shop) -> None:
    result = shop.night(clicks(1), as_of="2026-11-26T03:15")
    assert result.generation == "20261126T031500Z"
    document = json.loads((shop.place.current / "manifest.json").read_text())
    assert document["as_of"] == "2026-11-26T03:15:00Z"


def test_without_times_the_source_names_the_generation(shop: Shop) -> None:
    rows = [row[:3] for row in clicks(1)]
    result = shop.night("user,item,rating\n" + "".join(f"{u},{i},{r}\n" for u, i, r in rows))
    assert result.as_of is None
    assert result.generation is not None
    int(result.generation, 16)


def test_two_nights_of_one_time_have_two_names(shop: Shop) -> None:
    first = shop.night(clicks(1), as_of="2026-11-26")
    second = shop.night(clicks(2), as_of="2026-11-26")
    assert second.generation is not None
    assert second.generation.startswith(f"{first.generation}-")


def test_one_run_at_a_time(shop: Shop) -> None:
    shop.night(clicks(1))
    with shop.place.locked(), pytest.raises(LockedError):
        shop.night(clicks(2))


@pytest.mark.parametrize(
    ("nightly", "more", "message"),
    [
        ("kep = 3", "", "unknown key 'kep' (did you mean 'keep'?)"),
        ("", "[nightly.gates]\nrowz = 1", "unknown key 'rowz' (did you mean 'rows'?)"),
        ("", "[nightly.hooks]\non-sucess = 'x'", "did you mean 'on-success'?"),
        ("keep = 0", "", "--keep '0' should be"),
        ("as-of = 'soon'", "", "--as-of 'soon' is neither"),
        ("", "[train]\ninit-from = 'm.pt'", "warm = true in [nightly]"),
        ("", "[recommend]\nmax-churn = 0.5", "churn in [nightly.gates]"),
        ("", "[recommend]\npart-users = 5", "parts = true"),
        ("", "[split]\nfolds = 3", "[split] folds has no meaning"),
        ("gates = 3", "", "should be a table: [nightly.gates]"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_read(
    shop: Shop, nightly: str, more: str, message: str
) -> None:
    shop.nightly, shop.more = nightly, more
    with pytest.raises(UsageError) as caught:
        night_configs(shop.file())
    assert message in str(caught.value)


@pytest.mark.parametrize("text", ["0", "", "x", "30 days", "-1", "1.5"])
def test_what_is_neither_a_number_nor_an_age_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        parse_keep(text)


def test_keep_is_a_number_or_an_age() -> None:
    assert (parse_keep("3").number, parse_keep("3").seconds) == (3, None)
    assert (parse_keep("2d").number, parse_keep("2d").seconds) == (None, 2 * 86_400)


@pytest.mark.parametrize("parts", [False, True])
def test_a_shop_of_a_source_and_a_folder_alone(shop: Shop, parts: bool) -> None:
    shop.more, shop.nightly = "", f"parts = {str(parts).lower()}"
    assert shop.night(clicks(1)).status == "published"
    assert (shop.place.current / "recommendations").is_dir() == parts


def test_a_monitor_reads_of_a_night_what_it_reads_of_other_commands(
    cli: Cli, shop: Shop, tmp_path: Path
) -> None:
    def figures(*days: int) -> dict[str, dict[str, float]]:
        for day in days:
            shop.write(clicks(day))
            done = cli("nightly", shop.file(), "--metrics-file", tmp_path / "shop.prom")
            assert done.exit_code == 0, done.stderr
        series = parse_exposition((tmp_path / "shop.prom").read_text())
        return {name: values_of(series, name) for name, _ in series}

    second = figures(1, 2)
    stages = {"nightly", "fetch", "split", "train", "evaluate", "recommend"}
    assert set(second["mfcli_stage_seconds"]) == stages
    assert second["mfcli_rows"]["nightly"] == len(clicks(2))
    assert second["mfcli_users"]["nightly"] == second["mfcli_users"]["recommend"] == 40
    churn = second["mfcli_churn_ratio"]
    assert churn["nightly"] == churn["recommend"] > 0
    assert second["mfcli_gate_passed"]["churn"] == 1
    again = figures(2)  # which is there already
    for name in ("mfcli_rows", "mfcli_quality", "mfcli_churn_ratio"):
        assert again[name].items() <= second[name].items()
        assert again[name]
    shop.write(clicks(3)[:20])
    refused = cli("nightly", shop.file(), "--metrics-file", tmp_path / "shop.prom")
    assert refused.exit_code == 6
    series = parse_exposition((tmp_path / "shop.prom").read_text())
    passed = values_of(series, "mfcli_gate_passed")
    # Of the bounds of rows it is the fall that refuses, and others are asked after it.
    assert passed["rows"] == passed["users"] == 0
    assert passed["id-type"] == 1
    success = values_of(series, "mfcli_last_success_timestamp_seconds")
    assert success == again["mfcli_last_success_timestamp_seconds"]
