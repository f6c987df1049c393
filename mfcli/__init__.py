"""mfcli: matrix factorization for the command line.

cli         options -> one call of a stage -> exit status
stages      one module a command: load -> pure call -> save -> result
scoring     ranked lists of a request, in parts; cluster: the parts on Dask
engines     training loops; tuning: search; foldin, warm_start: users and rows that came later
ranking, metrics, splitting: pure functions on arrays; capacity: what a stage needs
models      what is scored, scorers: as arrays; objectives: what is minimised; sampling: negatives
report      the HTML page on runs: plain data in, text out
readers     file formats -> rows; sources: data sets by name, and the download
artifacts   every file this package writes: format, atomic write, lock
interactions, config, results, errors: the types that all of them share
"""

__version__ = "0.1.0"

_API = (
    "Dataset",
    "Model",
    "evaluate",
    "fit",
    "load",
    "read",
    "split",
    "split_folds",
)


def __getattr__(name: str) -> object:
    """Import the API when it is first asked for: ``import mfcli`` alone stays light."""
    from importlib import import_module

    if name in _API:
        return getattr(import_module("mfcli.api"), name)
    if name == "errors":
        return import_module("mfcli.errors")
    raise AttributeError(f"module 'mfcli' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_API, "errors"])
