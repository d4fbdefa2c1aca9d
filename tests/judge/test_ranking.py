"""No interaction that is held back is in the reach of any encoder, however it is held back."""

import json

import numpy as np
import pandas as pd
import pytest

from nearspace.data import SAMPLES
from nearspace.data.graph_reading import load_interactions
from nearspace.data.readers.files import read_frame
from nearspace.encoders.handmade.recommenders import ItemKNN, Popularity
from nearspace.encoders.spec import make
from nearspace.errors import NearspaceError
from nearspace.judge.protocol import HOLD_OUT, Protocol
from nearspace.judge.studies.compare import compare
from nearspace.judge.tasks import set_task
from nearspace.judge.tasks.links import split_edges
from nearspace.report.page import render


@pytest.fixture(scope="module")
def readers():
    return SAMPLES["readers"]()


class Spy(ItemKNN):
    """Notes every interaction that it is ever shown."""

    seen: set = set()  # noqa: RUF012

    def _note(self, items):
        self.seen.update(map(tuple, items.edges.ends.tolist()))

    def _fit(self, items, y):
        self._note(items)
        super()._fit(items, y)

    def _transform(self, items):
        self._note(items)
        return super()._transform(items)


@pytest.mark.parametrize("how", HOLD_OUT)
def test_held_out_interactions_are_out_of_the_reach_of_every_encoder(readers, how):
    Spy.seen.clear()
    task = set_task(readers, Protocol(test_size=0.2, hold_out=how))
    board = compare(task, encoders=[Spy()])
    assert not board.failures
    nodes = readers.items
    held = {(int(task.users[user]), nodes.users + item) for user, item in task.links.tolist()}
    everything = {*map(tuple, nodes.edges.ends.tolist())}
    assert held <= everything
    assert 0.17 < len(held) / len(everything) < 0.23
    assert Spy.seen == everything - held


@pytest.mark.parametrize("how", HOLD_OUT)
def test_with_held_out_interactions_left_in_the_same_encoder_would_be_flattered(readers, how):
    task = set_task(readers, Protocol(test_size=0.2, hold_out=how))
    recall = next(score for score in task.scores if score.name == "user_recall_20")
    honest = task.evidence(ItemKNN().fit_on(task.train))
    leaked = task.evidence(ItemKNN().fit_on(readers))
    object.__setattr__(leaked, "test", ItemKNN().fit_on(readers).transform(readers.items))
    assert np.nanmean(recall.measure(leaked)) > np.nanmean(recall.measure(honest)) + 0.05


def test_one_date_holds_for_everyone_where_there_is_a_time(readers):
    task = set_task(readers, Protocol())
    assert task.held_out == "date"
    rest, held = split_edges(readers.items.edges, 0.25, 0, "date")
    assert rest.time.max() < held.time.min()
    assert len(task.train.items.edges) == len(rest)
    dateless = load_interactions(readers.items.edges.ends)
    assert set_task(dateless, Protocol()).held_out == "random"
    with pytest.raises(NearspaceError, match="name its column"):
        set_task(dateless, Protocol(hold_out="date"))
    told = " ".join(set_task(readers, Protocol(hold_out="random")).notes)
    assert "higher than they would be from one date on" in told


def test_that_some_were_asked_for_and_all_take_part_is_told(readers):
    for data, task in ((readers, "ranking"), (SAMPLES["articles"](), "links")):
        told = set_task(data.take(np.arange(50)), Protocol(), task).notes
        assert any("50 were asked for, and all take part" in note for note in told)
        assert not any("take part" in note for note in set_task(data, Protocol(), task).notes)


@pytest.mark.parametrize("how", ["date", "user"])
def test_in_whatever_order_the_rows_stand_the_same_is_held_back(readers, how):
    nodes = readers.items
    frame = pd.DataFrame(nodes.edges.ends - [0, nodes.users], columns=["who", "what"])
    frame["day"] = nodes.edges.time + np.arange(len(frame)) / len(frame)  # no two at once
    held = []
    for rows in (frame, frame[::-1], frame.sample(frac=1, random_state=3)):
        task = set_task(load_interactions(rows, time="day"), Protocol(hold_out=how))
        held.append(task.links.tolist())
        assert task.users.tolist() == np.unique(task.users).tolist()
    assert sorted(held[0]) == sorted(held[1]) == sorted(held[2])


def test_of_each_user_the_latest_are_held_back_and_something_stays(readers):
    edges = readers.items.edges
    rest, held = split_edges(edges, 0.25, 0, "user")
    for user in range(readers.items.users):
        stays, goes = (part.time[part.ends[:, 0] == user] for part in (rest, held))
        n = len(stays) + len(goes)
        assert len(goes) == min(np.floor(0.25 * n + 0.5), n - 1)
        assert not len(goes) or stays.max() <= goes.min()


def test_new_users_and_new_items_are_groups_of_their_own():
    pairs = [(user, item, 0) for user in range(12) for item in range(6) if (user + item) % 3]
    pairs += [("new", item, 1) for item in range(5)]  # who had nothing before
    pairs += [(user, "later", 1) for user in range(9)]  # which nobody had before
    data = load_interactions(pd.DataFrame(pairs, columns=["who", "what", "when"]), time="when")
    task = set_task(data, Protocol(test_size=14 / len(pairs)))
    names = data.ids[task.users].tolist()
    assert [names[at] for at in np.flatnonzero(~task.has_history)] == ["user-new"]
    assert task.is_new_item.sum() == 9
    told = " ".join(task.notes)
    assert "1 of 10 users that test have nothing before" in told
    assert "9 of 14 interactions that test are with items that nobody had before" in told
    evidence = task.evidence(Popularity().fit_on(task.train))
    scores = {score.name: score.measure(evidence) for score in task.scores}
    new = names.index("user-new")
    assert np.isnan(scores["user_recall_20"]).tolist() == [at == new for at in range(10)]
    assert np.isnan(scores["new_users"]).tolist() == [at != new for at in range(10)]
    assert np.isnan(scores["new_items"]).tolist() == [at == new for at in range(10)]
    assert scores["new_users"][new] == 1  # of six items all are among the first 20
    np.testing.assert_allclose(scores["new_items"][: new - 1], 1)  # of one new item it is the first


def test_scores_are_those_of_a_loop(readers):
    task = set_task(readers, Protocol(hold_out="random"))
    encoder = ItemKNN().fit_on(task.train)
    evidence = task.evidence(encoder)
    scores = {score.name: score.measure(evidence) for score in task.scores}
    nodes = task.train.items
    vectors = encoder.transform(nodes).toarray().astype(float)
    alike = np.round(vectors[: nodes.users] @ vectors[nodes.users :].T, 9)
    first, popular = set(), 0
    counts = np.bincount(nodes.interactions.indices, minlength=200)
    for at, user in enumerate(task.users.tolist()):
        had = nodes.interactions[[user]].indices
        free = np.setdiff1d(np.arange(200), had)
        later = task.links[task.links[:, 0] == at, 1]
        hits, top = 0.0, set()
        for item in later:
            before = (alike[user, free] > alike[user, item]).sum()
            equal = (alike[user, free] == alike[user, item]).sum()
            hits += np.clip((20 - before) / equal, 0, 1)
        order = free[np.lexsort([np.argsort(task.drawn)[free], -alike[user, free]])][:20]
        top.update(order.tolist())
        if len(had):
            first |= top
            popular += len(top & {*np.argsort(-counts, kind="stable")[:2].tolist()})
            assert scores["user_recall_20"][at] == pytest.approx(hits / len(later))
    assert scores["coverage"] == len(first) / 200
    assert scores["popular_20"] == pytest.approx(popular / (20 * task.has_history.sum()))


def test_a_board_shows_what_users_get_beside_what_they_would_get_by_popularity(readers):
    board = compare(readers, encoders=["ease"])
    assert {row.spec for row in board.results} == {
        "ease", "popularity", "itemknn", "propagated", "chance",
    }  # fmt: skip
    told = board.recommendations
    assert told.spec == board.best().spec
    assert 0 < len(told.users) <= 8
    ids = [str(name) for name in told.items.items.names[told.items.items.rows]]
    assert all(name.startswith("item-") for name in ids)
    for user in told.users:
        assert not {*user.got} & {*user.had}
        assert not {*user.popular} & {*user.had}
        assert {*user.later} <= user.hits
    page = render(board)
    assert "What users get" in page
    assert "by popularity" in page
    assert any("these are the 1 % that most users have: popularity" in n for n in board.notes)
    assert json.loads(board.to_json())["protocol"]["split"].startswith("the latest 25%")


def test_what_no_users_allow_is_one_sentence(readers):
    with pytest.raises(NearspaceError, match="has no users: name the file that holds what each"):
        set_task(SAMPLES["articles"](), Protocol(), "ranking")
    with pytest.raises(NearspaceError, match="has users and items, which are judged by"):
        set_task(readers, Protocol(), "links")
    few = load_interactions([(1, "a"), (2, "a"), (2, "b")])
    with pytest.raises(NearspaceError, match="at least 10 interactions to be judged on"):
        set_task(few, Protocol())
    with pytest.raises(NearspaceError, match="hold_out= cannot be 'dates'"):
        set_task(readers, Protocol(hold_out="dates"))
    with pytest.raises(NearspaceError, match="no meaning for links; there it is date or random"):
        set_task(SAMPLES["articles"](), Protocol(hold_out="user"), "links")
    with pytest.raises(NearspaceError, match="hold_out='date' has no meaning for unlabelled"):
        set_task(SAMPLES["wine"](), Protocol(hold_out="date"), "unlabelled")
    with pytest.raises(NearspaceError, match="Cannot rank ranking by 'knn'"):
        set_task(readers, Protocol(rank_by="knn"))
    board = compare(readers, encoders=["mfcc"])
    assert ["MFCC takes sounds; got texts" in row.error for row in board.failures] == [True]


def test_texts_are_judged_beside_others_by_what_users_have(readers):
    board = compare(readers, encoders=["tfidf"])
    assert not board.failures
    scores = {row.spec: row.scores["user_recall_20"].value for row in board.results}
    assert scores["propagated(tfidf)"] > scores["chance"] + 0.05


@pytest.mark.data
def test_films_are_found_as_elsewhere(public_data):
    """Recall@20 of a fifth held back, beside what was measured elsewhere on one split."""
    ratings, _ = read_frame(public_data / "movietweetings-100k" / "ratings.dat.gz")
    names = ["column 0", "column 1"]
    while True:
        often = [ratings[name].map(ratings[name].value_counts()) >= 5 for name in names]
        if (often[0] & often[1]).all():
            break
        ratings = ratings[often[0] & often[1]]
    data = load_interactions(ratings, time="column 3")
    assert data.notes == ("4,333 users, 2,414 items and 68,055 interactions.",)
    task = set_task(data, Protocol(test_size=0.2, hold_out="random"))
    recall = next(score for score in task.scores if score.name == "user_recall_20")
    for spec, elsewhere in (
        ("popularity", 0.254), ("itemknn", 0.298), ("ease(regularization=300)", 0.310),
        ("als(regularization=0.025)", 0.303),
    ):  # fmt: skip
        told = np.nanmean(recall.measure(task.evidence(make(spec).fit_on(task.train))))
        assert elsewhere - 0.01 < told < elsewhere + 0.02, spec
