"""`split_pairs`: pairs to learn from and pairs to be judged on, nothing linked on both sides."""

from __future__ import annotations

import numpy as np

from nearspace.data.duplicates import components
from nearspace.data.kinds.kind import content_hash
from nearspace.data.lots import keys_of, lots
from nearspace.data.pairs import Pairs
from nearspace.errors import DataError

__all__ = ["linked_components", "split_pairs"]


def linked_components(pairs: Pairs) -> np.ndarray:
    """Return for each pair which others hang together with it: a number of shape ``(m,)``.

    They do by an item that both have, by copies of one, and by groups.

    Examples
    --------
    >>> from nearspace import load
    >>> links = [[0, 0], [1, 0], [2, 1]]
    >>> pairs = Pairs(load(["a", "b", "c"]), load(["x", "y"]), links)
    >>> linked_components(pairs).tolist()
    [0, 0, 1]
    """
    edges, first, nodes = [], [], 0
    for which, side in enumerate((pairs.left, pairs.right)):
        named = [side.kind.same(side.items)]
        if side.groups is not None:
            named.append(np.unique(side.groups, return_inverse=True)[1])
        at = pairs.links[:, which]
        for numbers in named:
            first.append(numbers[at] + nodes)
            nodes += int(numbers.max(initial=-1)) + 1
    for other in first[1:]:
        edges.append(np.stack([first[0], other], axis=1))
    of_node = components(nodes, np.concatenate(edges))
    return np.unique(of_node[first[0]], return_inverse=True)[1]


def split_pairs(
    pairs: Pairs, test_size: float = 0.25, random_state: int = 0
) -> tuple[Pairs, Pairs]:
    """Return pairs to learn from, and pairs to be judged on.

    What hangs together stays together: a picture with all its captions, a sentence that recurs. A
    published split is followed. Which pairs test depends on what they hold, not on their order.

    Parameters
    ----------
    pairs : Pairs
        All pairs.
    test_size : float, default=0.25
        The share of the pairs that test.
    random_state : int, default=0
        Of the draw.

    Raises
    ------
    DataError
        If they all hang together, so that none can test.

    Examples
    --------
    >>> from nearspace import load
    >>> pairs = Pairs(load(list("abcd")), load(list("wxyz")), [[i, i] for i in range(4)])
    >>> train, test = split_pairs(pairs)
    >>> len(train), len(test)
    (3, 1)
    """
    if pairs.split is not None:
        return pairs.take(pairs.split == "train"), pairs.take(pairs.split == "test")
    component = linked_components(pairs)
    sizes = np.bincount(component)
    if len(sizes) < 2:
        raise DataError(
            f"{pairs.name}: all pairs hang together by items that recur or by groups, so that none "
            "can be held back to be judged on; give pairs to judge on apart."
        )
    names = content_hash(
        [
            one + other
            for one, other in zip(
                pairs.left.hashes[pairs.links[:, 0]].tolist(),
                pairs.right.hashes[pairs.links[:, 1]].tolist(),
                strict=True,
            )
        ]
    )
    lot = np.full(len(sizes), np.inf)
    np.minimum.at(lot, component, lots(keys_of(names), random_state))
    order = np.argsort(lot, kind="stable")
    # A component tests while it brings the share nearer; the largest ones would overshoot.
    wanted, tested, testing = test_size * len(pairs), 0, np.zeros(len(sizes), dtype=bool)
    for each in order.tolist():
        if tested + sizes[each] / 2 <= wanted:
            testing[each] = True
            tested += sizes[each]
    if not testing.any() or testing.all():
        testing[:] = False
        testing[order[sizes[order].argmin()]] = True
    rows = testing[component]
    return pairs.take(~rows), pairs.take(rows)
