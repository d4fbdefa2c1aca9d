"""What was mistyped on the command line, in one sentence that says what is right."""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Mapping
from typing import Any

from nearspace.data import SAMPLES
from nearspace.errors import NearspaceError, did_you_mean

__all__ = ["check_dashes", "mistyped"]

UNKNOWN_COMMAND = re.compile(r"No such command '(.*?)'")
# An option of several letters behind one dash, or behind one that a text editor made of two.
ONE_DASH = re.compile(r"(?:-|[–—−]{1,2})(?P<name>[A-Za-z][\w-]+)(?:=.*)?", re.DOTALL)
SUPERFLUOUS = re.compile(r"Got unexpected extra arguments?(?:\(s\))? \((.*)\)", re.DOTALL)


def mistyped(error: Any, commands: Mapping[str, Any]) -> str:
    """Return what was mistyped, of an error that the parser of the command line raised.

    Parameters
    ----------
    error : UsageError
        Of the click that Typer brings along, or of the one installed.
    commands : dict of str to command
        Those that there are.
    """
    message, context = error.format_message().rstrip("."), error.ctx
    command = "nearspace" if context is None else context.command_path
    told = f"{command} --help tells what there is."
    if unknown := UNKNOWN_COMMAND.match(message):
        name = unknown[1]
        if name in SAMPLES or os.path.exists(name):
            told = f"to compare encoders on it, write nearspace compare {name}."
            return f"There is no command '{name}'; {told}"
        return _unknown(f"There is no command '{name}'", name, [*commands], told)
    options = [] if context is None else _options(context.command, context)
    name = getattr(error, "option_name", None)
    if message.startswith("No such option") and name:
        return _unknown(f"{command} has no option {name}", name, options, told)
    if superfluous := SUPERFLUOUS.match(message):
        return misplaced(superfluous[1], command, options)
    if number := _number(error):
        return number
    return f"{message}{' ' if message.endswith('?') else '; '}{told}"


def misplaced(text: str, command: str, options: list[str]) -> str:
    """Return that a command has no place for a text, and where an encoder stands if it is one."""
    told = f"{command} --help tells what there is."
    told = "an encoder stands after --with." if _is_spec(text, options) else told
    return f"{command} has no place for '{text}'; {told}"


def check_dashes(args: list[str], command: Any, context: Any) -> None:
    """Raise `NearspaceError` where an option of several letters stands behind a single dash.

    The parser reads -with as -w -i -t -h, and -open as -o pen, which writes a file of that name.

    Parameters
    ----------
    args : list of str
        What stands behind the command.
    command, context
        The command, and in what it is called.
    """
    options = _options(command, context)
    given = [option for each in command.params for option in each.opts]
    letters = {option[1] for option in given if len(option) == 2 and option[0] == "-"}
    for arg in itertools.takewhile(lambda arg: arg != "--", args):
        if not (match := ONE_DASH.fullmatch(arg)):
            continue
        written, name = arg.split("=")[0], match["name"]
        if f"--{name}" in options:
            raise NearspaceError(
                f"{context.command_path} has no option {written}: those of several letters have "
                f"two dashes, --{name}."
            )
        if arg[0] == "-" and name[0] not in letters:
            told = f"{context.command_path} --help tells what there is."
            what = f"{context.command_path} has no option {written}"
            raise NearspaceError(_unknown(what, f"--{name}", options, told))


def _unknown(what: str, name: str, names: list[str], told: str) -> str:
    """Return that there is nothing of a name, and the nearest that there is, or where all are."""
    nearest = did_you_mean(name, names)
    return f"{what}. {nearest}" if nearest.startswith("Did you mean") else f"{what}; {told}"


def _options(command: Any, context: Any) -> list[str]:
    """Return the long options of a command."""
    given = [option for each in command.params for option in (*each.opts, *each.secondary_opts)]
    return [name for name in (*given, *context.help_option_names) if name.startswith("--")]


def _is_spec(text: str, options: list[str]) -> bool:
    """Return whether an encoder was given where none can stand, to a command that takes some."""
    from nearspace.encoders.spec import make_many

    if "--with" not in options:
        return False
    try:
        return bool(make_many(text))
    except NearspaceError:
        return False


def _number(error: Any) -> str:
    """Return what number was expected and what came, where that is what is wrong."""
    details: Any = getattr(error.__cause__, "errors", list)()
    parameter = getattr(error, "param", None)
    if not details or parameter is None:
        return ""
    least = getattr(parameter, "min", None)
    expected = "a number" if "valid number" in error.message else "a whole number"
    expected += "" if least is None else f" of at least {least}"
    return f"{parameter.opts[-1]}: expected {expected}, got '{details[0]['input']}'."
