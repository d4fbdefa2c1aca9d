from collections import Counter

import numpy as np
import pytest

from nearspace.data import Classes, Dataset, Numbers, Vector, load, target_of, train_test_split
from nearspace.errors import DataError

PRICES = np.random.default_rng(0).lognormal(3, 1, size=200)


def test_votes_equal_a_naive_loop():
    labels = np.random.default_rng(0).integers(4, size=(500, 7))
    expected = []
    for row in labels.tolist():
        votes = Counter(row)
        expected.append(next(x for x in row if votes[x] == max(votes.values())))
    np.testing.assert_array_equal(Classes.vote(labels), expected)
    names = np.array(["ant", "bee", "cat", "dog"])
    np.testing.assert_array_equal(Classes.vote(names[labels]), names[expected])
    np.testing.assert_allclose(Numbers.vote(labels), [sum(row) / 7 for row in labels.tolist()])


def test_labels_with_a_number_that_is_not_whole_are_numbers():
    items = np.random.default_rng(1).normal(size=(200, 2))
    data = load(items, labels=PRICES)
    assert data.target.name == "numbers"
    np.testing.assert_array_equal(data.target.values, PRICES)
    for whole in (np.arange(200) % 3, np.arange(200.0) % 3, np.arange(200).astype(str)):
        assert load(items, labels=whole).target.name == "classes"
    part = data.take(np.array([5, 3]))
    np.testing.assert_array_equal(part.target.values, PRICES[[5, 3]])
    assert part.target.name == "numbers"
    assert data.fingerprint != load(items, labels=PRICES[::-1]).fingerprint
    with pytest.raises(DataError, match="expected 200 labels, one for each item, got 3"):
        Dataset(items, Vector(2), target=Numbers([0.5, 1.5, 2.5]))


def test_a_split_has_low_and_high_numbers_on_both_sides():
    data = Dataset(np.arange(400.0).reshape(200, 2), Vector(2), target=PRICES)
    for seed in range(5):
        _, test, notes = train_test_split(data, 0.25, seed)
        assert (len(test), notes) == (50, ())
        deciles = np.quantile(PRICES, np.arange(1, 10) / 10)
        assert np.bincount(np.searchsorted(deciles, PRICES[test])).tolist() == [5] * 10
    few = Dataset(np.arange(16.0).reshape(8, 2), Vector(2), target=PRICES[:8])
    assert len(train_test_split(few, 0.25)[1]) == 2
    assert Numbers(np.repeat([0.5, 1.5], 100)).strata.tolist() == [0] * 100 + [1] * 100


@pytest.mark.parametrize("target", [target_of(np.array(list("abcab"))), target_of(PRICES)])
def test_what_a_network_learns_decodes_to_what_it_was(target):
    torch = pytest.importorskip("torch")
    encoded = target.encode(target.values)
    outputs = np.eye(target.width)[encoded] if target.name == "classes" else encoded[:, None]
    decoded = target.decode(outputs)
    if target.name == "classes":
        assert decoded.tolist() == target.values.tolist()
    else:
        np.testing.assert_allclose(decoded, target.values, rtol=1e-4)
    perfect = torch.from_numpy(1e4 * outputs if target.name == "classes" else outputs)
    loss = target.loss(perfect.float(), torch.from_numpy(encoded))
    assert float(loss) == pytest.approx(0, abs=1e-6)
    assert float(target.loss(-perfect.float(), torch.from_numpy(encoded))) > 1


def test_the_losses_equal_naive_loops():
    torch = pytest.importorskip("torch")
    outputs = torch.randn(6, 3, generator=torch.Generator().manual_seed(0))
    codes = [0, 2, 1, 1, 0, 2]
    rows = outputs.tolist()
    naive = -sum(
        row[code] - np.log(np.exp(row).sum()) for row, code in zip(rows, codes, strict=True)
    )
    assert float(Classes.loss(outputs, torch.tensor(codes))) == pytest.approx(naive / 6, rel=1e-5)
    wanted = [0.5, -1.0, 2.0, 0.0, 1.0, 3.0]
    squares = sum((row[0] - y) ** 2 for row, y in zip(rows, wanted, strict=True))
    loss = Numbers.loss(outputs[:, :1], torch.tensor(wanted))
    assert float(loss) == pytest.approx(squares / 6, rel=1e-5)


def test_what_is_guessed_and_what_it_is_coloured_by():
    classes = Classes(np.array(["10", "9", "9", "x"]))
    assert classes.guess() == "9"
    codes, names = classes.colours
    assert [names[code] for code in codes] == ["10", "9", "9", "x"]
    assert Classes(np.array([10, 9, 9, 2])).colours[1] == ["2", "9", "10"]
    numbers = Numbers(PRICES)
    assert numbers.guess() == pytest.approx(PRICES.mean())
    assert numbers.colours[1] == []
    np.testing.assert_array_equal(numbers.colours[0], PRICES)
    with pytest.raises(DataError, match="row 1 is nan"):
        Numbers([0.5, np.nan])
    with pytest.raises(DataError, match="got text"):
        Numbers(["a"])
