"""``nearspace encoders``: the catalogue."""

from __future__ import annotations

from nearspace.cli import terminal


def encoders_command() -> None:
    """List the encoders: what they take, what they learn from, whether they decode.

    [bold]Example[/]

      nearspace encoders
    """
    from nearspace.encoders import CATALOGUE

    rows = [
        {
            "name": name,
            "kinds": " ".join(entry.kinds),
            "learns": entry.learns,
            "decodes": "yes" * entry.decodes,
            "what it is": entry.summary + f"; needs the extra {entry.extra}" * bool(entry.extra),
        }
        for name, entry in CATALOGUE.items()
    ]
    terminal.print_table(rows, "what it is", words=rows[0])
    terminal.print_words(
        "",
        "name:parameter=value sets a parameter (pca:dim=64, or in quotes 'pca(dim=64)'), @ takes a "
        "layer (cnn@conv2), + joins vectors (hog+cnn), | runs one encoder on the vectors of "
        "another and is quoted in a shell ('tfidf|pca:dim=64|l2').",
    )
