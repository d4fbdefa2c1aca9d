"""Options that several commands have, written once as the fields of a dataclass."""

from __future__ import annotations

import dataclasses
import functools
import inspect
from collections.abc import Callable
from typing import Annotated, Any, get_args, get_origin, get_type_hints

__all__ = ["only", "with_options"]


def only(*names: str) -> tuple[str, ...]:
    """Return which fields of a dataclass a command has as options, and in which order.

    It stands in the annotation: ``reading: Annotated[Reading, only("labels", "ids")]``.
    """
    return names


def with_options(command: Callable[..., None]) -> Callable[..., None]:
    """Return a command for Typer, with an option for each field of its parameters' dataclasses.

    Typer reads the options of a command off its signature and composes none. The fields carry
    what a parameter would: a type with a `typer.Option`, and a default. Those that a command does
    not ask for (see `only`) keep it.

    Parameters
    ----------
    command : callable
        Whose parameters may be dataclasses.

    Returns
    -------
    callable
        Which takes the options by name, and calls the command.

    Raises
    ------
    KeyError
        If a command asks for a field that the dataclass does not have.
    """
    hints = get_type_hints(command, include_extras=True)
    composed: dict[str, tuple[type, list[str]]] = {}
    parameters = []
    for parameter in inspect.signature(command).parameters.values():
        hint = hints[parameter.name]
        kind, *names = get_args(hint) if get_origin(hint) is Annotated else (hint,)
        if dataclasses.is_dataclass(kind) and isinstance(kind, type):
            fields = inspect.signature(kind).parameters
            types = get_type_hints(kind, include_extras=True)
            options = [fields[name] for name in (names[0] if names else fields)]
            composed[parameter.name] = kind, [option.name for option in options]
        else:
            options, types = [parameter], hints
        parameters += [
            option.replace(kind=option.KEYWORD_ONLY, annotation=types[option.name])
            for option in options
        ]

    @functools.wraps(command)
    def run(**options: Any) -> None:
        made = {
            parameter: kind(**{name: options.pop(name) for name in names})
            for parameter, (kind, names) in composed.items()
        }
        command(**options, **made)

    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {each.name: each.annotation for each in parameters}
    return run
