"""The Python API: the same work as the commands, on values in memory.

dataset     Dataset: interactions that can be saved and shown
reading     read: a file, a folder, a URL, a DataFrame, a sparse matrix, arrays → a Dataset
splitting   split, split_folds: a Dataset → train, test and validation rows
fitting     fit: a Dataset → a Model
model       Model: recommend, similar, predict, fold_in, save; load
evaluating  evaluate: models and held-out rows → metrics
configuring options of a call → the configuration of its stage
listening   what becomes of progress, notes and warnings
options     the options of read, split, fit and evaluate as typed keywords; generated
"""

from mfcli.api.dataset import Dataset
from mfcli.api.evaluating import evaluate
from mfcli.api.fitting import fit
from mfcli.api.model import Model, load
from mfcli.api.reading import read
from mfcli.api.splitting import split, split_folds
from mfcli.system.processors import let_waiting_threads_sleep

let_waiting_threads_sleep()  # as the command does, where torch is not there yet

__all__ = ["Dataset", "Model", "evaluate", "fit", "load", "read", "split", "split_folds"]
