"""A run of mfcli in a process of its own that kills itself, kill −9, when it calls a function.

    python -m tests.nights.killed MODULE:NAME NUMBER WORD…

NUMBER: which of the calls is the last thing that it does, from 1.
"""

from __future__ import annotations

import os
import signal
import sys
from importlib import import_module
from typing import Any

from mfcli.cli import main


def kill_at(where: str, number: int) -> None:
    """Have the call of that number of ``MODULE:NAME`` end this process."""
    module_name, _, name = where.partition(":")
    module = import_module(module_name)
    whole, calls = getattr(module, name), 0

    def deadly(*arguments: Any, **options: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == number:
            os.kill(os.getpid(), signal.SIGKILL)
        return whole(*arguments, **options)

    setattr(module, name, deadly)


if __name__ == "__main__":
    kill_at(sys.argv[1], int(sys.argv[2]))
    main(sys.argv[3:])
