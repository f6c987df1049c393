"""mfcli: matrix factorization, from the command line or from Python.

The rooms, from the bottom up; each imports from itself and from those above it in this list:

wording     how counts, figures, times and sizes are said
codes       the codes of warnings, what each means and what to do
errors      one tree of errors, each with its exit status
events      what stages and engines say while they work
results     what stages return
config      the options of every command, and the tables of what can be chosen
system      memory, disk, processors, standard streams
kernels     compiled loops
data        interactions in memory, splits, the built-in sample
artifacts   every file that mfcli writes
watching    what a machine watches a run by: the log
sources     data sets, files, archives, downloads, and the formats of tables
models      what is scored and what is minimised
ranking     blocks of users against the catalogue, and who is a candidate
evaluation  metrics, protocols, intervals, comparisons
training    fit, engines, validation, folding in
tuning      the search for settings
scoring     ranked lists, neighbours and scores of pairs, in memory
publishing  outputs that others read: parts, folders, clusters of workers, gates
report      the HTML page on runs
nights      generations of published lists, judged beside the last good one
inspecting  what is in any file or folder that mfcli wrote
console     what a person sees: live progress and tables
api         the functions below, for Python
stages      one module for each command: load, call, save, return a result
cli         options → one call of a stage → exit status
docs        the pages of documentation, in Markdown

Each room's own docstring says what its modules hold. The functions for Python are ``read``,
``split``, ``fit``, ``evaluate`` and ``load``; they are imported when they are first used.
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
