"""Transfer: honest baselines, pairing, nothing learnt from test items, interruptions, bad input."""

import dataclasses
import functools
import json

import numpy as np
import pytest
import torch
from sklearn.metrics import balanced_accuracy_score
from tests import text_models

from nearspace import load
from nearspace.data import SAMPLES, Classes, Dataset
from nearspace.encoders.spec import make
from nearspace.encoders.trainable import Schedule
from nearspace.errors import NearspaceError
from nearspace.judge.protocol import Protocol
from nearspace.judge.scores import SCORES
from nearspace.judge.statistics import Estimate
from nearspace.judge.studies import finetune as finetuning
from nearspace.judge.studies.finetune import (
    Way,
    choose_rate,
    draw_labelled,
    finetune,
    last_part,
)
from nearspace.judge.studies.gains import TransferRow, strongest, verdicts_on
from nearspace.judge.studies.pace import Pace, Step
from nearspace.judge.studies.transfer import Transfer, transfer, transferred
from nearspace.judge.tasks import set_task
from nearspace.learning import train as training

pytestmark = pytest.mark.trains

SPEC = "simclr(dim=16, epochs=1)"
WAYS = [
    "from scratch", "linear head on raw", "linear head", "last part fine-tuned",
    "all fine-tuned", "from scratch, varied", "last part fine-tuned, varied",
    "all fine-tuned, varied",
]  # fmt: skip


SHORT = Schedule(fewest_steps=20, passes=1, rates=(3e-3,))
briefly = functools.partial(transfer, schedule=SHORT)


@pytest.fixture(scope="module")
def digits():
    """A third of the digits, with a split of their own."""
    dataset = SAMPLES["digits"]().take(np.arange(0, 1797, 3))
    split = np.where(np.arange(len(dataset)) % 4 == 3, "test", "train")
    return dataclasses.replace(dataset, split=split)


@pytest.fixture(scope="module")
def found(digits):
    return briefly(digits, SPEC, labelled=[50, 100, 5000], seeds=2)


def test_every_way_is_there_for_every_number_of_labels(found):
    assert [(row.labels, row.way) for row in found.rows] == [
        (n, w) for n in (50, 100) for w in WAYS
    ]
    assert all(row.seeds == 2 and row.predictions.shape == (2, 149) for row in found.rows)
    assert any("5,000 labels are left out" in note for note in found.notes)
    assert found.protocol["last part"] == ["encoder.fc1", "encoder.embedding"]
    assert not found.interrupted


def test_what_it_says_of_a_row_is_what_the_predictions_say(found, digits):
    truth = digits.target.values[digits.split == "test"]
    rows = {(row.labels, row.way): row for row in found.rows}
    for row in found.rows:
        accuracy = (row.predictions == truth).mean()
        assert row.score.value == pytest.approx(accuracy)
        assert row.score.low < accuracy < row.score.high
        base = rows[row.labels, "from scratch" + ", varied" * row.varied]
        if row is base:
            assert row.difference is None
        else:
            assert row.difference.value == pytest.approx(accuracy - base.score.value)
            assert row.difference.low < row.difference.high
        assert (row.learning_rate in SHORT.rates) != row.way.startswith("linear")


def test_heads_beat_chance(found):
    for row in found.rows:
        if row.way.startswith("linear"):
            # Of two draws so little is known that the interval is wide.
            assert row.score.value > 0.3, row.way
            assert row.score.low > 0.1, row.way


def test_it_is_repeatable_and_test_labels_are_not_learnt_from(found, digits):
    test = np.flatnonzero(digits.split == "test")
    poisoned = digits.target.values.copy()
    poisoned[test] = np.roll(poisoned[test], 1)
    again = briefly(dataclasses.replace(digits, target=poisoned), SPEC, labelled=[50], seeds=2)
    for before, after in zip(found.rows, again.rows, strict=False):
        np.testing.assert_array_equal(before.predictions, after.predictions)
        assert after.score.value < 0.4


def test_the_rate_is_chosen_on_labelled_items_held_out(monkeypatch):
    trained, asked = [], []

    def fit(encoder, items, target, way, rate, seed, schedule):
        trained.append(items.tolist())
        return rate

    def judge(encoder, rate, items):
        asked.append(items.tolist())
        right = np.arange(3) == items[:, None] % 3
        return np.where(right, rate, 0.0)  # the higher the rate, the surer of the right class

    schedule = Schedule(rates=(0.1, 0.3, 0.2))
    monkeypatch.setattr(finetuning, "finetune", fit)
    monkeypatch.setattr(finetuning, "outputs_of", judge)
    items, classes = np.arange(30), np.arange(30) % 3
    assert choose_rate(None, items, Classes(classes), Way("all"), 0, schedule) == 0.3
    assert trained == [trained[0]] * 3  # the same two thirds for every rate
    assert asked == [asked[0]] * 3
    assert sorted(trained[0] + asked[0]) == items.tolist()
    assert sorted(np.bincount(classes[asked[0]]).tolist()) == [3, 3, 4]
    few = Classes(classes[:3])  # none to spare
    assert choose_rate(None, items[:3], few, Way("all"), 0, schedule) == 0.1


def test_labels_are_kept_from_the_encoder(digits, monkeypatch):
    seen = []
    cls = type(make("pca"))
    original = cls._fit
    monkeypatch.setattr(cls, "takes_labels", True)
    monkeypatch.setattr(cls, "_fit", lambda self, x, y: (seen.append(y), original(self, x, y))[1])
    briefly(digits, "pca(dim=8)", labelled=[50], seeds=1)
    assert seen == [None]


def test_differences_are_paired_by_draw_and_item(digits):
    """Draws of very different accuracy, each with the same gain: the gain is sure."""
    task = set_task(digits, Protocol(k=1, seeds=4))
    truth = np.asarray(task.test.target.values)
    wrong = (truth + 1) % 10
    position = np.arange(len(truth))

    def labelled(n_wrong):
        return np.where(position < n_wrong, wrong, truth), 1.0

    done = {
        (50, Way("scratch")): [labelled(n) for n in (20, 50, 80, 110)],
        (50, Way("all")): [labelled(n - 15) for n in (20, 50, 80, 110)],
    }
    scratch, tuned = transferred(task, "simclr", done, {}, ["fc1"]).rows
    assert tuned.difference.value == pytest.approx(15 / 149)
    assert tuned.difference.low > 0.03
    assert scratch.score.high > tuned.score.low  # which unpaired would tell nothing
    done[50, Way("all")] = done[50, Way("all")][::-1]
    _, turned = transferred(task, "simclr", done, {}, ["fc1"]).rows
    assert turned.difference.value == pytest.approx(15 / 149)
    assert turned.difference.low < 0


@pytest.mark.parametrize("differing", [0, 1, 4])
def test_a_few_items_that_differ_may_be_chance(digits, differing):
    """Also where none of them is worse, as a share of items could not be."""
    task = set_task(digits, Protocol(k=1, seeds=5))
    truth = np.asarray(task.test.target.values)
    wrong = np.where(np.arange(len(truth)) < differing, (truth + 1) % 10, truth)
    done = {
        (50, Way("scratch")): [(wrong, 1.0)] + [(truth, 1.0)] * 4,
        (50, Way("all")): [(truth, 1.0)] * 5,
    }
    gap = transferred(task, "simclr", done, {}, ["fc1"]).rows[1].difference
    assert gap.value == pytest.approx(differing / 5 / 149)
    assert gap.low <= 0 < gap.high
    assert gap.value == pytest.approx((gap.low + gap.high) / 2)


def test_an_encoder_without_a_network_gets_the_linear_head(digits):
    found = briefly(digits, "hog", labelled=[100], seeds=2)
    assert [row.way for row in found.rows] == ["linear head on raw", "linear head"]
    assert all(row.difference is None for row in found.rows)
    plain, head = found.rows
    assert plain.over_plain is None
    gap = head.score.value - plain.score.value
    assert head.over_plain.value == pytest.approx(gap)
    assert head.over_plain.low < gap < head.over_plain.high
    assert "hog has no network to fine-tune: only a linear head is judged." in found.notes
    (sentence,) = found.verdicts
    assert sentence.startswith("100 labels: ")
    side = "above" if gap > 0 else "below"
    assert f"{100 * abs(gap):.1f} points {side} the linear head on raw [" in sentence
    assert briefly(digits, "raw", labelled=[100], seeds=1).verdicts == ()


def test_vectors_have_no_views():
    found = briefly(SAMPLES["wine"](), "autoencoder(dim=4, epochs=1)", labelled=[30], seeds=2)
    assert [row.way for row in found.rows] == WAYS[:5]


def test_frame_json_and_sentences_say_the_same(found, tmp_path):
    frame = found.to_frame()
    parsed = json.loads(found.to_json(tmp_path / "t.json"))
    assert json.loads((tmp_path / "t.json").read_text()) == parsed
    scores = [row["scores"]["accuracy"]["value"] for row in parsed["rows"]]
    assert frame["accuracy"].tolist() == scores
    assert parsed["rows"][0]["difference"] is None
    assert "predictions" not in parsed["rows"][0]
    assert parsed["protocol"]["encoder"] == SPEC
    assert len(parsed["verdicts"]) == 4
    assert (
        f"{100 * abs(strongest(found.rows, 50).difference.value):.1f} points"
        in parsed["verdicts"][0]
    )


GAPS = {
    Estimate(0.0412, 0.01, 0.07): "pretraining helped: the best way, all fine-tuned, is 4.1 points "
    "above the same network from scratch [+1.0, +7.0].",
    Estimate(
        -0.027, -0.05, -0.004
    ): "pretraining did not help: the best way, all fine-tuned, is 2.7 "
    "points below the same network from scratch [−5.0, −0.4].",
    Estimate(-0.027, -0.06, 0.006): "whether pretraining helped cannot be told: the best way, all "
    "fine-tuned, is 2.7 points below the same network from scratch [−6.0, +0.6].",
    Estimate(
        0.02
    ): "whether pretraining helped cannot be told: the best way, all fine-tuned, is 2.0 "
    "points above the same network from scratch.",
}


@pytest.mark.parametrize(("gap", "told"), GAPS.items(), ids=lambda v: str(v)[:20])
def test_a_sentence_says_whether_pretraining_helped(gap, told):
    row = TransferRow(
        1000,
        "all fine-tuned, varied",
        True,
        3,
        {"accuracy": Estimate(0.5)},
        gap,
        None,
        1e-3,
        1.0,
        np.zeros((3, 9)),
    )
    assert verdicts_on([row], SCORES["accuracy"], "simclr") == [
        f"1,000 labels, items varied: {told}"
    ]


def test_the_plain_input_is_named_where_it_is_better_than_what_was_pretrained():
    def row(way, value, gap=None):
        scores, told = {"accuracy": Estimate(value)}, np.zeros((3, 9))
        return TransferRow(100, way, False, 3, scores, gap, None, None, 1.0, told)

    rows = [row("linear head on raw", 0.9), row("linear head", 0.8, Estimate(0.1, 0.05, 0.15))]
    (said,) = verdicts_on(rows, SCORES["accuracy"], "simclr")
    assert said.endswith(
        " But the linear head on raw, which needs no network, is 10.0 points better than that."
    )
    study = Transfer(tuple(rows), {}, verdicts=(said,))
    assert json.loads(study.to_json())["advice"] == {"picks": [], "reasons": [said]}


def test_the_way_to_use_is_the_quickest_of_those_that_cannot_be_told_from_the_best(digits):
    task = set_task(digits, Protocol(k=1, seeds=2))
    truth = np.asarray(task.test.target.values)
    position = np.arange(len(truth))

    def told(wrong, seconds):
        return [(np.where(position < wrong, (truth + 1) % 10, truth), seconds)] * 2

    done = {
        (50, Way("scratch")): told(40, 4.0),
        (50, Way("linear head")): told(12, 0.2),
        (50, Way("all")): told(10, 4.0),
        (90, Way("linear head")): told(40, 0.2),
        (90, Way("last")): told(10, 4.0),
        (90, Way("all")): told(9, 5.0),
    }
    study = transferred(task, "simclr", done, {}, ["fc1"])
    used = [(row.labels, row.way) for row in study.rows if row.recommended]
    assert used == [(50, "linear head"), (90, "all fine-tuned")]
    assert [(pick.role, pick.spec) for pick in study.advice.picks] == [
        ("with 50 labels", "linear head"), ("with 90 labels", "all fine-tuned"),
    ]  # fmt: skip


def test_uneven_classes_are_judged_by_balanced_accuracy_and_it_is_said():
    random = np.random.default_rng(0)
    rare = random.random(600) < 0.1
    items = random.normal(size=(600, 6)) + 1.2 * rare[:, None]
    spam = load(items, labels=np.where(rare, "spam", "ham"))
    study = transfer(spam, "pca(dim=3)", labelled=[60], seeds=2)
    assert (study.rank_by, study.label()) == ("balanced_accuracy", "balanced accuracy")
    (note,) = [note for note in study.notes if "uneven" in note]
    assert "'ham' and" in note
    assert "So ways are ranked by balanced accuracy" in note
    truth = set_task(spam, Protocol(k=1)).test.target.values
    for row in study.rows:
        shares = [balanced_accuracy_score(truth, told) for told in row.predictions]
        assert row.score.value == pytest.approx(np.mean(shares))
        assert row.score.low < row.score.value < row.score.high
    even = transfer("wine", "pca(dim=3)", labelled=[30], seeds=1)
    assert even.rank_by == "accuracy"
    assert not any("uneven" in note for note in even.notes)


def test_the_time_left_is_told_and_falls(digits):
    told = []
    briefly(digits, SPEC, labelled=[50], seeds=2, progress=lambda *words: told.append(words))
    shares = [share for share, _ in told]
    assert shares == sorted(shares)
    assert any(f"{SPEC} without labels, about " in words for _, words in told)
    fits = [words for _, words in told if words.startswith("50 labels, draw")]
    assert len(fits) == 2 * len(WAYS)
    assert all(" left" in words for words in fits)


def test_the_pace_is_that_of_the_fits_that_are_done(digits):
    task = set_task(digits, Protocol(k=1, seeds=2))
    pace = Pace(make("raw"), task, Schedule(fewest_steps=10, passes=0, rates=(1e-3, 3e-3)))
    first, later, head = Step(50, 0, Way("all")), Step(50, 1, Way("all")), Step(50, 1, Way("raw"))
    other = Step(50, 1, Way("scratch"))
    assert pace.seconds([first, later]) == 0  # nobody knows
    pace.add(first, 6.0)  # with a fit for each of two rates
    assert pace.seconds([later, other]) == pytest.approx(4.0)  # others like those that are done
    pace.add(head, 1.5)
    assert pace.seconds([head, later]) == pytest.approx(3.5)
    assert pace.share(1e9) < pace.share(0.0) == 1.0 == pace.share(1e9)


def test_a_network_trained_elsewhere_is_timed_before_the_first_fit(tmp_path):
    model = text_models.save(text_models.bert, tmp_path / "bert")
    texts = load([f"near {n}" for n in range(60)], labels=["a", "b"] * 30)
    encoder = make(f"pretrained({str(model)!r})")
    pace = Pace(encoder, set_task(texts, Protocol(k=1)), encoder.schedule)
    assert pace.seconds([Step(20, 0, Way("all"))]) > 0


def test_ctrl_c_keeps_what_is_done(digits):
    def stop_at(way):
        def progress(share, words):
            if f": {way}, about" in words:
                raise KeyboardInterrupt

        return progress

    found = briefly(digits, SPEC, labelled=[50], seeds=2, progress=stop_at(WAYS[6]))
    assert found.interrupted
    assert [row.way for row in found.rows] == WAYS[:6]
    assert found.rows[3].difference is not None
    assert "Interrupted" in found.notes[-1]
    with pytest.raises(KeyboardInterrupt):  # nothing is done yet
        briefly(digits, SPEC, labelled=[50], seeds=2, progress=stop_at(WAYS[0]))


WRONG = [
    ("simclr", {"labelled": [5]}, "10 classes .* at least 10, got 5"),
    ("simclr", {"labelled": []}, "at least 10, got none"),
    ("simclr", {"labelled": [10_000]}, "450 training items; .* got 10,000"),
    ("simclr", {"seeds": 0}, "seeds= of at least 1"),
    ("cnn", {}, "'cnn' learns from labels"),
    ("pca | mlp", {}, "learns from labels"),
    ("simcrl", {}, "Did you mean 'simclr'?"),
    ("simclr(dim=0)", {}, "'dim' parameter of SimCLR must be"),
    (7, {}, "An encoder is a spec, .*; got int"),
]


@pytest.mark.parametrize(("encoder", "settings", "told"), WRONG, ids=lambda v: str(v)[:20])
def test_mistakes_are_told_in_a_sentence(digits, encoder, settings, told):
    with pytest.raises(NearspaceError, match=told):
        briefly(digits, encoder, **settings)


def test_labels_have_to_be_there_and_differ(digits):
    with pytest.raises(NearspaceError, match="has no labels"):
        briefly(dataclasses.replace(digits, target=None), "pca")
    with pytest.raises(NearspaceError, match="all labels are the same"):
        briefly(dataclasses.replace(digits, target=np.zeros(len(digits))), "pca")


def test_rare_classes_get_a_label():
    random = np.random.default_rng(0)
    labels = np.repeat(["a", "b", "rare"], [100, 96, 4])
    items = (random.normal(size=(200, 3)) + (labels == "b")[:, None]).astype(np.float32)
    dataset = Dataset(items, SAMPLES["wine"]().kind.infer(items), target=labels)
    found = briefly(dataset, "raw", labelled=[3, 20], seeds=2)
    assert [row.labels for row in found.rows] == [3, 20]


def test_labelled_items_are_nested_and_stratified():
    classes = np.repeat([0, 1, 2], [500, 300, 4])
    long = draw_labelled(classes, 200, np.random.default_rng(3))
    short = draw_labelled(classes, 40, np.random.default_rng(3))
    np.testing.assert_array_equal(long[:40], short)
    assert len(np.unique(long)) == 200
    assert np.bincount(classes[long]).tolist() in ([124, 75, 1], [125, 74, 1], [124, 74, 2])


def test_only_the_named_part_is_trained(digits):
    encoder = make(SPEC).fit(digits.items)
    before = {name: value.clone() for name, value in encoder.nets_.state_dict().items()}
    items, classes = digits.items[:40], digits.target.values[:40].astype(int)
    moved = {}
    for part in ("last", "all"):
        nets = finetune(encoder, items, Classes(classes), Way(part), 1e-3, 0, SHORT)
        moved[part] = {
            name.split(".")[1]
            for name, value in nets.state_dict().items()
            if name in before and not torch.equal(value, before[name])
        }
        assert "head" not in nets  # the projection head of pretraining is left off
    assert moved == {"last": {"fc1", "embedding"}, "all": {"conv1", "conv2", "fc1", "embedding"}}
    assert last_part(encoder) == ["encoder.fc1", "encoder.embedding"]
    for name, value in encoder.nets_.state_dict().items():
        assert torch.equal(value, before[name]), "the encoder itself must not move"


@pytest.mark.parametrize("part", ["scratch", "last", "all"])
def test_the_linear_path_of_an_autoencoder_stays_as_it_is(digits, part):
    encoder = make("autoencoder(dim=8, epochs=1)").fit(digits.items[:100])
    items, classes = digits.items[:40], digits.target.values[:40].astype(int)
    state = finetune(encoder, items, Classes(classes), Way(part), 1e-3, 0, SHORT).state_dict()
    before = encoder.nets_.state_dict()
    moved = {
        name.split(".")[-3] if "fc" in name else name.split(".")[-2]
        for name, value in state.items()
        if name in before and not torch.equal(value, before[name])
    }
    first = {"last": set(), "all": {"fc1", "fc2"}, "scratch": {"fc1", "fc2", "linear"}}
    assert moved == {"fc3", "latent"} | first[part]
    if part == "scratch":
        assert not state["encoder.linear.weight"].any()


def test_a_pretrained_model_is_held_against_its_frozen_vectors(tmp_path):
    model = text_models.save(text_models.bert, tmp_path / "bert")
    sentences = load("sentences")
    schedule = Schedule(fewest_steps=4, passes=1, rates=(1e-3,))
    spec = f"pretrained('{model}')"
    board = transfer(sentences, spec, beside=["bow"], labelled=[20], seeds=2, schedule=schedule)
    assert [row.way for row in board.rows] == [
        "linear head on tfidf", "linear head on bow", "linear head", "last part fine-tuned",
        "all fine-tuned", "last part fine-tuned on pairs",
    ]  # fmt: skip
    assert [row.difference is None for row in board.rows] == [True] * 3 + [False] * 3
    frozen = board.rows[2].score
    for row in board.rows[3:]:
        assert row.difference.value == pytest.approx(row.score.value - frozen.value)
    assert "fine-tuning" in board.verdicts[0]
    assert "the linear head on frozen vectors" in board.verdicts[0]
    assert board.protocol["last part"] == [f"model.encoder.layer.{at}" for at in (1, 2)]


def test_the_arithmetic_of_the_encoder_is_that_of_its_fine_tuning(digits, monkeypatch):
    asked, trained = [], training.train

    def train(*args, **given):
        asked.append(given["precision"])
        return trained(*args, **given)

    monkeypatch.setattr(training, "train", train)
    encoder = make("simclr(dim=8, epochs=1, precision='bf16-mixed')").fit(digits.items[:60])
    items, classes = digits.items[:40], digits.target.values[:40].astype(int)
    finetune(encoder, items, Classes(classes), Way("last"), 1e-3, 0, SHORT)
    assert asked == ["bf16-mixed"]
