"""How commands show what they do and find: lines, bars, tables, notes.

All that commands write to the terminal goes through `echo`, and so do ids, labels, file names and
texts, whatever stands in them.
"""

from __future__ import annotations

import codecs
import contextlib
import dataclasses
import io
import itertools
import os
import sys
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from nearspace.cli.wording import in_options
from nearspace.foreign import printable

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType
    from rich.segment import Segment
    from rich.text import Text

    from nearspace.judge.advice import Advice

    Tell = Callable[[float, str], None]
    Land = Callable[[Mapping[str, str], float], None]

STYLES = {"best": "bold green", "tied with best": "green", "floor": "dim"}
BETWEEN = 2  # blanks between the columns of a table
FEWEST = 8  # characters of a name that stand on one line
MOMENT = 10.0  # seconds between lines on how far a study is
LONG_QUIET = 30.0  # seconds without such a line, after which one is written whatever is new
LONGEST_START = 5.0  # seconds that a browser has to say whether it starts
WIDEST = 32  # characters of a cell beside the name while rows land
NO_BREAK = "\N{NO-BREAK SPACE}"


# What stands for signs of ours on a terminal whose encoding has none of them.
PLAIN = {"−": "-", "–": "-", "×": "x", "★": "*", "…": "...", "²": "2", "±": "+/-", NO_BREAK: " "}


def echo(
    what: str | RenderableType = "", err: bool = False, style: str = "", wrap: bool = False
) -> None:
    r"""Write to standard output, or to standard error: what every command writes by.

    Parameters
    ----------
    what : str or renderable of rich
        A str is one line, whatever it is made of: a line break in it is shown as ``\n``, so that
        no name writes a line of its own. Neither is it markup. Of a `Text` or a table the line
        breaks are lines, so give them `printable` names.
    err : bool, default=False
        To standard error.
    style : str, default=""
        Of a line, as rich names styles.
    wrap : bool, default=False
        Break lines between words where they are wider than the page. On a terminal a str is
        broken in any case, but for one with a word that is wider, such as a path: this is copied.
    """
    if isinstance(what, str):
        what = printable(what)
        wrap = wrap or _is_broken_on_a_terminal(what, err)
        if not style and not wrap:
            print(what, file=sys.stderr if err else sys.stdout, flush=True)
            return
    from rich.text import Text

    shown = Text(what, style) if isinstance(what, str) else what
    console(err).print(_Shown(shown), soft_wrap=not wrap)


def _is_broken_on_a_terminal(line: str, err: bool) -> bool:
    """Return whether a line is wider than the terminal, if it leads there, and no word of it is."""
    if not (sys.stderr if err else sys.stdout).isatty():
        return False
    from rich.cells import cell_len

    width = console(err).width
    return cell_len(line) > width >= _longest_piece([line])


def echo_lines(text: str) -> None:
    """Write text of several lines, such as JSON, in which no name breaks one."""
    print("\n".join(map(printable, text.split("\n"))), flush=True)


def console(err: bool = False) -> Console:
    """Return a terminal to which names are names, and no markup or emoji."""
    from rich.console import Console

    return Console(stderr=err, markup=False, emoji=False, highlight=False)


class _Shown:
    """What rich lays out, made printable as it is written: the gate that holds if others fail."""

    def __init__(self, what: RenderableType):
        self.what = what

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Segment]:
        from rich.segment import Segment

        for text, style, control in console.render(self.what, options):
            lines = text if control else "\n".join(map(printable, text.split("\n")))
            yield Segment(lines, style, control)


def ready_streams() -> None:
    """Let the standard streams write what their encoding has no signs for: plainer, or escaped."""
    codecs.register_error("nearspace", _plainer)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="nearspace")


def _plainer(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    signs = error.object[error.start : error.end]
    plain = (PLAIN.get(sign, sign).encode("ascii", "backslashreplace").decode() for sign in signs)
    return "".join(plain), error.end


def counted(count: int, noun: str) -> str:
    """Return how many there are of something.

    Examples
    --------
    >>> counted(1, "item"), counted(1797, "item")
    ('1 item', '1,797 items')
    """
    return f"{count:,} {noun}{'s' * (count != 1)}"


def _can_redraw(screen: Console) -> bool:
    """Return whether a terminal can take back what it shows."""
    return screen.is_terminal and not screen.is_dumb_terminal


@contextlib.contextmanager
def waiting(words: str) -> Iterator[Callable[[str], None]]:
    """Show on standard error what is being done, which the function given out changes.

    Where it cannot be taken back, a line now and then says so.
    """
    if not _can_redraw(console(err=True)):
        with _lines_now_and_then() as tell:
            tell(None, words)
            yield lambda words: tell(None, words)
        return
    from rich.text import Text

    with console(err=True).status(Text(printable(words))) as status:
        yield lambda words: status.update(Text(printable(words)))


@contextlib.contextmanager
def progress_bar() -> Iterator[Callable[[float, str], None]]:
    """Show on standard error how far a study is, which tells it the share done and a few words.

    Where it cannot be taken back, a line now and then says so.
    """
    if not _can_redraw(console(err=True)):
        with _lines_now_and_then() as tell:
            yield tell
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    shown = TextColumn("{task.description}", markup=False)
    with Progress(
        shown, BarColumn(), TimeElapsedColumn(), console=console(True), transient=True
    ) as bar:
        task = bar.add_task("getting ready", total=1.0)
        yield lambda share, words: bar.update(task, completed=share, description=printable(words))


@contextlib.contextmanager
def rows_as_they_land() -> Iterator[tuple[Tell, Land]]:
    """Show on standard error the rows of a study as they are judged, and how far the rest is.

    On a terminal they are a table, which is taken away in the end; elsewhere each is a line, and
    now and then one says what is being done.

    Yields
    ------
    callable, callable
        One takes the share done and a few words, the other the cells of a row by their heads, its
        name first, and a number by which the rows are sorted, the largest first.
    """
    screen = console(err=True)
    if not _can_redraw(screen):
        with _lines_now_and_then() as tell:
            yield tell, lambda cells, by: echo(_in_a_line(cells), err=True)
        return
    from rich.console import Group
    from rich.live import Live
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
    from rich.table import Table

    shown = TextColumn("{task.description}", markup=False)
    bar = Progress(shown, BarColumn(), TimeElapsedColumn(), console=screen)
    task = bar.add_task("getting ready", total=1.0)
    rows: list[tuple[float, Mapping[str, str]]] = []
    with Live(bar, console=screen, transient=True) as live:

        def add(cells: Mapping[str, str], by: float) -> None:
            rows.append((by, cells))
            table = Table(box=None, header_style="bold", padding=(0, BETWEEN, 0, 0), pad_edge=False)
            # The reference has no score by which others are ranked, and what failed has no score.
            landed: list[list[str]] = [list(row) for _, row in reversed(rows)]
            heads = max(landed, key=len)
            for head in map(printable, heads):
                right: Any = "right" if table.columns else "left"
                table.add_column(head, justify=right, no_wrap=bool(table.columns), max_width=WIDEST)
            for _, each in sorted(rows, key=lambda row: -row[0]):
                shown = (
                    each.get(head, each.get("", "") if at == 1 else "")
                    for at, head in enumerate(heads)
                )
                table.add_row(*map(printable, shown))
            live.update(Group(table, bar))

        yield (
            lambda share, words: bar.update(task, completed=share, description=printable(words)),
            add,
        )


def _in_a_line(cells: Mapping[str, str]) -> str:
    """Return the cells of a row, behind all but the first of them the head of its column."""
    name, *others = cells.items()
    return ":  ".join([name[1], ",  ".join(f"{cell} {head}".strip() for head, cell in others)])


@contextlib.contextmanager
def _lines_now_and_then() -> Iterator[Callable[[float | None, str], None]]:
    """Yield what tells how far a study is by a line, unless one was written a moment ago.

    What was told last is told again where nothing new comes for long, as while one epoch lasts.
    """
    start = last = time.monotonic()
    share, words = None, ""
    is_over = threading.Event()

    def write(now: float) -> None:
        nonlocal last
        last = now
        minutes, seconds = divmod(int(now - start), 60)
        done = "" if share is None else f"{share:.0%} "
        echo(f"  {done}after {minutes}:{seconds:02}, {words}", err=True)

    def tell(now_done: float | None, doing: str) -> None:
        nonlocal share, words
        share, words = now_done, doing
        if (now := time.monotonic()) - last >= MOMENT:
            write(now)

    def tell_again() -> None:
        while not is_over.wait(LONG_QUIET / 4):
            if words and (now := time.monotonic()) - last >= LONG_QUIET:
                write(now)

    again = threading.Thread(target=tell_again, daemon=True)
    again.start()
    try:
        yield tell
    finally:
        is_over.set()
        again.join()


def show_page(path: Path) -> None:
    """Show a page in a browser, or say that there is none; do not wait for it."""
    import webbrowser

    has_display = sys.platform in ("win32", "darwin") or any(
        os.environ.get(name) for name in ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY")
    )
    shown: list[bool] = []

    def show() -> None:
        with contextlib.suppress(webbrowser.Error, OSError):
            shown.append(webbrowser.open(path.resolve().as_uri()))

    if has_display:  # else there may be one of text, which would take the terminal
        thread = threading.Thread(target=show, daemon=True)
        thread.start()
        thread.join(LONGEST_START)
        if thread.is_alive():
            return  # it is that browser's way to stay
    if not any(shown):
        echo(f"note: no browser can be opened here; open {path} in one yourself.", err=True)


def as_commanded(study: Any) -> Any:
    """Return a study that names the command which made it, its notes in the words of options."""
    from nearspace.report.base import shell_quoted

    command = "nearspace " + " ".join(map(shell_quoted, sys.argv[1:]))
    protocol = study.protocol | {"command": command}
    notes = tuple(map(in_options, study.notes))
    return dataclasses.replace(study, protocol=protocol, notes=notes)


def print_table(
    rows: Sequence[Mapping[str, str | Text]],
    names: str,
    words: Collection[str] = ("verdict",),
    spare: Sequence[str] = (),
) -> None:
    """Print a table as wide as the terminal is, each row in the style of its verdict.

    Where it is too wide, columns are left out first, then an interval stands below its number, and
    a long name or verdict is on several lines.

    Parameters
    ----------
    rows : sequence of mapping of str to str
        The cells by the heads of their columns; the first row has all. Numbers stand at the right.
    names : str
        The head of the column whose cells are broken where they are too long: between encoders
        rather than in the brackets of one.
    words : collection of str
        Heads of other columns that hold words.
    spare : sequence of str
        Heads of columns that are left out, the last one first, where a cell would be broken
        otherwise.
    """
    from rich.cells import cell_len
    from rich.table import Table

    columns = {head: [_cell(row.get(head, "")) for row in rows] for head in rows[0]}
    unbroken = [_whole(str(name)) for name in columns[names]]
    least = {
        head: max(map(cell_len, (*head.split(), *map(str, cells))))
        for head, cells in columns.items()
    }
    least[names] = _longest_piece((names, *unbroken))
    room = console().width + BETWEEN - sum(least.values()) - BETWEEN * len(least)
    for head in reversed(spare):
        if room < 0 and head in least:
            room += least.pop(head) + BETWEEN
    with_interval = [head for head in least if any(" [" in str(cell) for cell in columns[head])]
    for head in (*reversed(with_interval), *(word for word in words if word in least)):
        if room < 0 and head != names:
            narrow = _longest_piece((head, *(_whole(str(cell)) for cell in columns[head])))
            room += least[head] - narrow
            least[head] = narrow
            columns[head] = [_in_lines(cell, narrow) for cell in columns[head]]
    if room < 0:
        least[names] = max(FEWEST, least[names] + room)
    wanted = {names: max(map(cell_len, unbroken))}
    wanted |= {head: cell_len(head) for head in least if head != names}
    for head, wide in wanted.items():
        more = max(0, min(room, wide - least[head]))
        least[head] += more
        room -= more
    table = Table(box=None, header_style="bold", padding=(0, BETWEEN, 0, 0), pad_edge=False)
    for head, width in least.items():
        justify: Any = "left" if head in (names, *words) else "right"
        table.add_column(printable(head), width=width, justify=justify, overflow="fold")
    columns[names] = [_broken(name, least[names]) for name in unbroken]
    for at, row in enumerate(rows):
        style = STYLES.get(str(row.get("verdict", "")), "")
        table.add_row(*(columns[head][at] for head in least), style=style)
    echo(table, wrap=True)
    if left_out := [head for head in columns if head not in least]:
        echo(f"No room here for {', '.join(left_out)}.", style="dim", wrap=True)


def _cell(value: str | Text) -> str | Text:
    return printable(value) if isinstance(value, str) else value


def beginning(text: str, width: int) -> str:
    """Return how a text begins, where it is wider than so many cells."""
    from rich.cells import cell_len, set_cell_size

    return text if cell_len(text) <= width else f"{set_cell_size(text, width - 1).rstrip()}…"


def ending(text: str, width: int) -> str:
    """Return how an id ends, which is what tells it from others of its folder."""
    from rich.cells import cell_len, set_cell_size

    if cell_len(text) <= width:
        return text
    return f"…{set_cell_size(text[::-1], width - 1)[::-1].lstrip()}"


def _longest_piece(texts: Iterable[str]) -> int:
    """Return how wide the longest word of some texts is."""
    from rich.cells import cell_len

    return max(cell_len(piece) for text in texts for piece in text.split(" "))


def _in_lines(cell: str | Text, width: int) -> str | Text:
    """Return a cell with its interval, or its words, on lines of their own."""
    if isinstance(cell, str):
        return _broken(_whole(cell), width)
    lines = cell.copy()
    lines.plain = _broken(_whole(cell.plain), width)
    return lines


def _whole(spec: str) -> str:
    """Return a spec in whose brackets no blank is one at which lines are broken."""
    depths = itertools.accumulate((sign in "([") - (sign in ")]") for sign in spec)
    return "".join(
        NO_BREAK if sign == " " and depth else sign
        for sign, depth in zip(spec, depths, strict=True)
    )


def _broken(spec: str, width: int) -> str:
    """Return a spec in lines of a width; what is longer than a line is broken anywhere."""
    from rich.cells import cell_len

    for text in (spec, spec.replace(NO_BREAK, " ")):
        lines = [""]
        for piece in text.split(" "):
            longer = f"{lines[-1]} {piece}" if lines[-1] else piece
            if cell_len(longer) <= width or not lines[-1]:
                lines[-1] = longer
            else:
                lines.append(piece)
        if all(cell_len(line) <= width for line in lines):
            break
    return "\n".join(lines).replace(NO_BREAK, " ")


def print_heading(name: object, told: str) -> None:
    """Print the name of what was read, and what it is, to standard error."""
    from rich.text import Text

    heading = Text.assemble((printable(name), "bold"), printable(f": {told}"))
    echo(heading, err=True, wrap=True)


def print_notes(notes: Collection[str], told: Collection[str]) -> None:
    """Print the notes that were not told when the source was read."""
    before = set(map(in_options, told))
    for note in notes:
        if note not in before:
            echo(f"note: {note}", style="dim", wrap=True)


def print_words(*sentences: str | Text) -> None:
    """Print sentences, each on lines as wide as the terminal is."""
    for sentence in sentences:
        echo(sentence, wrap=True)


def print_advice(advice: Advice, leaks: Sequence[str] = ()) -> None:
    """Print what gives the labels away, then what to use, where anything is, and why."""
    for leak in leaks:
        echo()
        echo(leak, style="bold red", wrap=True)
    print_words("", str(advice))


def leave(study: Any, judged: bool = True) -> None:
    """End with code 130 where Ctrl-C ended a study early, with 2 where nothing was judged."""
    if study.interrupted:
        raise typer.Exit(130)
    if not judged:
        raise typer.Exit(2)
