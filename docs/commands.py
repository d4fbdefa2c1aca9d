"""Write the page of all commands, ``commands.md``, from their help: ``python docs/commands.py``."""

import re
from pathlib import Path
from typing import Any

import typer

from nearspace.cli.app import app

PAGE = Path(__file__).parent / "commands.md"
INTRODUCTION = """# Commands

`nearspace COMMAND --help` says the same in the terminal. The source comes first, the encoder is
always `--with`.
"""


def page() -> str:
    """Return the page: of each command what it does, its options and its examples."""
    group: Any = typer.main.get_command(app)
    context = group.make_context("nearspace", ["encoders"])
    sections = [section(name, group.get_command(context, name)) for name in sorted(group.commands)]
    return INTRODUCTION + "".join(sections)


def section(name: str, command: Any) -> str:
    """Return the section of a command."""
    words, _, examples = command.help.replace("\f", "").partition("[bold]Examples[/]")
    usage = [argument(p) for p in command.params if p.param_type_name == "argument"]
    options = [p for p in command.params if p.param_type_name == "option" and not p.hidden]
    rows = [f"| {' '.join(f'`{o}`' for o in p.opts)} | {cell(p)} |" for p in options]
    lines = [line.strip() for line in examples.splitlines() if line.strip()]
    parts = [
        f"\n## {name}\n",
        f"`nearspace {' '.join([name, *usage])}`\n",
        re.sub(r"\[/?\w*\]", "", words).strip() + "\n",
        "```\n" + "\n".join(lines) + "\n```\n" if lines else "",
        "\n".join(["| option | |", "|---|---|", *rows]) + "\n" if rows else "",
    ]
    return "\n".join(part for part in parts if part)


def argument(argument: Any) -> str:
    """Return an argument as a line of usage shows it."""
    name = (argument.metavar or argument.name.upper()) + "..." * (argument.nargs == -1)
    return name if argument.required else f"[{name}]"


def cell(option: Any) -> str:
    """Return what an option is for, and what it is where it is not given."""
    default = option.default
    told = option.show_default is not False and default not in (None, False, (), [], "")
    text = (option.help or "").replace("|", "\\|")
    return f"{text} Default: {default}." if told else text


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
