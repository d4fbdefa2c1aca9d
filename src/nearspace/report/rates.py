"""The page about rate and distortion, as one HTML file, and what it says in a sentence."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from nearspace.judge.amounts import count_text, seconds_text
from nearspace.judge.studies.curves import Curve, Equal, Rates
from nearspace.report.base import Page, section
from nearspace.report.figures import COLOURS, GLYPHS, SYMBOLS, bare_figure

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = [
    "cheapest",
    "cost_text",
    "images_text",
    "never_best",
    "other_text",
    "rates_page",
    "rates_verdict",
]

USUAL = 32  # bits, of which the page's first sentence speaks
DASHES = {"each by itself": "dot", "one mosaic": "dash"}


def rates_page(rates: Rates) -> Page:
    """Return the page that shows what was found of rate and distortion."""
    told = rates.protocol
    facts = [str(told["kind"]), f"{told['training images']:,} images to fit on"]
    facts += [f"{told['test images']:,} to judge on", f"{seconds_text(told['seconds'])}"]
    drawn = [curve for curve in rates.curves if _points(curve)]
    lossy = [curve.name for curve in drawn if curve.how in DASHES]
    lossless = [curve for curve in rates.curves if math.inf in curve.psnr]
    lasting = {name: value for name, value in told.items() if name != "seconds"}  # a fact above
    sections = [
        section(
            "curves",
            key=[(*_mark(at), curve.name) for at, curve in enumerate(drawn)],
            lossless=[(curve.name, count_text(curve.bits[0])) for curve in lossless],
        ),
        section(
            "equal",
            rates=rates,
            formats=lossy,
            decoders=[curve for curve in rates.curves if curve.decoder_bytes],
            never=never_best(rates),
            cost=cost_text,
            images=images_text,
        ),
        section("other", rates=rates, other=other_text(rates)),
        section("protocol", protocol=lasting, seconds={}),
    ]
    return Page(
        "rate and distortion",
        f"Codes of {told['name']}",
        facts,
        [each for each in sections if each.name != "equal" or rates.equals],
        reason=rates_verdict(rates),
        notes=rates.notes,
        figures={"curves": _figure(drawn)},
    )


def rates_verdict(rates: Rates) -> str:
    """Return what the latents are worth near 32 bits an image, in sentences.

    Examples
    --------
    >>> rates_verdict(Rates((), (), (), {}))
    'No encoder has codes of 16 to 128 bits an image.'
    """
    if not rates.equals:
        return "No encoder has codes of 16 to 128 bits an image."
    at = min(rates.equals, key=lambda equal: abs(equal.bits - USUAL))
    words = f"At {at.bits:.0f} bits an image {at.encoder} reaches {at.psnr:.1f} dB"
    if at.pca_psnr is not None:
        gain = at.psnr - at.pca_psnr
        side = "above" if gain >= 0 else "below"
        words += f", {abs(gain):.1f} dB {side} PCA codes of the same length"
    words += "."
    name = cheapest(at)
    if name is None:
        return words
    bits, bound = at.formats[name]
    takes = "never takes less than" if bound else "takes"
    words += f" The cheapest format ({name}) {takes} {count_text(bits)} bits"
    words += ", and is better there." if bound else " for the same quality."
    if at.images is not None:
        after = f"from {count_text(at.images)} images on"
        return f"{words} Its own size counted, the decoder is the cheapest of all {after}."
    better = "PCA codes" if at.pca_bits is not None and at.pca_bits <= at.bits else name
    return f"{words} By {better} as much costs no more, and so the decoder never pays."


def cheapest(equal: Equal) -> str | None:
    """Return the name of the format that takes the fewest bits; None where none is as good."""
    return min(equal.formats, key=lambda name: equal.formats[name][0], default=None)


def never_best(rates: Rates) -> str:
    """Return which encoders are the best at no rate, as a sentence; "" where all are at some.

    Examples
    --------
    >>> never_best(Rates((Curve("pca(dim=4)", "latents", (), (), ()),), (), (), {}))
    'Never the best from 16 to 128 bits: pca(dim=4).'
    """
    best = {equal.encoder for equal in rates.equals}
    names = [c.name for c in rates.curves if c.how == "latents" and c.name not in best]
    return f"Never the best from 16 to 128 bits: {', '.join(names)}." if names else ""


def other_text(rates: Rates) -> str:
    """Return how images of another domain came out beside test images, as a sentence."""
    same, other = (row.psnr for row in rates.rows)
    where = f"On images of another domain ({rates.protocol['other domain']})"
    if other < same:
        return f"{where} the same codes are {same - other:.1f} dB worse."
    return (
        f"{where} the same codes are {other - same:.1f} dB better, which images with little in "
        "them easily are: look at what is left of them."
    )


def cost_text(cost: tuple[float, bool] | None) -> str:
    r"""Return the bits a format takes for a PSNR, or at least takes for a better one.

    Examples
    --------
    >>> [cost_text(cost) for cost in (None, (120.0, False), (3000.0, True))]
    ['–', '120', '≥\xa03,000']
    """
    if cost is None:
        return "–"
    return "≥\N{NO-BREAK SPACE}" * cost[1] + count_text(cost[0])


def images_text(equal: Equal) -> str:
    """Return from how many images on a decoder pays."""
    return "never" if equal.images is None else count_text(equal.images)


def _points(curve: Curve) -> list[tuple[float, float, str]]:
    """Return the points that can be drawn."""
    triples = zip(curve.bits, curve.psnr, curve.settings, strict=True)
    return [triple for triple in triples if math.isfinite(triple[1])]


def _mark(at: int) -> tuple[str, str]:
    """Return the colour and the glyph of a curve."""
    return COLOURS[at % len(COLOURS)], GLYPHS[SYMBOLS[at % len(SYMBOLS)]]


def _figure(curves: list[Curve]) -> go.Figure:
    traces = [_trace(curve, at) for at, curve in enumerate(curves)]
    figure = bare_figure(traces, height=480)
    ticks = [*(2**power for power in range(2, 15)), 2**16]
    figure.update_xaxes(
        title="bits an image",
        type="log",
        tickvals=ticks,
        ticktext=[f"{tick:,}" * (at % 2 == 0) for at, tick in enumerate(ticks)],  # not too close
    )
    figure.update_yaxes(title="PSNR, dB")
    return figure


def _trace(curve: Curve, at: int) -> go.Scatter:
    import plotly.graph_objects as go

    bits, psnr, settings = zip(*_points(curve), strict=True)
    return go.Scatter(
        x=[round(value, 1) for value in bits],
        y=[round(value, 2) for value in psnr],
        mode="lines+markers",
        marker={"size": 7, "color": _mark(at)[0], "symbol": SYMBOLS[at % len(SYMBOLS)]},
        line={"width": 1.5, "color": _mark(at)[0], "dash": DASHES.get(curve.how, "solid")},
        customdata=[f"{curve.name}, {setting}" for setting in settings],
        hovertemplate="%{customdata}<br>%{x:.4g} bits, %{y:.1f} dB<extra></extra>",
    )
