"""What all pages share: one HTML file of sections, which needs nothing else, not even a network."""

from __future__ import annotations

import dataclasses
import functools
import json
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nearspace.encoders.exhibits import Strip
from nearspace.judge.amounts import bytes_text, count_text, quartiles_text, seconds_text
from nearspace.learning.threads import one_thread
from nearspace.writing import write_files

if TYPE_CHECKING:
    import plotly.graph_objects as go
    from jinja2 import Environment
    from markupsafe import Markup

    from nearspace.judge.advice import Pick

__all__ = ["Page", "Section", "drawn", "section", "shell_quoted"]


@dataclasses.dataclass(frozen=True)
class Section:
    """A part of a page.

    Attributes
    ----------
    name : str
        Its anchor, and its template under ``templates/sections``.
    title : str
        What the navigation calls it; "" leaves it out there.
    html : Markup
        What it shows.
    """

    name: str
    title: str
    html: Markup


def section(name: str, title: str = "", /, **values: Any) -> Section:
    """Return a part of a page, of the values that its template names."""
    from markupsafe import Markup

    template = _templates().get_template(f"sections/{name}.html.j2")
    return Section(name, title, Markup(template.render(values)))


@dataclasses.dataclass(frozen=True)
class Page:
    """A page, as one HTML file that loads nothing: pictures, charts and all code are inside.

    Attributes
    ----------
    kicker, title : str
        What kind of page it is, and its heading.
    facts : sequence of str
        What was done, in a few words each.
    sections : sequence of Section
        What it shows, in order.
    picks : sequence of Pick
        What to use.
    reason : str
        Why.
    reading : str
        What the scores that were named mean.
    leaks : sequence of str
        What gives the labels away, told before what to use.
    notes : sequence of str
        What the reader should know.
    interrupted : bool
        Whether the notes are a warning.
    look : {"pictures", "words", "atlas"}
        How items are shown: ``"pictures"`` stand close side by side.
    styles, script : str
        Files beside the templates.
    data : mapping
        What the script reads.
    figures : mapping of str to Figure or None
        Drawn in the elements that name them.
    """

    kicker: str
    title: str
    facts: Sequence[str]
    sections: Sequence[Section]
    _: dataclasses.KW_ONLY
    picks: Sequence[Pick] = ()
    reason: str = ""
    reading: str = ""
    leaks: Sequence[str] = ()
    notes: Sequence[str] = ()
    interrupted: bool = False
    look: str = "pictures"
    styles: Sequence[str] = ("report.css",)
    script: str = "report.js"
    data: Mapping[str, Any] = dataclasses.field(default_factory=lambda: NOTHING)
    figures: Mapping[str, go.Figure] | None = None

    def html(self) -> str:
        """Return the page."""
        data = _json(json.dumps(self.data, ensure_ascii=False, separators=(",", ":")))
        plotly = _plotly() if self.figures else None
        drawn = {"data": data, "figures": self.figures and _figures(self.figures), "plotly": plotly}
        return _templates().get_template("base.html.j2").render({**vars(self), **drawn})

    def write(self, path: str | Path) -> Path:
        """Write the page and return its file; folders on the way to it are made."""
        write_files({path: self.html()})
        return Path(path)


NOTHING: dict[str, Any] = {"fragments": [], "shown": [], "classes": [], "codes": []}


@functools.cache
def _templates() -> Environment:
    """Return the templates, with all text escaped that is not marked as safe."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    from nearspace.judge.board import Failure
    from nearspace.judge.scores import SCORES

    made = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )

    made.filters |= {
        "seconds": seconds_text, "count": count_text, "bytes": bytes_text, "drawn": drawn,
        "quartiles": quartiles_text,
        "spec": _breakable, "quoted": shell_quoted, "python": _in_python, "zip": zip,
        "score": lambda estimate, name: SCORES[name].parts(estimate),
    }  # fmt: skip
    made.tests["failure"] = lambda row: isinstance(row, Failure)
    return made


def shell_quoted(text: str) -> str:
    """Return a text as a shell takes it for one word, in double quotes where single ones are in it.

    Examples
    --------
    >>> print(shell_quoted("pca"), shell_quoted("entity(numbers='periodic')"))
    pca "entity(numbers='periodic')"
    """
    return f'"{text}"' if "'" in text and not {*text} & {*'"$`!\\\n'} else shlex.quote(text)


def _in_python(text: str) -> str:
    """Return a text as Python writes it, in double quotes where it can."""
    return f'"{text}"' if text.isprintable() and not {*text} & {*'"\\'} else repr(text)


def _breakable(spec: str) -> Markup:
    """Return a spec that is broken before brackets, where it must be, rather than in them."""
    from markupsafe import Markup, escape

    return escape(spec).replace("(", Markup("<wbr>("))


def drawn(strip: Strip) -> list[Markup]:
    """Return the items of a strip as pieces of HTML."""
    from markupsafe import Markup

    kind: Any = strip.kind
    usual = () if strip.usual is None else (strip.usual,)
    items = (kind.item(strip.items, at) for at in range(len(strip)))
    with one_thread():  # each is small work
        return [Markup(kind.draw(item, *usual)) for item in items]


def _figures(figures: Mapping[str, go.Figure]) -> Markup:
    """Return the figures by name, as the page's code reads them."""
    parts = (f"{json.dumps(name)}:{figure.to_json()}" for name, figure in figures.items())
    return _json("{" + ",".join(parts) + "}")


def _json(text: str) -> Markup:
    """Return JSON that may stand in a script element, which no text within it can close."""
    from markupsafe import Markup

    return Markup(text.replace("<", "\\u003c"))


def _plotly() -> Markup:
    """Return the code that draws figures."""
    from markupsafe import Markup
    from plotly.offline import get_plotlyjs

    return Markup(get_plotlyjs())
