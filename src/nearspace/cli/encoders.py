"""``nearspace encoders``: the catalogue."""

from __future__ import annotations


def encoders_command() -> None:
    """List the encoders: what they take, what they learn from, whether they decode."""
    from rich.console import Console
    from rich.table import Table

    from nearspace.encoders import CATALOGUE

    table = Table(box=None, header_style="bold", pad_edge=False)
    for head in ("name", "kinds", "learns", "decodes", "extra", "what it is"):
        table.add_column(head)
    for name, entry in CATALOGUE.items():
        decodes = "yes" if entry.decodes else ""
        kinds = " ".join(entry.kinds)
        table.add_row(name, kinds, entry.learns, decodes, entry.extra, entry.summary)
    console = Console()
    console.print(table)
    console.print(
        "\nname(parameter=value) sets a parameter, @ takes a layer (cnn@conv2), + joins vectors\n"
        "(hog + cnn), | runs one encoder on the vectors of another (tfidf | pca(dim=64) | l2).",
        highlight=False,
    )
