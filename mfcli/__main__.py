"""``python -m mfcli`` is the console script ``mfcli``."""

from mfcli.cli import main

if __name__ == "__main__":
    main()
