"""The options of read, split, fit and evaluate, as keywords that editors and mypy know.

Generated from the declarations in mfcli.config: python -m tests.api.typed_options
"""

from __future__ import annotations

from typing import Any, Literal, TypedDict


class FetchOptions(TypedDict, total=False):
    """Options of ``read``."""

    seed: int
    ignore: list[str]
    threshold: float
    min_user_ratings: int
    min_item_ratings: int
    format: Literal[
        "u.data",
        "ratings.dat",
        "csv",
        "tsv",
        "space",
        "parquet",
        "jsonl",
        "adjacency",
        "recbole",
        "negatives",
        "feather",
        "orc",
        "npz",
        "mtx",
        "netflix",
    ]
    columns: str
    header: bool
    time_format: str
    quoting: Literal["none", "doubled", "escaped"]
    encoding: str
    id_type: str
    drop_missing: bool
    drop_id: list[str]
    item_names: str
    drop_value: list[float]
    duplicates: Literal["last", "first", "mean", "sum", "max", "error"]
    cache_dir: str
    base_url: str
    sha256: str
    max_size: float
    users: int
    items: int
    ratings: int


class SplitOptions(TypedDict, total=False):
    """Options of ``split``."""

    seed: int
    ignore: list[str]
    threshold: float
    min_user_ratings: int
    min_item_ratings: int
    strategy: Literal["leave-n-out", "fraction", "latest", "users", "given"]
    n: int
    test_fraction: float
    per_user: bool
    cutoff: str
    test_users: float
    valid_users: float
    fold_in: float
    valid: bool
    drop_unknown: bool


class TrainOptions(TypedDict, total=False):
    """Options of ``fit``."""

    seed: int
    ignore: list[str]
    budget: str
    evidence: list[dict[str, Any]]
    mode: Literal["explicit", "implicit", "hogwild"]
    model: Literal["mf", "biased-mf", "svdpp", "neural", "ease", "popularity", "bias"]
    objective: Literal["mse", "bpr", "bpr-squared", "logistic", "warp", "softmax", "ccl", "ials"]
    engine: Literal["minibatch", "hogwild", "als", "closed-form"]
    factors: int
    item_factors: int
    hidden: list[int]
    global_mean: bool
    rating_unit: float
    dropout: float
    rank_shrinkage: float
    epochs: int
    last_epoch: int
    learning_rate: float
    schedule: Literal["constant", "exponential", "inverse", "linear", "cosine"]
    decay: float
    regularization: float
    bias_regularization: float
    weight_decay: float
    bias_weight_decay: float
    optimizer: Literal["sgd", "adam", "adagrad", "sparse-adam"]
    sparse: bool
    batch_size: str
    reduction: Literal["mean", "sum"]
    clip_norm: float
    negatives: int
    hardest_of: int
    negative_power: float
    positive_weight: Literal["none", "linear", "log"]
    temperature: float
    margin: float
    negative_weight: float
    unobserved_weight: float
    regularization_exponent: float
    confidence: Literal["none", "linear", "log"]
    alpha: float
    damping: float
    init: str
    bias_init: str
    metric: list[str]
    k: list[int]
    eval_every: int
    patience: int
    time_limit: float
    device: Literal["auto", "cpu", "cuda"]
    order: Literal["grid", "free"]
    workers: int
    stages: list[dict[str, Any]]


class EvaluateOptions(TypedDict, total=False):
    """Options of ``evaluate``."""

    seed: int
    ignore: list[str]
    k: list[int]
    metric: list[str]
    include_seen: bool
    exclude_cold: bool
    unknown_users: Literal["popular", "skip", "error"]
    since: str
    sampled: int
    relevant_from: float
    baseline: bool
    resamples: int
    workers: int
    fail_under: list[str]
    beat: Literal["popularity"]
    beat_on: str
