import dataclasses

import numpy as np
import pytest
from numpy.typing import NDArray

from nearspace.encoders.fitted_value import FittedValue


@dataclasses.dataclass(frozen=True, eq=False)
class Shares(FittedValue):
    names: list[str]
    shares: NDArray[np.float64]
    limit: int = 3

    def check(self):
        if len(self.names) != len(self.shares):
            raise ValueError("not as many names as shares")


def test_a_value_comes_back_from_its_state_or_is_refused():
    value = Shares(["a", "b"], np.array([0.25, 0.75]), 5)
    state = value.state
    back = Shares.from_state(state)
    assert (back.names, back.limit) == (["a", "b"], 5)
    assert back.shares is value.shares
    for wrong, told in [
        ({"names": ["a"]}, "not as many"),
        ({"names": "ab"}, "names"),
        ({"shares": np.array([1, 2])}, "shares"),
        ({"more": 1}, "more"),
    ]:
        with pytest.raises((TypeError, ValueError), match=told):
            Shares.from_state(state | wrong)
    for field in state:  # one that has a default may not be missing either
        with pytest.raises(TypeError, match=f"Shares has {field} too"):
            Shares.from_state({name: part for name, part in state.items() if name != field})
