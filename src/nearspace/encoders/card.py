"""What a notebook shows of an encoder: what it is made of, and what it was fitted on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from markupsafe import Markup

from nearspace.data import Kind
from nearspace.notebook import card, curves_drawn, table

if TYPE_CHECKING:
    from nearspace.encoders.base import Encoder

__all__ = ["encoder_card"]


def encoder_card(encoder: Encoder) -> str:
    """Return an encoder as HTML, see `nearspace.notebook`."""
    body = [table(["part", "what it is", "learns from", "numbers"], _rows(encoder), (0, 1, 2))]
    body += _losses(encoder)
    notes = encoder.notes if _is_fitted(encoder) else ()
    return card("Encoder", encoder.spec, _facts(encoder), body, notes)


def _is_fitted(encoder: Encoder) -> bool:
    return hasattr(encoder, "n_samples_fit_")


def _facts(encoder: Encoder) -> Iterator[str]:
    learns = f"learns from {encoder.learns}"
    if not _is_fitted(encoder):
        kinds = sorted(kind.plural for kind in encoder.first.kinds)
        yield "not fitted"
        yield learns
        if len(kinds) < len(Kind.registry):  # of what is made of parts it takes a look at each
            yield f"takes {' or '.join(kinds)}"
        yield "may decode" if encoder.decodes else "does not decode"
        return
    yield f"fitted on {encoder.n_samples_fit_:,} items: {encoder.kind_}"
    yield learns
    yield f"{encoder._n_features_out:,} numbers an item"
    yield f"near by {encoder.metric}"
    yield "does not decode" if encoder.decoder is None else "decodes"


def _rows(encoder: Encoder) -> Iterator[tuple[object, ...]]:
    """Return a line of each part that has no parts itself."""
    for part in encoder.parts:
        if len(part.parts) > 1:
            continue
        width = part._n_features_out if _is_fitted(part) else None
        yield part.spec, part.summary, part.learns, width


def _losses(encoder: Encoder) -> list[Markup]:
    """Return how the losses of networks fell, epoch by epoch, of those that were trained here."""
    curves = {
        part.spec: list(enumerate(losses, 1))
        for part in encoder.parts
        if len(losses := getattr(part, "history_", {}).get("train_loss", ())) > 1
    }
    return [curves_drawn(curves, "epochs", "loss")] if curves else []
