"""Options that several commands have, written once."""

import dataclasses
from typing import Annotated

import pytest
import typer
from typer.testing import CliRunner

from nearspace.cli.app import COMMANDS, app
from nearspace.cli.options import only, with_options


@dataclasses.dataclass(frozen=True)
class Size:
    """Options of the tests."""

    width: Annotated[int, typer.Option("-w", min=1, help="How wide.")] = 2
    height: Annotated[int, typer.Option(help="How high.")] = 3
    name: Annotated[str | None, typer.Option(help="What it is called.")] = None


def run(command, *arguments):
    toy = typer.Typer(add_completion=False)
    toy.command()(with_options(command))
    return CliRunner().invoke(toy, [*arguments], env={"COLUMNS": "80"})


def test_fields_are_options_in_their_place():
    seen = []

    def command(source: str, *, size: Size, force: bool = False) -> None:
        """Do something."""
        seen.append((source, size, force))

    done = run(command, "x", "-w", "7", "--name", "n", "--force")
    assert done.exit_code == 0, done.output
    assert seen == [("x", Size(7, 3, "n"), True)]
    text = run(command, "--help").output
    places = [text.index(each) for each in ("Do something", "-w", "--height", "--name", "--force")]
    assert places == sorted(places)
    assert "How wide." in text
    assert "[default: 2]" in text
    assert run(command, "x", "-w", "0").exit_code == 2


def test_a_command_asks_for_some_only():
    seen = []

    def command(*, size: Annotated[Size, only("name", "width")]) -> None:
        seen.append(size)

    assert run(command, "--name", "n").exit_code == 0
    assert seen == [Size(name="n")]
    text = run(command, "--help").output
    assert text.index("--name") < text.index("-w")
    assert "--height" not in text
    assert run(command, "--height", "1").exit_code == 2


def test_a_field_that_is_not_there_is_an_error():
    def command(*, size: Annotated[Size, only("depth")]) -> None: ...

    with pytest.raises(KeyError, match="depth"):
        with_options(command)


@pytest.mark.parametrize("name", sum(COMMANDS.values(), ()))
def test_every_command_says_what_it_does(name):
    done = CliRunner().invoke(app, [name, "--help"], env={"COLUMNS": "80"})
    assert done.exit_code == 0
    lines = done.output.splitlines()
    assert all(len(line) <= 80 for line in lines)
    assert lines[3].strip()
