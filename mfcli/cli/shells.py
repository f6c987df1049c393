"""The shells that complete: the script of each, and where it is installed."""

from __future__ import annotations

import os
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path

from mfcli.config.options import coerce
from mfcli.errors import UsageError

# Variables of the environment by which a script asks: the shell, the line up to the cursor, and
# the letters at which bash breaks words.
SHELL, LINE, BREAKS = "_MFCLI_COMPLETE", "_MFCLI_LINE", "_MFCLI_BREAKS"


class Shell(StrEnum):
    """A shell that can be completed."""

    bash = "bash"
    zsh = "zsh"
    fish = "fish"


def shell_of(option: str, name: str) -> Shell:
    """Return the shell of a name; raises UsageError."""
    return coerce(option, name, Shell, "")


def with_shell(words: list[str]) -> list[str]:
    """Add the shell that is used where an option that takes its name stands alone.

    Raises UsageError where $SHELL is none of them.
    """
    if words not in (["--install-completion"], ["--show-completion"]):
        return words
    used = os.path.basename(os.environ.get("SHELL", ""))
    if used not in list(Shell):
        raise UsageError(f"{words[0]} needs the name of a shell: {', '.join(Shell)}")
    return [*words, used]


def install(shell: Shell) -> str:
    """Write the script where the shell finds it, and return what was done; raises OSError."""
    path = _PLACES[shell]()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(SCRIPTS[shell], "utf-8")
    said = f"wrote {path}"
    if shell in _LOADING:
        start, line = _LOADING[shell]()
        text = start.read_text("utf-8", "surrogateescape") if start.exists() else ""
        if line not in text:
            with start.open("a", encoding="utf-8") as stream:
                stream.write(f"{'' if text.endswith(chr(10)) or not text else chr(10)}{line}\n")
            said += f" and a line that loads it to {start}"
    return f"{said}; open a new shell, and TAB completes mfcli"


def _data() -> Path:
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local/share") / "mfcli"


def _fish() -> Path:
    configured = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(configured) / "fish/completions/mfcli.fish"  # fish looks there by itself


def _bash_loads() -> tuple[Path, str]:
    path = _PLACES[Shell.bash]()
    return Path.home() / ".bashrc", f'[ -r "{path}" ] && . "{path}"  # completion of mfcli'


def _zsh_loads() -> tuple[Path, str]:
    path = _PLACES[Shell.zsh]()
    begun = "(( $+functions[compdef] )) || { autoload -Uz compinit && compinit; }"
    home = Path(os.environ.get("ZDOTDIR") or Path.home())
    return home / ".zshrc", f'{begun}; [[ -r "{path}" ]] && . "{path}"  # completion of mfcli'


_PLACES: dict[Shell, Callable[[], Path]] = {
    Shell.bash: lambda: _data() / "completion.bash",
    Shell.zsh: lambda: _data() / "completion.zsh",
    Shell.fish: _fish,
}
# The file that a shell reads as it starts, and the line there that loads the script.
_LOADING: dict[Shell, Callable[[], tuple[Path, str]]] = {
    Shell.bash: _bash_loads,
    Shell.zsh: _zsh_loads,
}

SCRIPTS: dict[Shell, str] = {
    Shell.bash: """\
# Completion of mfcli for bash.
_mfcli_complete() {
    local kind= value
    COMPREPLY=()
    while IFS= read -r value; do
        if [[ -z $kind ]]; then kind=$value; else COMPREPLY+=("$value"); fi
    done < <(_MFCLI_COMPLETE=bash _MFCLI_LINE="${COMP_LINE:0:COMP_POINT}" \\
             _MFCLI_BREAKS="$COMP_WORDBREAKS" "${1/#\\~/$HOME}" 2>/dev/null)
    if [[ $kind == files ]]; then compopt -o filenames 2>/dev/null; fi
    return 0
}
complete -F _mfcli_complete mfcli
""",
    Shell.zsh: """\
#compdef mfcli
# Completion of mfcli for zsh.
_mfcli_complete() {
    local kind word about
    local -a described names folders
    while IFS=$'\\t' read -r kind word about; do
        if [[ $kind == file && $word == */ ]]; then folders+=("$word")
        elif [[ $kind == file ]]; then names+=("$word")
        else described+=("${word//:/\\\\:}${about:+:$about}"); fi
    done < <(_MFCLI_COMPLETE=zsh _MFCLI_LINE="${(j: :)words[1,CURRENT-1]} $PREFIX" \\
             "${(Q)words[1]/#\\~/$HOME}" 2>/dev/null)
    (( $#described )) && _describe -V mfcli described
    (( $#names )) && compadd -f -- "${names[@]}"
    (( $#folders )) && compadd -f -S '' -- "${folders[@]}"
    return 0
}
if [[ $funcstack[1] == _mfcli ]]; then
    _mfcli_complete "$@"
else
    compdef _mfcli_complete mfcli
fi
""",
    Shell.fish: """\
# Completion of mfcli for fish.
function __mfcli_complete
    set -l line (commandline -cp | string collect)
    set -l program (commandline -opc)[1]
    _MFCLI_COMPLETE=fish _MFCLI_LINE=$line $program 2>/dev/null |
        while read -l -d \\t kind word about
            printf '%s\\t%s\\n' $word $about
        end
end
complete --command mfcli --no-files --keep-order --arguments '(__mfcli_complete)'
""",
}
