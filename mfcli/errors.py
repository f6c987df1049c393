"""The errors that a user can mend, each with the exit status of the command that meets it.

MfcliError                1  (never raised itself: status 1 means a bug)
 ├─ UsageError            2  wrong options or configuration
 ├─ InputError            3  a bad or missing input file
 ├─ DownloadError         4  the network, a server or a checksum failed
 ├─ DivergedError         5  the training loss is not finite
 ├─ GateError             6  a quality gate is not met
 ├─ LockedError           7  another run holds the output's lock
 ├─ SystemRefusedError    8  disk full, permission, memory
 └─ InterruptedRunError 130  Ctrl-C or SIGTERM

A message is one line: what is wrong, where (file, line, column, id), and how to mend it.
"""

from __future__ import annotations

from mfcli.codes import WarningCode


class MfcliWarning(UserWarning):
    """What the Python API warns of, where nobody watches its events; ``code`` says what it is."""

    def __init__(self, message: str, code: WarningCode) -> None:
        """Keep the message, and the code by which it can be told from others."""
        super().__init__(message, code)
        self.code = code

    def __str__(self) -> str:
        """Return the message with its code."""
        return f"{self.args[0]} [{self.code}]"


class MfcliError(Exception):
    """Base of all expected errors; ``exit_status`` is the status the command ends with."""

    exit_status = 1

    def __init__(self, message: str) -> None:
        """Keep ``message`` on one line, whatever an id or a file name in it holds."""
        super().__init__(" ".join(message.split("\n")).replace("\r", " "))


def is_out_of_memory(error: BaseException) -> bool:
    """Tell whether an error says that there is no memory, in whatever words a library has."""
    if isinstance(error, MemoryError):
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError | ImportError | OSError | SystemError) and any(
        words in text for words in _NO_MEMORY
    )


# torch; its C++ parts; a thread's stack; a library that cannot be loaded; Python's own import.
_NO_MEMORY = (
    "can't allocate memory",
    "bad_alloc",
    "can't start new thread",
    "cannot allocate memory",
    "failed to map segment",
    "error return without exception set",
)


class UsageError(MfcliError):
    """The options or the configuration cannot work."""

    exit_status = 2


class InputError(MfcliError):
    """An input file is missing, damaged, foreign or does not hold what it should."""

    exit_status = 3


class DownloadError(MfcliError):
    """A download failed."""

    exit_status = 4


class DivergedError(MfcliError):
    """The training loss is not finite."""

    exit_status = 5


class GateError(MfcliError):
    """A quality gate is not met."""

    exit_status = 6


class LockedError(MfcliError):
    """Another run holds the lock of the output."""

    exit_status = 7


class SystemRefusedError(MfcliError):
    """The system refused: disk full, permission denied, out of memory."""

    exit_status = 8


class InterruptedRunError(MfcliError):
    """The run was interrupted by Ctrl-C or SIGTERM."""

    exit_status = 130
