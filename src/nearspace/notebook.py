"""What a notebook shows of a value: one card of HTML that runs nothing and loads nothing.

Text takes the colour of the notebook, and lines and washes are mixtures of that, so that a card is
at home on light and on dark paper. Where a viewer drops the style sheet, a heading, a list and a
table are left.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from markupsafe import Markup, escape

from nearspace.foreign import printable

__all__ = [
    "COLOURS",
    "SCALE",
    "card",
    "curves_drawn",
    "evenly",
    "interval_drawn",
    "pictures_drawn",
    "places_drawn",
    "shortened",
    "table",
]

# Petroff's ten colours keep apart under every common colour blindness and on light and dark paper.
COLOURS: tuple[str, ...] = ("#3f90da", "#ffa90e", "#bd1f01", "#94a4a2", "#832db6")
COLOURS += ("#a96b59", "#e76300", "#b9ac70", "#717581", "#92dadd")
# Of numbers, from low to high: apart under every colour blindness, on light and dark paper.
SCALE = ((0.0, "#3b5bb5"), (0.5, "#b3508f"), (1.0, "#f2a13b"))
LONGEST = 120  # characters of a text
MOST_ROWS = 40  # of a table
MOST_NOTES = 4
MOST_PICTURED = 100_000  # bytes of all pictures
COARSE = 40  # pixels of a side, below which a picture is enlarged as it is
NAMED = 10  # classes in a legend
SIDE = 220  # of a map, in pixels
WIDE, HIGH = 340, 200  # of a chart

STYLE = """
.nearspace-card {
  --ns-soft: color-mix(in srgb, currentColor 64%, transparent);
  --ns-line: color-mix(in srgb, currentColor 16%, transparent);
  --ns-wash: color-mix(in srgb, currentColor 6%, transparent);
  --ns-best: #16937f; --ns-worse: #b07a34; --ns-bad: #d9534a;
  font: 13px/1.45 ui-sans-serif, system-ui, -apple-system, "Segoe UI", Roboto, Arial, sans-serif;
  font-variant-numeric: tabular-nums; max-width: 60rem; border: 1px solid var(--ns-line);
  border-radius: 8px; padding: 10px 14px 12px; margin: 2px 0; overflow-wrap: anywhere;
}
.nearspace-card * { box-sizing: border-box; }
.nearspace-card .ns-kind { color: var(--ns-soft); font-size: 11px; letter-spacing: .06em; }
.nearspace-card .ns-title { font-size: 17px; font-weight: 600; line-height: 1.25; }
.nearspace-card .ns-facts { list-style: none; display: flex; flex-wrap: wrap; gap: 0 14px;
  margin: 2px 0 8px; padding: 0; color: var(--ns-soft); }
.nearspace-card .ns-facts li { margin: 0; }
.nearspace-card .ns-body { display: flex; flex-wrap: wrap; gap: 12px 20px;
  align-items: flex-start; }
.nearspace-card .ns-scroll { overflow-x: auto; max-width: 100%; scrollbar-width: thin;
  scrollbar-color: var(--ns-line) transparent; }
.nearspace-card table { border-collapse: collapse; margin: 0; font-size: 12.5px; border: 0; }
.nearspace-card .ns-scroll tr > * { text-align: right; padding: 4px 10px 4px 0; border: 0;
  border-bottom: 1px solid var(--ns-line); background: none; white-space: nowrap;
  vertical-align: middle; font-weight: 400; max-width: 26rem; overflow-wrap: normal; }
.nearspace-card .ns-scroll tr > .ns-text { text-align: left; white-space: normal; }
.nearspace-card .ns-scroll tr > .ns-word { text-align: left; }
.nearspace-card .ns-scroll thead tr > * { color: var(--ns-soft); font-size: 11.5px;
  vertical-align: bottom; white-space: normal; }
.nearspace-card .ns-scroll tbody tr:last-child > * { border-bottom: 0; }
.nearspace-card .ns-scroll tbody tr.ns-chosen > * { background: var(--ns-wash); font-weight: 600; }
.nearspace-card .ns-scroll tbody tr.ns-dim > * { color: var(--ns-soft); }
.nearspace-card .ns-scroll tbody tr.ns-failed > * { color: var(--ns-bad); }
.nearspace-card td small { display: block; line-height: 1.1; }
.nearspace-card small { color: var(--ns-soft); font-size: 11px; font-weight: 400; }
.nearspace-card svg { display: block; overflow: visible; max-width: 100%; }
.nearspace-card svg text { fill: var(--ns-soft); font-size: 10px; }
.nearspace-card div:has(> .ns-map) { width: 220px; line-height: 1.3; }
.nearspace-card .ns-map { border: 1px solid var(--ns-line); border-radius: 6px; }
.nearspace-card .ns-map circle { opacity: .8; }
.nearspace-card .ns-pictures { display: flex; flex-wrap: wrap; gap: 6px; max-width: 34rem; }
.nearspace-card figure { margin: 0; width: 56px; font-size: 10.5px; text-align: center;
  color: var(--ns-soft); }
.nearspace-card .ns-pictures img { display: block; width: 56px; height: 56px; margin: 0;
  object-fit: contain; background: var(--ns-wash); border-radius: 4px; }
.nearspace-card .ns-pictures .ns-coarse { image-rendering: pixelated; }
.nearspace-card figcaption { white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
.nearspace-card .ns-legend { display: flex; flex-wrap: wrap; gap: 0 10px; max-width: 220px;
  margin-top: 4px; font-size: 11px; color: var(--ns-soft); }
.nearspace-card .ns-legend i { display: inline-block; width: 8px; height: 8px; border-radius: 4px;
  margin-right: 4px; }
.nearspace-card .ns-notes { margin: 8px 0 0; padding: 0 0 0 16px; color: var(--ns-soft);
  font-size: 12px; }
.nearspace-card .ns-notes li { margin: 0; }
"""


def shortened(text: object, most: int = LONGEST) -> str:
    r"""Return text on one line, printable, and cut to ``most`` characters.

    Examples
    --------
    >>> shortened("two" + chr(10) + "lines", 8)
    'two\\nli…'
    """
    # What is escaped may be six times as long: a text of megabytes is cut first.
    text = printable(str(text)[: most + 1])
    return text if len(text) <= most else text[: most - 1] + "…"


def evenly(n: int, most: int) -> np.ndarray:
    """Return at most so many positions of ``n``, evenly spaced from the first to the last.

    Examples
    --------
    >>> evenly(1000, 3).tolist(), evenly(2, 3).tolist()
    ([0, 500, 999], [0, 1])
    """
    return np.unique(np.linspace(0, max(n - 1, 0), min(n, most)).round().astype(np.int64))


def card(
    kind: str,
    title: object,
    facts: Iterable[object],
    body: Iterable[Markup] = (),
    notes: Sequence[str] = (),
) -> str:
    """Return a card.

    Parameters
    ----------
    kind : str
        What the value is.
    title : object
        What it is called.
    facts : iterable
        What there is to say of it, in a few words each; empty ones are left out.
    body : iterable of Markup
        Tables, pictures and maps, side by side where there is room.
    notes : sequence of str
        What the reader should know, of which the first few are shown.

    Examples
    --------
    >>> print(card("Space", "a < b", ["3 × 2", ""]).split("</style>")[1][:68])
    <div class="ns-kind">Space</div><div class="ns-title">a &lt; b</div>
    """
    told = [*notes[:MOST_NOTES]]
    if len(notes) > MOST_NOTES:
        told.append(f"and {len(notes) - MOST_NOTES} more in .notes")
    listed = Markup("").join(
        Markup("<li>{}</li>").format(shortened(note, 3 * LONGEST)) for note in told
    )
    return str(
        Markup('<div class="nearspace-card"><style>{}</style>').format(Markup(STYLE))
        + Markup('<div class="ns-kind">{}</div>').format(kind)
        + Markup('<div class="ns-title">{}</div><ul class="ns-facts">').format(shortened(title))
        + Markup("").join(
            Markup("<li>{}</li>").format(shortened(fact)) for fact in facts if str(fact)
        )
        + Markup('</ul><div class="ns-body">{}</div>').format(Markup("").join(body))
        + (Markup('<ul class="ns-notes">{}</ul>').format(listed) if told else "")
        + Markup("</div>")
    )


def table(
    heads: Sequence[object],
    rows: Iterable[Sequence[object]],
    words: Iterable[int] = (0,),
    marks: Sequence[str] = (),
) -> Markup:
    """Return a table, of which the first rows are shown.

    Parameters
    ----------
    heads : sequence
        Of the columns.
    rows : iterable of sequences
        Their cells: anything as text, `Markup` as it is.
    words : iterable of int, default=(0,)
        Which columns hold words; numbers stand at the right.
    marks : sequence of str
        A class of the style sheet for each row, or "".
    """
    words, lines, more = set(words), [], 0
    for at, row in enumerate(rows):
        if at >= MOST_ROWS:
            more += 1
            continue
        mark = Markup(' class="{}"').format(marks[at]) if marks and marks[at] else ""
        lines.append(Markup("<tr{}>{}</tr>").format(mark, _cells(row, words)))
    if more:
        told = Markup('<tr class="ns-dim"><td class="ns-word" colspan="{}">and {:,} more</td></tr>')
        lines.append(told.format(len(heads), more))
    return Markup(
        '<div class="ns-scroll"><table><thead><tr>{}</tr></thead><tbody>{}</tbody></table></div>'
    ).format(_cells(heads, words, "th"), Markup("").join(lines))


def _cells(row: Sequence[object], words: set[int], tag: str = "td") -> Markup:
    cells = []
    for at, cell in enumerate(row):
        text = cell if isinstance(cell, Markup) else escape(shortened(_told(cell)))
        kind = "ns-text" if len(text) > 40 and not isinstance(cell, Markup) else "ns-word"
        style = Markup(' class="{}"').format(kind) if at in words else ""
        cells.append(Markup("<{0}{1}>{2}</{0}>").format(Markup(tag), style, text))
    return Markup("").join(cells)


def _told(value: object) -> object:
    """Return a value as a reader sees it: a dash where it is missing, a float without its noise."""
    if isinstance(value, float) and math.isfinite(value):
        return f"{value:.6g}"
    missing = not isinstance(value, str) and str(value) in ("None", "nan", "NaT", "<NA>")
    return "–" if missing else value


def interval_drawn(
    value: float, ends: Sequence[float], levels: Mapping[str, float], colour: str
) -> Markup:
    """Return a value and the ends of its interval on an axis from 0 to 1, levels as upright lines.

    ``levels`` are places on the axis by the colour of their line.
    """
    low, high = ends
    width, height = 100, 18
    parts = [
        Markup(
            '<line x1="{0:.1f}" x2="{0:.1f}" y1="-10" y2="28" stroke="{1}" stroke-dasharray="2 3"/>'
        ).format(width * at, of)
        for of, at in levels.items()
    ]
    return Markup(
        '<svg width="{}" height="{}" role="img" aria-label="interval">{}<line x1="{:.1f}" '
        'x2="{:.1f}" y1="9" y2="9" stroke="{}" stroke-width="2" stroke-linecap="round"/>'
        '<circle cx="{:.1f}" cy="9" r="4" fill="{}"/></svg>'
    ).format(
        width, height, Markup("").join(parts), width * low, width * high, colour, width * value,
        colour,
    )  # fmt: skip


def places_drawn(places: np.ndarray, values: np.ndarray | None = None, told: str = "") -> Markup:
    """Return points on a plane, coloured by class, or on a scale where values are numbers.

    Parameters
    ----------
    places : ndarray of shape (n, 2)
        Where they stand; some two thousand at most.
    values : ndarray of shape (n,), optional
        A class or a float each; None or NaN for none.
    told : str
        What stands below.
    """
    places = np.asarray(places, dtype=np.float64)
    there = np.isfinite(places).all(axis=1)
    places, values = places[there], None if values is None else np.asarray(values)[there]
    low = places.min(axis=0) if len(places) else np.zeros(2)
    extent = float(np.ptp(places, axis=0).max()) if len(places) else 0.0
    middle = low + (np.ptp(places, axis=0) / 2 if len(places) else 0.0)
    room = SIDE - 16
    at = (places - middle) / (extent or 1.0) * room + SIDE / 2
    at[:, 1] = SIDE - at[:, 1]
    colours, legend = _coloured(values, len(places))
    size = 3 if len(places) < 100 else 2
    points = (
        f'<circle cx="{x:.0f}" cy="{y:.0f}" r="{size}" fill="{colour}"/>'
        for (x, y), colour in zip(at.tolist(), colours, strict=True)
    )
    return Markup(
        '<div><svg class="ns-map" width="{0}" height="{0}" viewBox="0 0 {0} {0}" role="img" '
        'aria-label="map">{1}</svg>{2}<small>{3}</small></div>'
    ).format(SIDE, Markup("".join(points)), legend, told)


def _coloured(values: np.ndarray | None, n: int) -> tuple[list[str], Markup]:
    """Return a colour for each value, and what they mean."""
    if values is None or not n:
        return [COLOURS[0]] * n, Markup("")
    if values.dtype.kind == "f":
        if not np.isfinite(values).any():
            return ["#8a8f98"] * n, Markup("")
        low, high = np.nanquantile(values[np.isfinite(values)], [0.02, 0.98])
        shares = np.clip((values - low) / ((high - low) or 1.0), 0, 1)
        ends = Markup(
            '<div class="ns-legend">{}<i style="width: 6em; background: linear-gradient(to right, '
            '{})"></i>{}</div>'
        ).format(f"{low:.4g}", ", ".join(colour for _, colour in SCALE), f"{high:.4g}")
        return [_on_scale(share) for share in shares.tolist()], ends
    names: dict[object, int] = {}
    for value in values.tolist():
        if value is not None and value == value:
            names[value] = names.get(value, 0) + 1
    ranked = sorted(names, key=lambda name: -names[name])
    if len(ranked) <= NAMED:
        ranked.sort(key=_natural)
    of = {name: COLOURS[rank % len(COLOURS)] for rank, name in enumerate(ranked)}
    marks = [
        Markup('<span><i style="background: {}"></i>{}</span>').format(
            of[name], shortened(name, 24)
        )
        for name in ranked[:NAMED]
    ]
    if len(ranked) > NAMED:
        marks.append(Markup("<span>and {} more</span>").format(len(ranked) - NAMED))
    legend = Markup('<div class="ns-legend">{}</div>').format(Markup("").join(marks))
    return [of.get(value, "#8a8f98") for value in values.tolist()], legend


def _natural(name: object) -> tuple[float, str]:
    """Return by what a class stands in its natural order: its number, or else its letters."""
    try:
        return float(str(name)), ""
    except ValueError:
        return math.inf, str(name)


def _on_scale(share: float) -> str:
    """Return the colour at a share of the scale; grey for no number."""
    if math.isnan(share):
        return "#8a8f98"
    places = [at for at, _ in SCALE]
    levels = [[int(colour[i : i + 2], 16) for _, colour in SCALE] for i in (1, 3, 5)]
    return "#" + "".join(f"{round(float(np.interp(share, places, of))):02x}" for of in levels)


def pictures_drawn(pictures: Iterable[tuple[bytes | None, object]]) -> Markup:
    """Return small pictures, PNG or WebP, with what stands below each, as far as there is room."""
    figures, room = [], MOST_PICTURED
    for data, caption in pictures:
        if not data or len(data) > room:
            continue
        room -= len(data)
        png = data.startswith(b"\x89PNG")
        coarse = png and int.from_bytes(data[16:20]) < COARSE
        figures.append(
            Markup(
                '<figure><img alt=""{3} src="data:image/{0};base64,{1}"><figcaption title="{2}">{2}'
                "</figcaption></figure>"
            ).format(
                "png" if png else "webp",
                base64.b64encode(data).decode(),
                shortened(_told(caption), 60),
                Markup(' class="ns-coarse"') if coarse else "",
            )
        )
    return Markup('<div class="ns-pictures">{}</div>').format(Markup("").join(figures))


def curves_drawn(
    curves: Mapping[str, Sequence[tuple[float, float]]], across: str, up: str
) -> Markup:
    """Return lines through points by name, with the ends of both axes and what they are."""
    curves = {
        name: [point for point in points if all(map(math.isfinite, point))]
        for name, points in curves.items()
    }
    every = np.array([point for points in curves.values() for point in points])
    if not len(every):
        return Markup("")
    low, extent = every.min(axis=0), np.ptp(every, axis=0)
    extent[extent == 0] = 1.0
    lines, marks = [], []
    for rank, (name, points) in enumerate(curves.items()):
        colour = COLOURS[rank % len(COLOURS)]
        at = (np.array(points).reshape(-1, 2) - low) / extent * (WIDE - 40, -(HIGH - 30))
        path = " ".join(f"{x + 34:.1f},{y + HIGH - 18:.1f}" for x, y in at.tolist())
        lines.append(
            Markup('<polyline points="{}" fill="none" stroke="{}" stroke-width="1.6"/>').format(
                path, colour
            )
        )
        marks.append(
            Markup('<span><i style="background: {}"></i>{}</span>').format(
                colour, shortened(name, 40)
            )
        )
    ticks = [
        (34, HIGH - 4, "start", f"{low[0]:.3g}"),
        (WIDE, HIGH - 4, "end", f"{low[0] + extent[0]:.3g} {across}"),
        (28, HIGH - 14, "end", f"{low[1]:.3g}"),
        (28, 16, "end", f"{low[1] + extent[1]:.3g}"),
        (34, 8, "start", up),
    ]
    texts = [
        Markup('<text x="{}" y="{}" text-anchor="{}">{}</text>').format(*tick) for tick in ticks
    ]
    return Markup(
        '<div><svg width="{0}" height="{1}" viewBox="0 0 {0} {1}" role="img" aria-label="chart">'
        '{2}{3}</svg><div class="ns-legend" style="max-width: {0}px">{4}</div></div>'
    ).format(WIDE, HIGH, *(Markup("").join(some) for some in (lines, texts, marks)))
