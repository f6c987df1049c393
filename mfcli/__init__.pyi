from mfcli import errors as errors
from mfcli.api import Dataset as Dataset
from mfcli.api import Model as Model
from mfcli.api import evaluate as evaluate
from mfcli.api import fit as fit
from mfcli.api import load as load
from mfcli.api import read as read
from mfcli.api import split as split
from mfcli.api import split_folds as split_folds

__version__: str
