"""What was found, a row a neighbour with all that is known of it: for a table, a file, JSON."""

from __future__ import annotations

import json
from typing import Any

from nearspace.space.search.neighbours import Neighbours
from nearspace.space.space import Space

__all__ = ["answer_rows", "answers_json"]


def answer_rows(space: Space, neighbours: Neighbours) -> list[list[dict[str, Any]]]:
    """Return what was found for each query, a row a neighbour.

    Parameters
    ----------
    space : Space
        The one that was searched.
    neighbours : Neighbours
        What was found in it.

    Returns
    -------
    list of list of dict
        ``rank``, ``score`` and ``id`` of each, its ``label`` where there are labels, and whatever
        else is known of it.

    Examples
    --------
    >>> from nearspace import embed, load, neighbours
    >>> space = embed(load("digits"), "pca(dim=8)")
    >>> answer_rows(space, neighbours(space, 17, k=1))
    [[{'rank': 1, 'score': 1.0, 'id': 17, 'label': 7}]]
    """
    answers = []
    for query, positions in enumerate(neighbours.positions):
        scores, ids = neighbours.scores[query].tolist(), neighbours.ids[query].tolist()
        rows: list[dict[str, Any]] = [
            {"rank": rank, "score": score, "id": name}
            for rank, (score, name) in enumerate(zip(scores, ids, strict=True), start=1)
        ]
        if space.labels is not None:
            for row, label in zip(rows, space.labels[positions].tolist(), strict=True):
                row["label"] = label
        if space.meta is not None:
            for row, meta in zip(rows, space.meta.take(positions).to_pylist(), strict=True):
                row.update({name: value for name, value in meta.items() if name not in row})
        answers.append(rows)
    return answers


def answers_json(
    names: list[str], answers: list[list[dict[str, Any]]], neighbours: Neighbours
) -> str:
    """Return the answers to queries as JSON text, dates among them as text."""
    how = {"metric": neighbours.metric, "recall": neighbours.recall}
    queries = [
        {"query": name, **how, "neighbours": rows}
        for name, rows in zip(names, answers, strict=True)
    ]
    return json.dumps(queries, ensure_ascii=False, indent=1, default=str)
