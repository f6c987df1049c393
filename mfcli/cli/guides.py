"""What each command's help says beside its options: two examples, its page, and its group."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Guide:
    """A command in help.

    group:    of the list of commands. examples: command lines, each with what it does.
    page:     of mfcli/docs, without its ending.
    """

    group: str
    page: str
    examples: tuple[tuple[str, str], tuple[str, str]]


STAGES = "One stage at a time"
WHOLE = "All stages at once"
LOOK = "Looking at what is there"
MACHINE = "This machine, and help"

# In the order in which the list of commands has them.
GUIDES: dict[str, Guide] = {
    "run": Guide(
        WHOLE,
        "evaluating",
        (
            ("mfcli run demo --out demo-run", "all stages on the built-in sample"),
            ("mfcli run clicks.csv --out shop-run --budget 10m", "the best that ten minutes allow"),
        ),
    ),
    "nightly": Guide(
        WHOLE,
        "nightly",
        (
            ("mfcli nightly shop.toml", "make tonight's lists, and publish them if they are good"),
            ("mfcli nightly shop.toml --rollback previous", "take the last night back"),
        ),
    ),
    "fetch": Guide(
        STAGES,
        "data",
        (
            ("mfcli fetch ratings.csv --out interactions.npz", "columns are found by their names"),
            ("mfcli fetch ml-100k --out ml.npz", "download a data set that mfcli knows"),
        ),
    ),
    "split": Guide(
        STAGES,
        "data",
        (
            ("mfcli split interactions.npz --out split", "hold out ten rows of each user"),
            (
                "mfcli split clicks.npz --out split --strategy latest --cutoff 2024-12-31",
                "test on what comes after a date",
            ),
        ),
    ),
    "train": Guide(
        STAGES,
        "training",
        (
            ("mfcli train split/train.npz --out model.pt", "ratings, by defaults fitted to them"),
            ("mfcli train clicks.npz --mode hogwild --out model.pt", "clicks, on all cores"),
        ),
    ),
    "tune": Guide(
        STAGES,
        "training",
        (
            ("mfcli tune split/train.npz --out best.toml", "30 trials on rows taken out of train"),
            (
                "mfcli tune clicks.npz --mode implicit --out best.toml --time-limit 600",
                "ten minutes for clicks; then train --config best.toml",
            ),
        ),
    ),
    "evaluate": Guide(
        STAGES,
        "evaluating",
        (
            ("mfcli evaluate model.pt split/test.npz --out metrics.json", "measure one model"),
            ("mfcli evaluate a.pt b.pt c.pt split/test.npz", "compare three on the same rows"),
        ),
    ),
    "recommend": Guide(
        STAGES,
        "recommending",
        (
            ("mfcli recommend model.pt --out recommendations.csv", "ten items for every user"),
            ("echo 42 | mfcli recommend model.pt --users - --out -", "for user 42, to the screen"),
        ),
    ),
    "similar": Guide(
        STAGES,
        "recommending",
        (
            ("mfcli similar model.pt --out similar.csv", "the ten nearest items of every item"),
            (
                "echo 50 | mfcli similar model.pt --of - --k 5 --out -",
                "those nearest to item 50",
            ),
        ),
    ),
    "inspect": Guide(
        LOOK,
        "files",
        (
            ("mfcli inspect model.pt", "options, history, and where it came from"),
            ("mfcli inspect interactions.npz --json", "the same for a script"),
        ),
    ),
    "report": Guide(
        LOOK,
        "evaluating",
        (
            ("mfcli report demo-run --out report.html", "one run on one page"),
            ("mfcli report run1 run2 run3 --out compared.html", "three, side by side"),
        ),
    ),
    "export": Guide(
        LOOK,
        "recommending",
        (
            ("mfcli export model.pt --out factors", "factors and ids as Parquet"),
            ("mfcli export model.pt --out factors --wait 60", "wait for another run's lock"),
        ),
    ),
    "warm-up": Guide(
        MACHINE,
        "operations",
        (
            ("mfcli warm-up", "compile all kernels now, so that no night waits for it"),
            ("mfcli warm-up --list", "what is compiled, and where it is kept"),
        ),
    ),
    "doctor": Guide(
        MACHINE,
        "operations",
        (
            ("mfcli doctor", "is all well here, and what could be better?"),
            ("mfcli doctor --json", "the same for a monitor; exit 8 where mfcli cannot work"),
        ),
    ),
    "help": Guide(
        MACHINE,
        "data",
        (
            ("mfcli help", "all pages, a line each"),
            ("mfcli help training", "the page on training"),
        ),
    ),
}
TOP_EXAMPLES: tuple[tuple[str, str], ...] = (
    ("mfcli run demo --out demo-run", "all stages on the built-in sample, without network"),
    ("mfcli run ratings.csv --out my-run", "the same on a table of yours"),
)
