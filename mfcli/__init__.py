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
