"""`FittedValue`: what an encoder learnt of one thing, as a value that it keeps field by field."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from typing import Any, Self

from nearspace.data.declared import check_declared, declared

__all__ = ["FittedValue"]


@dataclasses.dataclass(frozen=True, eq=False)
class FittedValue(ABC):
    """A value of arrays, lists, texts and encoders: a vocabulary, the values of a column.

    A subclass is a frozen dataclass, and says in `check` what makes it whole.
    """

    @property
    def state(self) -> dict[str, Any]:
        """All that it is made of again, by the names of its fields, as fitted encoders keep it."""
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Self:
        """Return the value of a state, which may come from a file that somebody else wrote.

        Raises
        ------
        TypeError, ValueError
            If it is of none: a field is missing, of another type, or does not fit the others.
        """
        check_declared(state, declared(cls, lambda name: True), cls.__name__)
        if missing := {field.name for field in dataclasses.fields(cls)} - set(state):
            raise TypeError(f"{cls.__name__} has {', '.join(sorted(missing))} too")
        value = cls(**state)
        value.check()
        return value

    @abstractmethod
    def check(self) -> None:
        """Raise an error unless the fields belong together."""
