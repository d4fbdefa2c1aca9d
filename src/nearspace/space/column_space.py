"""A column of categories as a space: its values, by the vectors that an encoder learnt of them."""

from __future__ import annotations

from typing import Any

from nearspace.encoders import name_of
from nearspace.encoders.borrowed.elsewhere import as_encoder
from nearspace.encoders.categories import FIRST_VALUE
from nearspace.encoders.learned.values import ValueVectors
from nearspace.errors import DataError, called_as, did_you_mean
from nearspace.recipe import Recipe
from nearspace.space.arrays import plain_array
from nearspace.space.space import Space, dataset_for, fitted

__all__ = ["column_space"]


@called_as("column_space('adult.csv', 'occupation', labels='income')")
def column_space(
    source: Any,
    column: str,
    encoder: Any = None,
    *,
    labels: Any = None,
) -> Space:
    """Return a space whose items are the values of a column of a table.

    Parameters
    ----------
    source : Dataset, or what `load` reads
        A table, from whose rows an encoder learns.
    column : str
        Name of a column of categories.
    encoder : Encoder or str, optional
        ``"entity"``, perhaps with parameters, fitted or not; when absent it learns the labels, or
        where there are none the cells that are hidden.
    labels : array-like or str, optional
        The labels of the rows, or the name of their column.

    Returns
    -------
    Space
        The id of each item is the value, the commonest first; values that were not seen and missing
        cells are none. Their metadata are the value as ``text``, and its ``count``, in how many
        cells it stands. The encoder in it embeds values by themselves, so that the space can be
        searched by them.

    Raises
    ------
    DataError
        If there is no such column, it holds no categories, there is nothing else to learn from, or
        the encoder has no vectors of values.

    Examples
    --------
    >>> from nearspace import load
    >>> space = column_space(load("customers"), "plan", "entity(epochs=1)")
    >>> space.ids.tolist(), space.meta["count"].to_pylist()
    (['basic', 'plus', 'family'], [220, 159, 89])
    """
    import pyarrow as pa

    learner = None if encoder is None else as_encoder(encoder)
    if learner is not None and name_of(type(learner)) != "entity":
        raise DataError(f"'{learner.spec}' has no vectors of values of a column; take entity.")
    dataset = dataset_for(learner or as_encoder("entity"), source, labels)
    if learner is None:
        learner = as_encoder("entity" if dataset.target else "entity(objective='masked')")
    types: dict[str, str] = dataset.kind.column_kinds
    if not isinstance(column, str) or column not in types:
        raise DataError(
            f"{dataset.name} has no column '{column!s:.60}' of which there could be a space. "
            f"{did_you_mean(str(column), types)}"
        )
    if types[column] not in ("category", "categories"):
        raise DataError(
            f"The column '{column}' is of the type '{types[column]}', and a space is one of values "
            f"of categories; if it holds such, say so by types= ({column}=category)."
        )
    if len(types) == 1 and learner.learns != "labels":
        raise DataError(
            f"{dataset.name} has no column beside '{column}', and no labels are to be learnt, so "
            "that nothing tells its values apart; name the labels by labels=, or give more columns."
        )
    made: Any = ValueVectors.of_column(fitted(learner, dataset), column)
    values = made.values
    name = f"{column} of {dataset.name}"
    recipe = Recipe(made.spec, made.fingerprint, name, made.metric, made.kind_.to_json(), {})
    meta = pa.table({"text": pa.array(values.values, pa.string()), "count": values.counts})
    ids = plain_array(values.values)
    return Space(made.table_[FIRST_VALUE:], ids, None, recipe, made, meta)
