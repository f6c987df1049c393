"""Bad input: the right exit status, one line with what, where and the mend, and nothing lost.

Every case runs over an earlier output, which must still be there, byte for byte.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mfcli.artifacts import load_interactions

EARLIER = b"an earlier output"
HEADER = b"user,item,rating\n"
GOOD = HEADER + b"1,10,4\n1,20,3\n2,10,5\n2,30,1\n"
# A training run that takes no time, of each engine.
TRAININGS = {
    "explicit": ("--epochs", "2", "--factors", "3"),
    "implicit": ("--mode", "implicit", "--epochs", "2", "--factors", "3"),
    "hogwild": ("--mode", "hogwild", "--epochs", "2", "--factors", "3", "--workers", "1"),
    "ratings": ("--mode", "hogwild", "--objective", "mse", "--epochs", "2", "--factors", "3"),
    "bias": ("--model", "bias"),
    "popularity": ("--model", "popularity"),
}


def nonsense(training: str, ratings: np.ndarray) -> int:
    """Return the status of a training that could learn nothing from ratings, (N,): 0, 2 or 3."""
    if training in ("explicit", "ratings"):
        return 2 if len(np.unique(ratings)) == 1 else 0
    return 3 if training in ("implicit", "hogwild") and (ratings <= 0).any() else 0


def write(path: Path, content: bytes | str) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def refused(result: Any, status: int, *words: str) -> str:
    """Check the exit status and that standard error ends in one line with the words."""
    assert result.exit_code == status, result.stderr
    errors = [part for part in result.stderr.split("\n") if part.startswith("error: ")]
    assert len(errors) == 1, result.stderr
    assert result.stderr.endswith(errors[0] + "\n")
    assert "Traceback" not in result.stderr
    for word in words:
        assert word in errors[0]
    return errors[0]


def accepted(result: Any) -> Any:
    assert result.exit_code == 0, result.stderr
    return result


def untouched(out: Path) -> None:
    """Check that the earlier output is there, and nothing beside it but its lock."""
    assert out.read_bytes() == EARLIER
    left = {path.name for path in out.parent.iterdir() if out.name in path.name}
    assert left <= {out.name, f"{out.name}.lock"}


# --- tables that fetch refuses: content, options, words of the message ---------------------------

REFUSED: dict[str, tuple[bytes, tuple[str, ...], tuple[str, ...]]] = {
    "empty": (b"", (), ("t.csv: holds no rows",)),
    "blank lines only": (b"\n\n\r\n", (), ("t.csv: holds no rows",)),
    "header only": (HEADER, (), ("t.csv: holds no rows",)),
    "byte-order mark only": (b"\xef\xbb\xbf", (), ("t.csv: holds no rows",)),
    "no separator": (b"abc\ndef\nghi\n", (), ("no column separator", "--format")),
    "another separator": (b"1~2~3\n4~5~6\n", (), ("no column separator", "--format")),
    "tabs named as csv": (b"1\t2\t3\n1\t3\t4\n", ("--format", "csv"), ("has one column",)),
    "wrong format": (GOOD, ("--format", "ratings.dat"), ("has one column",)),
    "ragged": (GOOD + b"3,10\n", (), ("t.csv, line 6", "2 columns", "mend or remove that line")),
    "ragged, wide": (GOOD + b"3,10,4,5,6\n", (), ("t.csv, line 6", "5 columns")),
    "ragged, deep": (
        HEADER + b"1,10,4\n" * 60_000 + b"7\n",
        (),
        ("t.csv, line 60002", "1 column,"),
    ),
    "a quote that is not closed": (
        GOOD + b'"3,10,4\n',
        (),
        ("t.csv, line 6", "not closed", "--quoting"),
    ),
    "nan": (GOOD + b"3,10,nan\n", (), ("t.csv, line 6", "'nan'", "--drop-missing")),
    "NaN": (GOOD + b"3,10,NaN\n", (), ("t.csv, line 6", "'NaN'")),
    "inf": (GOOD + b"3,10,inf\n", (), ("t.csv, line 6", "'inf'", "not a finite number")),
    "-inf": (GOOD + b"3,10,-inf\n", (), ("t.csv, line 6", "'-inf'")),
    "beyond float32": (GOOD + b"3,10,1e39\n", (), ("t.csv, line 6", "'1e39'")),
    "rating of text": (GOOD + b"3,10,good\n", (), ("t.csv, line 6", "'good'")),
    "rating with a comma": (GOOD + b'3,10,"4,567"\n', (), ("t.csv, line 6", "'4,567'")),
    "no rating": (GOOD + b"3,10,\n", (), ("t.csv, line 6", "the rating is missing")),
    "no user": (GOOD + b",10,4\n", (), ("t.csv, line 6", "the user is missing")),
    "no item": (GOOD + b"3, ,4\n", (), ("t.csv, line 6", "the item is missing")),
    "very long id": (
        GOOD + b"u" * 256 + b",10,4\n",
        (),
        ("t.csv, line 6", "longer than 255 characters"),
    ),
    "NUL in an id": (GOOD + b"a" * 5000 + b"\0,10,4\n", (), ("t.csv",)),
    "NUL at the beginning": (b"\0" + GOOD, (), ("t.csv: is a binary file",)),
    "two lines in an id": (
        HEADER + b'1,10,5\n"two\nlines",10,1\n',
        (),
        ("t.csv, line 3", "holds a line end"),
    ),
    "one bad byte": (HEADER + "é,10,5\n".encode() + b"\xe9,20,3\n", (), ("line 3", "--encoding")),
    "one column": (b"user\n1\n2\n", (), ("t.csv",)),
    "five columns": (b"1,2,3,4,5\n2,3,4,5,6\n", ("--no-header",), ("5 columns", "--columns")),
    "no known column": (
        b"a,b,c\nx,y,1\n",
        ("--header",),
        ("no column has a name that is known", "--columns"),
    ),
    "doubles refused": (
        GOOD + b"1,10,1\n",
        ("--duplicates", "error"),
        ("user 1 has item 10 more than once", "--duplicates last"),
    ),
    "sum of doubles too large": (
        HEADER + b"1,10,3e38\n1,10,3e38\n",
        ("--duplicates", "sum"),
        ("too large",),
    ),
    "nothing reaches the threshold": (
        GOOD,
        ("--threshold", "9"),
        ("--threshold 9", "the largest is 5", "smaller"),
    ),
    "nothing is left": (GOOD, ("--min-user-ratings", "9"), ("--min-user-ratings 9", "smaller")),
    "a time of text": (b"user,item,rating,time\n1,2,3,noon\n", (), ("line 2", "'noon'")),
    "a time beyond 64 bits": (
        b"user,item,rating,time\n1,2,3,4\n1,3,3,99999999999999999999\n",
        (),
        ("t.csv", "time"),
    ),
    "JSON array": (b'[{"user": 1, "item": 2}]\n', (), ("JSON array", "JSON lines")),
    "no JSON": (b'{"user": 1, "item": 2}\n{oops\n', (), ("t.csv, line 2", "not a JSON object")),
    "JSON of another type": (
        b'{"user": 1, "item": 2}\n{"user": [1], "item": 2}\n',
        (),
        ("line 2", "the user is"),
    ),
    "JSON too deep": (
        b'{"user": 1, "item": 2}\n{"user": ' + b"[" * 100_000 + b"\n",
        (),
        ("line 2", "not a JSON object"),
    ),
    "web page": (b"<!DOCTYPE html><html></html>", (), ("web page",)),
    "Parquet that is none": (b"PAR1" + b"x" * 100, (), ("not a complete Parquet file",)),
    "npz": (b"PK\x03\x04" + b"x" * 100, (), ("not a complete zip",)),
    "gzip that is cut": (b"\x1f\x8b\x08\x00" + b"x" * 9, (), ("damaged or cut off",)),
    "a line without end": (b"1 2 " + b"3" * (20 << 20), ("--format", "space"), ("has a line of",)),
    "a cell without end": (b"1,2," + b"3" * (20 << 20), (), ("t.csv",)),
    "an object without end": (b'{"user": "' + b"3" * (20 << 20), (), ("t.csv",)),
    "a list without end": (b"1 " + b"23 " * (7 << 20), (), ("t.csv",)),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_bad_table_is_refused_by_line_and_the_output_stays(cli, tmp_path, name):
    content, options, words = REFUSED[name]
    out = write(tmp_path / "out.npz", EARLIER)
    result = cli("fetch", write(tmp_path / "t.csv", content), "--out", out, *options)
    refused(result, 3, *words)
    untouched(out)


@pytest.mark.parametrize("kind", ["folder", "/dev/null", "/dev/zero", "fifo", "locked", "loop"])
def test_what_is_no_readable_file_is_refused_at_once(cli, tmp_path, kind):
    source, words = tmp_path / "in", ["not a regular file", "use -"]
    if kind == "folder":
        source.mkdir()
        words = ["there is no table in it"]
    elif kind == "fifo":
        os.mkfifo(source)
    elif kind == "locked":
        if os.geteuid() == 0:
            pytest.skip("root may read everything")
        write(source, GOOD).chmod(0)
        words = ["cannot be read"]
    elif kind == "loop":
        source.symlink_to(source)
        words = ["cannot be read"]
    else:
        source = Path(kind)
    out = write(tmp_path / "out.npz", EARLIER)
    refused(cli("fetch", source, "--out", out), 3, *words)
    untouched(out)


@pytest.mark.parametrize("change", ["longer", "another", "gone"])
def test_a_table_that_changes_while_it_is_read_is_refused(cli, tmp_path, monkeypatch, change):
    source, out = write(tmp_path / "t.csv", GOOD), write(tmp_path / "out.npz", EARLIER)
    from mfcli.sources.readers import union

    def and_change(*given: Any) -> Any:
        found = union.read_parts(*given)
        if change == "longer":
            with source.open("ab") as file:
                file.write(b"9,9,9\n")
        elif change == "another":
            write(tmp_path / "other", GOOD.replace(b"4", b"5")).replace(source)
        else:
            source.unlink()
        return found

    monkeypatch.setattr("mfcli.sources.reading.read_parts", and_change)
    refused(cli("fetch", source, "--out", out), 3, "t.csv: changed while it was read", "again")
    untouched(out)


# --- tables that are odd but legal: through every stage ------------------------------------------

LONG = "x" * 255
ODD: dict[str, tuple[bytes, int]] = {  # content, ratings that are left
    "one rating": (b"1,10,5\n", 1),
    "one user": (HEADER + b"7,10,5\n7,20,3\n7,30,1\n", 3),
    "one item": (HEADER + b"1,10,5\n2,10,3\n3,10,1\n", 3),
    "all ratings equal": (HEADER + b"1,10,3\n1,20,3\n2,10,3\n2,30,3\n", 4),
    "a user with everything": (HEADER + b"1,10,3\n1,20,4\n1,30,5\n2,10,1\n", 4),
    "everyone with everything": (HEADER + b"1,10,3\n1,20,4\n2,10,1\n2,20,2\n", 4),
    "explicit zeros": (HEADER + b"1,10,0\n1,20,0\n2,10,0\n2,30,0\n", 4),
    "negative ratings": (HEADER + b"1,10,-3\n1,20,-0.5\n2,10,-10\n", 3),
    "huge ratings": (HEADER + b"1,10,1e6\n1,20,3e6\n2,10,2e6\n", 3),
    "doubles": (HEADER + b"1,10,5\n1,10,4\n1,10,3\n2,10,1\n", 2),
    "quoted rows": (HEADER + b'"a, b",10,5\n"say ""x""",20,3\n"two lines",10,1\n', 3),
    "UTF-16": (GOOD.decode().encode("utf-16"), 4),
    "CRLF": (GOOD.replace(b"\n", b"\r\n"), 4),
    "byte-order mark": (b"\xef\xbb\xbf" + GOOD, 4),
    "Latin-1": (HEADER + "é,10,5\nü,20,3\né,20,1\n".encode("latin-1"), 3),
    "no line end at the end": (GOOD.rstrip(), 4),
    "blank lines": (GOOD.replace(b"\n", b"\n\n"), 4),
    "negative ids": (HEADER + b"-1,-10,5\n-2,-20,3\n", 2),
    "64-bit ids": (
        HEADER + b"9223372036854775807,-9223372036854775808,5\n0,9223372036854775807,3\n",
        2,
    ),
    "ids beyond 64 bits": (HEADER + b"9223372036854775808,10,5\n1,20,3\n", 2),
    "integers and text": (HEADER + b"1,10,5\n01,b,3\nx,10,1\n", 3),
    "unicode": (HEADER + "日本,é,5\n\U0001f600,ü,3\na\u0301,\u00e1,1\n".encode(), 3),
    "right to left": (HEADER + "\u202eabc,שלום,5\n\u200b\u200bz,b,3\n".encode(), 2),
    "very long ids": (HEADER + f"{LONG},10,5\n{LONG[1:]}é,{LONG},3\n".encode(), 2),
    "formula": (HEADER + b"=1+1,@SUM(A1),5\n+x,-y,3\n", 2),
    "JSON lines of two kinds": (
        b'{"user": 1, "item": "a", "rating": 5}\n{"user": "x", "item": 2, "rating": 3}\n',
        2,
    ),
}


@pytest.fixture(scope="module")
def engines() -> Iterator[str]:
    """Yield the trainings in turn: every odd table meets one of them, and together all."""

    def around() -> Iterator[str]:
        while True:
            yield from TRAININGS

    return around()


@pytest.mark.parametrize("name", ODD)
def test_an_odd_table_goes_through_every_stage(cli, tmp_path, engines, name):
    content, n_ratings = ODD[name]
    matrix, model, table = tmp_path / "data.npz", tmp_path / "m.pt", tmp_path / "r.csv"
    accepted(cli("fetch", write(tmp_path / "t.csv", content), "--out", matrix))
    data = load_interactions(matrix)
    assert data.n_ratings == n_ratings
    for training in (next(engines), "popularity", "explicit"):
        result = cli("train", matrix, "--out", model, *TRAININGS[training], "--quiet")
        assert result.exit_code == nonsense(training, data.data), result.stderr
    accepted(cli("inspect", model))
    # k beyond the catalogue, a user's own list, and what is left where everything is seen.
    accepted(cli("recommend", model, "--out", table, "--k", "1000"))
    rows = list(csv.reader(io.StringIO(table.read_bytes().decode(), newline="")))
    unseen = (data.user_counts > 0).sum() * (data.item_counts > 0).sum() - data.n_ratings
    assert len(rows) == 1 + unseen
    assert {row[0] for row in rows[1:]} <= {str(value) for value in data.catalog.user_ids.tolist()}
    assert all(np.isfinite(float(row[3])) for row in rows[1:])
    accepted(cli("recommend", model, "--out", table, "--include-seen", "--k", "2"))


@pytest.mark.parametrize("training", TRAININGS)
@pytest.mark.parametrize("content", ["1,10,3\n1,20,3\n2,10,3\n2,20,3\n3,10,3\n3,20,3\n"])
def test_a_tiny_split_is_trained_and_measured_by_every_engine(cli, tmp_path, training, content):
    """All ratings equal, everything seen once the test rows are counted, k beyond the catalogue."""
    accepted(cli("fetch", write(tmp_path / "t.csv", content), "--out", tmp_path / "d.npz"))
    accepted(cli("split", tmp_path / "d.npz", "--out", tmp_path / "s", "--n", "1"))
    train, test, model = tmp_path / "s/train.npz", tmp_path / "s/test.npz", tmp_path / "m.pt"
    more = ("--factors", "64") if "--factors" in TRAININGS[training] else ()
    trained = cli("train", train, "--out", model, *TRAININGS[training], *more, "--quiet")
    assert trained.exit_code == nonsense(training, load_interactions(train).data), trained.stderr
    if trained.exit_code:
        return
    measured = cli("evaluate", model, test, "--k", "1", "--k", "1000", "--json")
    accepted(measured)
    assert "NaN" not in measured.stdout


# --- files that do not belong together -----------------------------------------------------------


@pytest.fixture(scope="module")
def made(tmp_path_factory, cli):
    """Make two data sets of other ids, each with a split and a model."""
    folder = tmp_path_factory.mktemp("made")
    for name, users in (("a", "60"), ("b", "61")):
        size = ("--users", users, "--items", "40", "--ratings", "900")
        accepted(cli("fetch", "demo", "--out", folder / f"{name}.npz", *size))
        accepted(cli("split", folder / f"{name}.npz", "--out", folder / name, "--n", "3"))
        options = ("--epochs", "1", "--factors", "2", "--quiet")
        accepted(
            cli("train", folder / f"{name}/train.npz", "--out", folder / f"{name}.pt", *options)
        )
    accepted(cli("split", folder / "a.npz", "--out", folder / "a2", "--n", "3", "--seed", "1"))
    accepted(cli("train", folder / "a.npz", "--out", folder / "a2.pt", *options))
    write(folder / "c.csv", b"user,item\n1,nothing\n2,else\n")
    accepted(cli("fetch", folder / "c.csv", "--out", folder / "c.npz"))
    return folder


def test_files_that_do_not_belong_together_are_refused(cli, made, tmp_path):
    out = write(tmp_path / "metrics.json", EARLIER)
    for model, test, words in (
        ("a.pt", "b/test.npz", ("its users and items are not those of", "one split")),
        ("a.pt", "a/train.npz", ("are in the training data as well", "held-out")),
        ("a2.pt", "a.npz", ("are in the training data as well", "mfcli split")),
        ("a.pt", "c.npz", ("has no item in common with a.pt",)),
        ("a.pt", "a2/test.npz", ("belongs to another split", "split_id")),
        ("a.npz", "a/test.npz", ("not a checkpoint", "mfcli train")),
        ("a.pt", "a.pt", ("was not made by mfcli fetch",)),
    ):
        refused(cli("evaluate", made / model, made / test, "--out", out), 3, *words)
        untouched(out)
    trained = write(tmp_path / "m.pt", EARLIER)
    for options, reasons in (
        (("--valid", made / "b/test.npz"), ("its users and items are not those of",)),
        (("--valid", made / "a2/test.npz"), ("belongs to another split",)),
        (("--valid", made / "a/train.npz"), ("are in the training data",)),
        (("--init-from", made / "a.pt", "--factors", "9"), ("do not fit", "--factors")),
        (("--resume",), ("no interrupted run to resume", "without --resume")),
    ):
        result = cli("train", made / "a/train.npz", "--out", trained, "--epochs", "1", *options)
        refused(result, 3, *reasons)
        untouched(trained)
    split = ("split", "--out", tmp_path / "s", "--train-file")
    one, two = write(tmp_path / "1.csv", "1,1,5\n2,2,5\n"), write(tmp_path / "2.csv", "1,1,5\n")
    refused(cli(*split, one, "--test-file", two), 3, "2.csv: 1 of its user and item pairs")
    other = write(tmp_path / "3.csv", "999,999,5\n")
    refused(
        cli("split", made / "a.npz", *split[1:], one, "--test-file", other),
        3,
        "3.csv: user 999 (1 row) is not in the matrix",
    )
    assert not list((tmp_path / "s").glob("*"))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--n", "900"), ("leave test without a rating", "smaller --n")),
        (("--strategy", "fraction", "--test-fraction", "0.999999"), ("leave train without",)),
        (("--strategy", "latest", "--cutoff", "1"), ("leave train without", "--cutoff")),
        (("--strategy", "latest", "--cutoff", "9" * 30), ("leave test without", "--cutoff")),
        (("--folds", "1000"), ("without a rating",)),
        (("--threshold", "9"), ("no rating is left to split",)),
    ],
)
def test_a_split_that_leaves_a_part_empty_is_refused_and_the_earlier_one_stays(
    cli, made, tmp_path, options, words
):
    accepted(cli("split", made / "a.npz", "--out", tmp_path))
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    refused(cli("split", made / "a.npz", "--out", tmp_path, *options), 3, *words)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_matrix_without_a_rating_is_refused_by_train(cli, made, tmp_path):
    matrix = load_interactions(made / "a.npz")
    from mfcli.artifacts import save_interactions

    save_interactions(tmp_path / "none.npz", matrix.keep(np.zeros(matrix.n_ratings, bool)))
    out = write(tmp_path / "m.pt", EARLIER)
    refused(cli("train", tmp_path / "none.npz", "--out", out), 3, "no rating to train on")
    untouched(out)
