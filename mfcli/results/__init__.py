"""What stages hand back: plain data, standard library only.

base    what all results have
stages  of the stages of a run, and of what inspects, reports and prepares
nights  of nights and their generations
guidance: of what guides a person
"""

from mfcli.results.base import Result, without_nan
from mfcli.results.guidance import DoctorResult, Found, HelpResult
from mfcli.results.nights import (
    ChangesResult,
    ForgetResult,
    GenerationsResult,
    NightResult,
    RollbackResult,
)
from mfcli.results.stages import (
    EvaluateResult,
    ExportResult,
    FetchResult,
    FoldsResult,
    InspectResult,
    PairsResult,
    RecommendResult,
    RepeatsResult,
    ReportResult,
    RunResult,
    SimilarResult,
    SplitPart,
    SplitResult,
    TrainResult,
    TuneResult,
    WarmUpResult,
)

__all__ = [
    "ChangesResult",
    "DoctorResult",
    "EvaluateResult",
    "ExportResult",
    "FetchResult",
    "FoldsResult",
    "ForgetResult",
    "Found",
    "GenerationsResult",
    "HelpResult",
    "InspectResult",
    "NightResult",
    "PairsResult",
    "RecommendResult",
    "RepeatsResult",
    "ReportResult",
    "Result",
    "RollbackResult",
    "RunResult",
    "SimilarResult",
    "SplitPart",
    "SplitResult",
    "TrainResult",
    "TuneResult",
    "WarmUpResult",
    "without_nan",
]
