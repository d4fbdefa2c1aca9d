"""The comparison as a whole: floor, verdicts, failures, cache, interrupts, honesty."""

import dataclasses
import json
import pickle
import sys

import numpy as np
import pytest
from PIL import Image as Pillow
from sklearn.decomposition import NMF
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.feature_selection import SelectKBest
from sklearn.preprocessing import FunctionTransformer
from tests.one_part import compare

from nearspace.data import SAMPLES, Dataset, load
from nearspace.encoders.linear import PCA
from nearspace.encoders.spec import make
from nearspace.errors import NearspaceError, SpecError
from nearspace.judge.budget import Budget, OutOfTime
from nearspace.judge.cost import Expected
from nearspace.judge.leaderboard import Result
from nearspace.judge.statistics import compare_to_best
from nearspace.judge.usual import USUAL
from nearspace.report.page import render


@pytest.fixture(scope="module")
def digits():
    return SAMPLES["digits"]().take(np.arange(0, 1797, 3))


@pytest.fixture(scope="module")
def wine():
    return SAMPLES["wine"]()


@pytest.fixture(scope="module")
def board(digits):
    return compare(digits, encoders=["pca(dim=2)", "pca", "mlp(epochs=4)"])


def row(board, spec):
    return next(row for row in board.rows if row.spec == spec)


@pytest.mark.trains
def test_floor_is_in_every_table(board):
    assert {"chance", "raw", "hog"} <= {row.spec for row in board.results}
    assert row(board, "chance").verdict == "floor"


def test_colours_are_in_the_floor_where_there_are_any(digits):
    coloured = load(np.repeat(digits.items, 3, axis=3), labels=digits.target.values)
    specs = {row.spec for row in compare(coloured, encoders=["raw"]).results}
    assert specs == {"chance", "raw", "hog", "colour_histogram"}


@pytest.mark.trains
def test_images_of_one_pixel_make_rows_or_sentences():
    random = np.random.default_rng(0)
    items = random.integers(0, 256, (60, 1, 1, 1), dtype=np.uint8)
    encoders = ["bovw", "colour_histogram", "pca", "simclr(epochs=1)", "cnn(epochs=1)"]
    board = compare(load(items, labels=np.arange(60) % 2), encoders=encoders)
    errors = {failure.spec: failure.error for failure in board.failures}
    assert set(errors) == {"hog", "bovw"}
    assert "at least 2 × 2 pixels, got 1 × 1" in errors["hog"]
    assert "45 training images of 1 × 1 pixels: they are flat" in errors["bovw"]


def test_a_layer_that_is_not_there_is_told_before_training(digits, monkeypatch):
    def train(*args, **kwargs):
        raise AssertionError("trained")

    monkeypatch.setattr("nearspace.encoders.learned.learned.train", train)
    with pytest.raises(NearspaceError) as error:
        compare(digits, encoders=["cnn@conv9", "raw | mlp@fcc1"])
    assert "'cnn@conv9': The network has no layer 'conv9'. Did you mean 'conv2'?" in str(
        error.value
    )
    assert "'raw | mlp@fcc1': The network has no layer 'fcc1'. Did you mean" in str(error.value)
    with pytest.raises(NearspaceError, match="Did you mean 'conv2'"):
        make("cnn@conv9").fit(digits.items, digits.target.values)


@pytest.mark.trains
def test_rows_are_ranked_and_the_bad_one_is_worse(board):
    values = [row.scores["knn"].value for row in board.results if row.spec != "chance"]
    assert values == sorted(values, reverse=True)
    assert row(board, "pca(dim=2)").verdict == "worse"
    assert row(board, "pca(dim=2)").difference.high < 0
    assert board.results[0].verdict == "best"
    top = [row for row in board.results if row.verdict in ("best", "tied with best")]
    assert row(board, "raw") in top
    assert board.best().cost.bytes_per_vector == min(row.cost.bytes_per_vector for row in top)


def noisy(signal, n=200):
    """Vectors that tell four classes less and less, the fewer of their columns are kept."""
    random = np.random.default_rng(0)
    labels = np.arange(n) % 4
    items = random.normal(size=(n, 40))
    items[:, -4:] += signal * np.eye(4)[labels]
    return load(items.astype(np.float32), labels=labels)


@pytest.mark.trains
def test_what_cannot_be_told_from_chance_is_not_recommended(monkeypatch):
    """Though it is the cheapest of the tied."""
    monkeypatch.setattr(
        "nearspace.judge.table.compare_to_best",
        lambda scores, *args, **kwargs: dataclasses.replace(
            compare_to_best(scores, *args, **kwargs), tied=np.ones(len(scores), dtype=bool)
        ),
    )
    board = compare(noisy(6.0), encoders=["random(dim=1)", "mlp(epochs=20)"])
    chance = row(board, "chance").scores["knn"].value
    assert row(board, "random(dim=1)").scores["knn"].low < chance
    assert row(board, "random(dim=1)").verdict == "tied with best"
    assert board.best().scores["knn"].low > chance


def test_nothing_is_recommended_where_nothing_can_be_told_from_chance():
    board = compare(noisy(0.0), encoders=["pca(dim=2)"])
    assert not any(row.recommended for row in board.results)
    with pytest.raises(NearspaceError, match="told from chance"):
        board.best()


def with_square(items):
    return np.hstack([items, np.square(items)])


def test_a_probe_that_says_otherwise_is_told():
    values = np.random.default_rng(0).normal(size=(600, 1)).astype(np.float32)
    data = load(values, labels=(np.abs(values[:, 0]) > 0.67).astype(int))
    board = compare(data, encoders=[FunctionTransformer(with_square)])
    (other,) = (row.spec for row in board.results if row.spec.startswith("Function"))
    assert board.best().spec == "raw"  # as good by its neighbours, and half as large
    assert board.better_by == {"probe": other}
    assert f"; by linear probe raw is worse than {other} (" in str(board.advice)
    assert json.loads(board.to_json())["better_by"] == {"probe": other}
    assert compare(data, encoders=["raw"]).better_by == {}


def test_few_groups_and_two_fits_are_told(wine):
    items = np.random.default_rng(0).normal(size=(200, 3)).astype(np.float32)
    grouped = load(items, labels=np.arange(200) % 2, groups=np.arange(200) % 8)
    notes = compare(grouped, encoders=["raw"]).notes
    assert any("2 groups, and of fewer than 6 no difference" in note for note in notes)
    assert any("Two fits" in note for note in compare(wine, encoders=["raw"], seeds=2).notes)


def test_latencies_are_never_from_the_cache(wine, tmp_path):
    first, second = (compare(wine, encoders=["l2"], cache=tmp_path) for _ in range(2))
    assert row(first, "l2").cost.fit_seconds == row(second, "l2").cost.fit_seconds
    assert row(first, "l2").cost.latency_seconds != row(second, "l2").cost.latency_seconds


def test_the_item_itself_is_not_among_the_neighbours_kept(digits):
    split = np.where(np.arange(len(digits)) < 11, "test", "train")
    board = compare(dataclasses.replace(digits, split=split), encoders=["raw"])
    (note,) = [note for note in board.notes if "Neighbours kept" in note]
    assert note == (
        "Neighbours kept cannot be measured: it takes more than 10 test items beside the item "
        "itself, which does not count, and there are 10."
    )


@pytest.mark.trains
def test_every_score_stands_within_its_interval(board):
    for result in board.results:
        for name, score in result.scores.items():
            if score.low is not None:
                assert score.low <= score.value <= score.high, (result.spec, name)
    assert "reconstruction" in row(board, "pca").scores
    assert "reconstruction" not in row(board, "raw").scores


@pytest.mark.trains
def test_exhibits_are_there_for_the_report(board):
    exhibits = row(board, "mlp(epochs=4)").exhibits
    assert [name for name, _, _ in exhibits.layers] == ["fc1", "fc2", "logits"]
    assert exhibits.layout.shape == (len(board.shown), 2)
    assert exhibits.neighbours.max() < len(board.gallery)
    decoded, walk = row(board, "pca").exhibits.strips
    assert len(decoded) == len(board.queries)
    assert decoded.of_queries
    assert len(walk) == 9


@pytest.mark.trains
def test_the_fitted_encoders_can_be_had_but_are_not_pickled(board):
    fitted = board.fitted("pca")
    assert fitted.inverse_transform(np.zeros((1, 32), np.float32)).shape[0] == 1
    with pytest.raises(NearspaceError, match="Did you mean 'pca'"):
        board.fitted("pcaa")
    again = pickle.loads(pickle.dumps(board))
    assert again.to_json() == board.to_json()


@pytest.mark.trains
def test_frame_and_json_hold_the_same(board):
    frame = board.to_frame().set_index("spec")
    parsed = json.loads(board.to_json())
    for entry in parsed["rows"]:
        assert frame.loc[entry["spec"], "knn"] == pytest.approx(entry["scores"]["knn"]["value"])
    assert parsed["protocol"]["train"] == 449
    assert "<table>" in board._repr_html_()


@pytest.mark.trains
def test_a_model_of_items_tells_its_bound_and_its_dimensions_again_from_the_cache(digits, tmp_path):
    boards = [compare(digits, encoders=["vae(dim=6, epochs=3)"], cache=tmp_path) for _ in range(2)]
    for board in boards:
        found = row(board, "vae(dim=6, epochs=3)").exhibits
        assert found.elbo.elbo == pytest.approx(-found.elbo.reconstruction - found.elbo.kl)
        one_by_one = [strip for strip in found.strips if strip.label.startswith("dimension")]
        assert [len(strip) for strip in one_by_one] == [9] * 5
        assert row(board, "raw").exhibits.elbo is None
        assert row(board, "raw").exhibits.strips == ()
    rows = json.loads(boards[1].to_json())["rows"]
    told = {value["spec"]: value["exhibits"]["elbo"] for value in rows if value["exhibits"]}
    assert told["raw"] is None
    assert told["vae(dim=6, epochs=3)"]["elbo"] == found.elbo.elbo


class Failing(PCA):
    def _fit(self, items, y):
        raise ArithmeticError("It does\nnot converge.")


def test_a_failed_encoder_is_a_row_with_its_error(digits):
    landed = []
    encoders = [Failing(2), NMF(2, max_iter=1000)]
    board = compare(digits, encoders=encoders, on_row=landed.append)
    assert row(board, Failing(2).spec).error == "It does not converge."
    assert row(board, Failing(2).spec) in landed
    assert isinstance(row(board, "NMF(max_iter=1000, n_components=2)"), Result)


def test_all_that_is_wrong_is_told_at_once_before_anything_is_fitted(digits, monkeypatch):
    monkeypatch.setattr(PCA, "_fit", lambda *_: pytest.fail("was fitted"))
    wrong = {
        "tfidf": "'tfidf': TfIdf takes texts; got images.",
        "raw | cnn": "takes no vectors",
        "hgo": "Did you mean 'hog'?",
        "pca(dim=-1)": "The 'dim' parameter of PCA must be",
    }
    for specs in ([*wrong, "pca"], [", ".join([*wrong, "pca"])]):
        with pytest.raises(NearspaceError) as error:
            compare(digits, encoders=specs)
        named = [spec for spec, words in wrong.items() if words in str(error.value)]
        assert len(named) >= 2, error.value
    with pytest.raises(NearspaceError) as error:
        compare(digits, encoders=["tfidf", "tfidf | pca", "onehot + hog", "pca"])
    assert str(error.value).count("Cannot use") == 3
    bare = dataclasses.replace(digits, target=None)
    with pytest.raises(NearspaceError, match=r"'pca \| mlp': MLP learns from labels"):
        compare(bare, encoders=["pca | mlp"])


def test_a_wrong_spec_is_told_before_anything_is_computed(digits):
    with pytest.raises(SpecError, match="Did you mean 'pca'"):
        compare(digits, encoders=["pac"])
    with pytest.raises(SpecError, match="The 'dim' parameter of PCA must be"):
        compare(digits, encoders=["pca(dim=-1)"])
    with pytest.raises(NearspaceError, match="Did you mean 'probe'"):
        compare(digits, encoders=["raw"], rank_by="prob")
    with pytest.raises(NearspaceError, match="lower k"):
        compare(digits, encoders=["raw"], k=500)


@pytest.mark.trains
def test_shuffled_labels_score_at_chance(digits):
    random = np.random.default_rng(0)
    shuffled = dataclasses.replace(digits, target=random.permutation(digits.target.values))
    board = compare(shuffled, encoders=["pca", "mlp(epochs=5)"])
    n = board.protocol["test"]
    for result in board.results:
        for name in ("knn", "probe"):
            # Four standard errors around one in ten.
            assert abs(result.scores[name].value - 0.1) < 4 * np.sqrt(0.09 / n), result.spec
        assert abs(result.scores["ami"].value) < 0.05


@pytest.fixture
def pca_fits(monkeypatch):
    """The dimensions of every PCA that is really fitted."""
    fitted = []
    original = PCA._fit

    def counted(self, items, y):
        fitted.append(self.dim)
        original(self, items, y)

    monkeypatch.setattr(PCA, "_fit", counted)
    return fitted


@pytest.mark.trains
def test_the_cache_computes_only_what_is_new(digits, tmp_path, pca_fits):
    first = compare(digits, encoders=["pca(dim=3)", "mlp(epochs=2)@fc1"], cache=tmp_path)
    specs = ["pca(dim=3)", "mlp(epochs=2)@fc1", "mlp(epochs=2)@fc2", "pca(dim=4)"]
    second = compare(digits, encoders=specs, cache=tmp_path)
    assert pca_fits == [3, 4]
    # Raw, hog, pca, pca, one mlp, and the same fitted on half of the rows.
    assert len(list((tmp_path / "fits").iterdir())) == 6
    for spec in ("raw", "pca(dim=3)", "mlp(epochs=2)@fc1"):
        assert row(first, spec).scores == row(second, spec).scores
        costs = row(first, spec).cost, row(second, spec).cost
        assert costs[0].fit_seconds == costs[1].fit_seconds
        assert all(cost.latency_low <= cost.latency_seconds for cost in costs)


def test_a_damaged_cache_is_computed_again(wine, tmp_path):
    first = compare(wine, encoders=["pca(dim=3)"], cache=tmp_path)
    for file in tmp_path.rglob("*"):
        if file.is_file():
            file.write_bytes(b"nothing")
    again = compare(wine, encoders=["pca(dim=3)"], cache=tmp_path)
    assert row(first, "pca(dim=3)").scores == row(again, "pca(dim=3)").scores


def test_equal_parts_are_fitted_once(wine, pca_fits):
    compare(wine, encoders=["pca(dim=3)", "pca(dim=3) | l2", "pca(dim=3) + raw"])
    assert pca_fits == [3]


class Interrupting(PCA):
    def _fit(self, items, y):
        raise KeyboardInterrupt


def test_ctrl_c_keeps_what_is_done_and_names_the_rest_in_one_line(wine):
    landed = []
    encoders = [Interrupting(3), "l2", "pca"]
    board = compare(wine, encoders=encoders, on_row=landed.append)
    assert board.interrupted
    assert {row.spec for row in board.results} == {"raw", "chance"}
    assert [row.spec for row in landed] == ["raw"]
    assert not board.failures
    assert board.notes[-1] == (
        f"Interrupted while judging {Interrupting(3).spec}; l2, pca, raw | scale were not "
        "reached. What was done until then stands here."
    )


def test_rows_land_cheapest_first_with_the_interval_that_they_keep(digits):
    for specs in (["bovw(words=8)", "pca", "random"], ["pca", "random", "bovw(words=8)"]):
        landed = []
        board = compare(digits, encoders=specs, on_row=landed.append)
        places = [one.spec for one in landed]
        assert places[0] == "raw"
        assert places[-2:] == ["hog", "bovw(words=8)"]
        for one in landed:
            assert next(iter(one.scores)) == board.rank_by
            told, kept = (
                dataclasses.astuple(each.scores[board.rank_by])
                for each in (one, row(board, one.spec))
            )
            assert told == pytest.approx(kept)
            assert not one.verdict


def test_equal_notes_of_rows_are_told_once(wine):
    board = compare(wine, encoders=["pca(dim=40)", "pca(dim=50)", "pca(dim=40) | l2"])
    told = [note for note in board.notes if "It has 13 dimensions" in note]
    assert told[0].startswith("pca(dim=40), pca(dim=40) | l2: ")
    assert len(told) == 2


@pytest.mark.trains
def test_minutes_bound_what_is_trained(digits):
    encoders = ["pca", "mlp(epochs=40)"]
    board = compare(digits, encoders=encoders, minutes=1e-4)
    assert {row.spec for row in board.results} == {"chance"}
    (told,) = [note for note in board.notes if "no time" in note]
    assert all(f"{spec} (about" in told for spec in (*encoders, "raw", "hog"))
    assert "0.0001 min" in told
    for minutes in (0, -1, float("nan"), float("inf")):
        with pytest.raises(NearspaceError, match="minutes= must be a number above 0"):
            compare(digits, minutes=minutes)


@pytest.mark.trains
def test_what_does_not_fit_is_trained_for_fewer_epochs_and_says_so(digits, monkeypatch, tmp_path):
    expected = Expected(training=1000.0, rest=1.0, epochs=(40,))
    quick = Expected(training=0.0, rest=0.1)
    monkeypatch.setattr(
        "nearspace.judge.budget.expect",
        lambda encoder, task: expected if "mlp" in encoder.spec else quick,
    )
    encoders = ["pca", "mlp(epochs=40)", "pca(dim=20) | mlp(epochs=40)"]
    board = compare(digits, encoders=encoders, minutes=5, cache=tmp_path)
    assert not board.failures
    (short,) = [one for one in board.results if one.spec.startswith("mlp")]
    (piped,) = [one for one in board.results if one.spec.startswith("pca(dim=20) | mlp")]
    epochs = len(board.fitted(short.spec).history_["train_loss"])
    assert short.spec == f"mlp(epochs={epochs})"
    assert 7 <= epochs <= 10
    assert short.notes[0] == f"{epochs} of 40 epochs: all would take about 17 min."
    assert piped.spec.startswith("pca(dim=20) | mlp(epochs=")
    assert "pca" in {one.spec for one in board.results}


@pytest.mark.trains
def test_what_takes_longer_than_expected_ends_with_the_time(digits, monkeypatch):
    def check(budget):
        raise OutOfTime(90.0)

    monkeypatch.setattr(Budget, "check", check)
    board = compare(digits, encoders=["mlp(epochs=50000)"], minutes=50)
    assert board.notes[-1] == (
        "Left out, as there was no time for them in 50 min: mlp(epochs=50000) (about 90 s)."
    )
    assert {"raw", "hog", "chance"} == {one.spec for one in board.results}


def test_time_is_over_when_it_is():
    budget = Budget(2)
    budget.check()
    budget.began -= 121
    with pytest.raises(OutOfTime):
        budget.check()
    Budget(None).check()


@pytest.mark.trains
def test_seeds_add_the_noise_of_training(digits):
    board = compare(digits, encoders=["mlp(epochs=1)", "raw"], seeds=3)
    once = compare(digits, encoders=["mlp(epochs=1)", "raw"])
    wide, narrow = (row(b, "mlp(epochs=1)").scores["knn"] for b in (board, once))
    raw, raw_once = (row(b, "raw").scores["knn"] for b in (board, once))
    assert dataclasses.astuple(raw) == pytest.approx(dataclasses.astuple(raw_once))
    assert wide.value != narrow.value
    assert "3 fits" in board.protocol["scope"]


def test_without_labels_neighbours_kept_rank_and_the_report_says_so(wine):
    board = compare(dataclasses.replace(wine, target=None), encoders=["pca", "l2"])
    assert board.protocol["rank_by"] == "preservation"
    assert row(board, "raw").verdict == "reference"
    assert row(board, "pca").verdict == "best"
    assert row(board, "l2").verdict == "worse"
    assert any("no labels" in note for note in board.notes)
    assert "chance" not in {row.spec for row in board.rows}


def test_one_class_is_judged_without_labels(wine):
    board = compare(dataclasses.replace(wine, target=np.zeros(len(wine))), encoders=["pca"])
    assert any("All items have the label" in note for note in board.notes)
    assert board.best().spec == "pca"


def test_identical_items_are_told():
    same = load(np.ones((20, 4)))
    with pytest.raises(NearspaceError, match="items that are equal"):
        compare(same, encoders=["raw"])


def test_groups_widen_what_is_said_of_few_groups():
    random = np.random.default_rng(0)
    centres = random.normal(size=(24, 5)) * 1.5
    groups = np.repeat(np.arange(24), 20)
    labels = (groups % 2).astype(int)
    items = centres[groups] + 0.3 * random.normal(size=(480, 5)) + labels[:, None]
    grouped = compare(load(items, labels=labels, groups=groups), encoders=["raw"])
    plain = compare(load(items, labels=labels), encoders=["raw"])
    wide, narrow = (row(b, "raw").scores["knn"] for b in (grouped, plain))
    assert wide.high - wide.low > 2 * (narrow.high - narrow.low)
    assert wide.value < narrow.value  # neighbours of one's own group no longer help
    assert "groups" in grouped.protocol["intervals"]


@pytest.mark.trains
@pytest.mark.parametrize("name", ["sentences", "customers", "wine"])
def test_defaults_of_every_kind_work(name):
    dataset = SAMPLES[name]()
    board = compare(dataset)
    assert not board.failures
    encoders = [row for row in board.results if row.dim]
    assert len(encoders) == len(USUAL[dataset.kind.name].specs(labelled=True))
    assert row(board, "chance").scores["knn"].value < board.best().scores["knn"].low


def test_scikit_learn_transformers_of_texts_are_rows():
    board = compare(SAMPLES["sentences"](), encoders=[TfidfVectorizer(min_df=2)])
    assert not board.failures
    assert row(board, "TfidfVectorizer(min_df=2)").dim > 50


def test_finished_vectors_are_a_row_even_inside_a_hybrid(digits, tmp_path):
    path = str(tmp_path / "mine.npy")
    np.save(path, digits.items.reshape(len(digits), -1) / 255)
    plain = f"vectors(path={path!r}, metric='euclidean')"
    board = compare(digits, encoders=[plain, f"{plain} | pca(dim=2)"])
    assert not board.failures
    mine = row(board, plain)
    assert mine.scores["knn"].value == row(board, "raw").scores["knn"].value


def test_a_missing_library_is_told_with_what_to_install(digits, monkeypatch):
    monkeypatch.setitem(sys.modules, "skimage", None)  # as if it were not installed
    board = compare(digits, encoders=["bovw(words=8, keypoints='detected')"])
    assert "pip install 'nearspace[images]'" in board.failures[0].error
    assert row(board, "hog").scores  # which needs none


def test_the_usual_encoders_that_learn_from_labels_are_named():
    for kind, usual in USUAL.items():
        for spec in usual.specs(labelled=True):
            assert (spec in usual.supervised) == (make(spec).learns == "labels"), (kind, spec)
        assert not set(usual.specs(labelled=False)) & set(usual.supervised)
        assert usual.reference in usual.floor


@pytest.mark.trains
def test_constant_columns_do_no_harm(wine):
    items = np.hstack([wine.items, np.full((len(wine), 2), 7.0)])
    board = compare(
        load(items, labels=wine.target.values),
        encoders=["pca", "autoencoder(epochs=2)", "vae(epochs=2)", "mlp(epochs=2)"],
    )
    assert not board.failures


@pytest.mark.trains
def test_other_labels_are_never_served_from_the_cache(tmp_path):
    random = np.random.default_rng(0)
    items = random.normal(size=(300, 12)).astype(np.float32)
    split = np.where(np.arange(300) < 200, "train", "test")
    kind = load(items).kind
    spec = "pca(dim=8) | mlp(epochs=15)"
    for column in (0, 5):
        labels = (items[:, column] > 0).astype(int)
        dataset = Dataset(items, kind, target=labels, split=split)
        kept = compare(dataset, encoders=[spec], cache=tmp_path)
        fresh = compare(dataset, encoders=[spec])
        assert row(kept, spec).scores["knn"] == row(fresh, spec).scores["knn"]


def test_a_collapsed_space_is_a_row_like_any_other(wine):
    constant = FunctionTransformer(lambda X: np.tile([[0.1, 0.7, 1.3]], (len(X), 1)))
    board = compare(wine, encoders=[constant])
    assert not board.failures
    assert board.results[-2].dim == 3


def test_without_its_reference_nothing_keeps_neighbours():
    letters = [f"{'ab'[i % 2]} {i} c" for i in range(60)]
    texts = [" ".join(text) for text in letters]  # no word of two letters: tfidf must fail
    board = compare(load(texts, labels=np.arange(60) % 2), encoders=["raw"])
    assert [failure.spec for failure in board.failures] == ["tfidf"]
    assert "preservation" not in row(board, "raw").scores


def test_r_precision_has_an_interval_where_queries_are_drawn():
    random = np.random.default_rng(0)
    labels = np.arange(4400) % 2
    items = random.normal(size=(4400, 3)) + labels[:, None]
    split = np.where(np.arange(4400) < 200, "train", "test")
    data = load(items, labels=labels)
    board = compare(dataclasses.replace(data, split=split), encoders=["raw"], rank_by="r_precision")
    score = row(board, "raw").scores["r_precision"]
    assert score.low < score.value < score.high
    assert row(board, "raw").verdict == "best"


def test_rows_without_the_ranking_score_come_last(wine):
    board = compare(wine, encoders=["pca(dim=4)", "pca(dim=9)"], rank_by="reconstruction")
    assert [row.spec for row in board.results][:2] == ["pca(dim=9)", "pca(dim=4)"]


def test_transformers_that_need_labels_get_them(wine):
    board = compare(wine, encoders=[SelectKBest(k=5)])
    assert not board.failures


def test_labels_that_never_meet_are_told():
    items = np.random.default_rng(0).normal(size=(40, 2))
    labels = np.where(np.arange(40) < 30, "pos", "0")
    labels[::2] = np.where(np.arange(0, 40, 2) < 30, "neg", "1")
    split = np.where(np.arange(40) < 30, "train", "test")
    with pytest.raises(NearspaceError, match="no test item has a label"):
        compare(dataclasses.replace(load(items, labels=labels), split=split), encoders=["raw"])


def test_fewer_dimensions_than_asked_are_told_in_row_result_and_notes(digits, tmp_path):
    few = digits.take(np.arange(60))
    specs = ["pca(dim=9999)", "raw | pca(dim=9999)", "bovw(words=100000) + raw", "hog(cells=90)"]
    boards = [compare(few, encoders=specs, cache=tmp_path / "cache") for _ in range(2)]
    for board in boards:  # from the cache as well
        told = {result.spec: result.notes for result in board.results}
        dim = row(board, "pca(dim=9999)").dim
        assert told["pca(dim=9999)"] == (
            f"It has {dim} dimensions, as many as the data allow, and not 9,999.",
        )
        assert told["raw | pca(dim=9999)"] == told["pca(dim=9999)"]
        words = row(board, "bovw(words=100000) + raw").dim - 64
        assert told["bovw(words=100000) + raw"] == (
            f"It has {words:,} words, as many as the data allow, and not 100,000.",
        )
        assert told["hog(cells=90)"][0].startswith("It has 8 cells a side, as many as")
        assert told["raw"] == told["chance"] == ()
        note = f"pca(dim=9999), raw | pca(dim=9999): {told['pca(dim=9999)'][0]}"
        assert note in board.notes
    rows = {each["spec"]: each for each in json.loads(boards[0].to_json())["rows"]}
    assert rows["pca(dim=9999)"]["notes"] == list(told["pca(dim=9999)"])
    page = render(boards[0])
    assert note in page
    assert f'title="{told["pca(dim=9999)"][0]}">note<' in page


def test_all_that_was_left_out_stands_in_the_result(tmp_path):
    random = np.random.default_rng(0)
    for name, high in (("a", 256), ("b", 128)):
        (tmp_path / name).mkdir()
        for at in range(20):
            pixels = random.integers(0, high, (6, 6), dtype=np.uint8)
            Pillow.fromarray(pixels).save(tmp_path / name / f"{at}.png")
        for at in range(60):
            (tmp_path / name / f"bad{at}.png").write_text("no")
    data = load(tmp_path)
    names = {f"{name}/bad{at}.png" for name in "ab" for at in range(60)}
    assert data.left_out == dict.fromkeys(names, "not an image")
    assert data.take(np.arange(3)).left_out == data.left_out
    board = compare(data, encoders=["raw"])
    assert json.loads(board.to_json())["protocol"]["left out"] == data.left_out
    page = render(board)
    assert all(name in page for name in names)
    joined = load(tmp_path, test=tmp_path)
    assert len(joined.left_out) == 240
    assert "test/b/bad59.png" in joined.left_out


def test_a_split_that_leaks_is_told_with_both_scores(digits, tmp_path):
    items = load("digits").items[:600].copy()
    items[450:500] = items[:50]  # a third of the test items stand in training, some brighter
    items[480:500] = (0.7 * items[480:500] + 20).astype(np.uint8)
    labels = np.random.default_rng(0).permutation(np.arange(600) % 10)
    labels[450:500] = labels[:50]
    split = np.repeat(["train", "test"], [450, 150])
    data = Dataset(items, digits.kind, target=labels, split=split)
    for cache in (tmp_path, tmp_path, None):
        board = compare(data, encoders=["raw"], k=1, cache=cache)
        raw = row(board, "raw")
        assert raw.scores["knn"].value > 0.35  # copies bring what nothing else can
        assert raw.without_copies.low < 0.1 < raw.without_copies.high
        assert row(board, "chance").without_copies is None
    note = next(note for note in board.notes if "on the 100 that have none" in note)
    assert note.startswith("50 of 150 test items have a copy among the training items (30 equal, ")
    both = [100 * score.value for score in (raw.without_copies, raw.scores["knn_balanced"])]
    assert f"raw has {both[0]:.1f} % instead of {both[1]:.1f} % (1-NN balanced accuracy)." in note
    written = json.loads(board.to_json())
    assert written["protocol"]["test items equal to a training item"] == 30
    assert written["protocol"]["test items near a training item"] == 20
    assert written["rows"][0]["without_copies"]["value"] == raw.without_copies.value


def test_near_duplicates_stay_together_where_that_is_asked_for(wine):
    items = np.concatenate([wine.items, wine.items[:60] * (1 + 1e-5)])
    labels = np.concatenate([wine.target.values, wine.target.values[:60]])
    told, kept = (
        compare(items, labels, encoders=["raw"], near_duplicates=how)
        for how in ("tell", "together")
    )
    assert told.protocol["test items near a training item"] > 5
    assert kept.protocol["test items near a training item"] == 0
    assert "duplicates, near ones included, on one side" in kept.protocol["split"]
    assert row(kept, "raw").without_copies is None
    with pytest.raises(NearspaceError, match="near_duplicates= cannot be 'apart'"):
        compare(wine, near_duplicates="apart")
