"""Kinds from what files say of them."""

from __future__ import annotations

import dataclasses
from typing import Any

from nearspace.data.declared import check_declared, declared
from nearspace.data.kinds.graph import Graph, OfNodes
from nearspace.data.kinds.interactions import Interactions
from nearspace.data.kinds.kind import Kind
from nearspace.data.kinds.sides import Sides
from nearspace.errors import DataError, did_you_mean

__all__ = ["LARGEST_ITEM", "kind_from_json"]

LARGEST_ITEM = 2**28  # numbers; a grey picture of 16,384 × 16,384


def kind_from_json(value: Any) -> Kind:
    """Return the kind that `Kind.to_json` wrote.

    Raises
    ------
    DataError
        If it is none.
    """
    fields = {name: _tuples(of) for name, of in value.items()} if isinstance(value, dict) else {}
    name = fields.pop("kind", None)
    if name == Sides.name and fields.keys() == {"left", "right"}:
        return Sides(*(kind_from_json(value[side]) for side in ("left", "right")))
    of_nodes: dict[Any, type[OfNodes]] = {cls.name: cls for cls in (Graph, Interactions)}
    if name in of_nodes and fields.keys() == {"attributes"}:
        own = value["attributes"]
        return of_nodes[name](None if own is None else kind_from_json(own))
    cls = Kind.registry.get(name) if isinstance(name, str) else None
    if cls is None:
        raise DataError(
            f"There is no kind of data '{name!s:.40}'. {did_you_mean(name, Kind.registry)}"
        )
    own = [field.name for field in dataclasses.fields(cls)]
    try:
        check_declared(fields, declared(cls, own.__contains__), cls.__name__)
        kind = cls(**fields)
    except TypeError as error:
        raise DataError(f"This is no {name}, as Kind.to_json writes it ({error}).") from error
    if min(kind.shape_of_item, default=1) < 0 or kind.size > LARGEST_ITEM:
        raise DataError(f"There are no {name}s of shape {kind.shape_of_item!s:.60}.")
    return kind


def _tuples(value: Any) -> Any:
    return tuple(_tuples(part) for part in value) if isinstance(value, list | tuple) else value
