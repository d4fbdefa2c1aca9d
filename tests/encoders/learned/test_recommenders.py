"""BPR and the two towers: their losses against loops, and items of which only words are known."""

import numpy as np
import pytest
import torch
from scipy import sparse

from nearspace.data import SAMPLES, load
from nearspace.data.coupled import rows_waiting
from nearspace.data.graph_reading import load_interactions
from nearspace.encoders.learned import recommenders
from nearspace.encoders.learned.recommenders import TwoTower
from nearspace.encoders.spec import make
from nearspace.judge.protocol import Protocol
from nearspace.judge.tasks import set_task

pytestmark = pytest.mark.trains


def test_the_loss_of_the_towers_is_that_of_a_loop():
    rng = np.random.default_rng(0)
    cells = sparse.csr_array((rng.random((6, 9)) < 0.5).astype(np.float32))
    said = rng.normal(size=(9, 3)).astype(np.float32)
    tower = TwoTower(dim=4, dropout=0.4, mask_ratio=0.5)
    nets = tower._build(9, said)
    batch = rows_waiting(cells)[:]
    term = tower._losses(rows_waiting(said), nets, batch, None, torch.Generator().manual_seed(5))
    generator = torch.Generator().manual_seed(5)
    tables = {}
    for name in ("items", "inputs"):
        left = torch.rand((9, 1), generator=generator).numpy() >= 0.4
        own = nets[f"own {name}"].weight.detach().numpy()
        tables[name] = own * left + said @ nets[f"{name} of said"].weight.detach().numpy()
    shown = torch.rand(cells.nnz, generator=generator).numpy() >= 0.5
    losses, at = [], 0
    for user in range(6):
        items = cells.indices[cells.indptr[user] : cells.indptr[user + 1]]
        seen = shown[at : at + len(items)]
        at += len(items)
        vector = tables["inputs"][items[seen]].sum(axis=0) / np.sqrt(max(1, seen.sum()))
        logits = tables["items"][:, :-1] @ vector + tables["items"][:, -1]
        logits[items[seen]] = -np.inf  # which the user is not to find
        likely = np.exp(logits) / np.exp(logits).sum()
        losses += [-np.log(likely[item]) for item in items[~seen]]
    assert float(term["hidden"].detach()) == pytest.approx(np.mean(losses), rel=1e-4)


def test_bpr_puts_what_users_have_before_what_they_have_not():
    data = SAMPLES["readers"]()
    nodes = data.items
    encoder = make("bpr(dim=16, epochs=60, penalty=0)").fit_on(data)
    vectors = encoder.transform(nodes)
    scores = vectors[: nodes.users] @ vectors[nodes.users :].T
    has = nodes.interactions.toarray() > 0
    better = [
        (scores[user][own][:, None] > scores[user][~own]).mean() for user, own in enumerate(has)
    ]
    assert np.mean(better) > 0.95
    popular = np.log1p(nodes.interactions.sum(axis=0))
    there = popular > 0
    assert np.corrcoef(vectors[nodes.users :, -1][there], popular[there])[0, 1] > 0.5
    assert (vectors[: nodes.users, -1] == 1).all()
    assert not vectors[nodes.users :][~there].any()  # of what nobody has nothing was learnt


def test_what_is_said_of_an_item_that_nobody_had_leads_to_those_who_have_such_items():
    rng = np.random.default_rng(0)
    words = {"cat": "a cat with whiskers and a tail", "car": "a car with wheels and an engine"}
    texts = [words[("cat", "car")[at % 2]] for at in range(40)]
    ids = [f"{('cat', 'car')[at % 2]}{at}" for at in range(40)]
    pairs = [
        (user, ids[item])
        for user in range(80)
        for item in range(36)
        if item % 2 == user % 2 and rng.random() < 0.4
    ]
    data = load_interactions(pairs, load(texts, ids=ids))
    nodes = data.items
    encoder = make("two_tower(tfidf, dim=8)").fit_on(data)
    vectors = encoder.transform(nodes)
    scores = vectors[:80] @ vectors[80:].T
    for new in range(36, 40):  # nobody has these
        mine = scores[new % 2 :: 2, new].mean()
        assert mine > scores[1 - new % 2 :: 2, new].mean() + 0.5
    plain = load_interactions(pairs)
    vectors = make("two_tower(dim=8)").fit_on(plain).transform(plain.items)
    assert vectors.shape == (len(plain), 9)


def test_of_many_items_some_are_drawn_and_the_loss_is_that_of_all_on_average(monkeypatch):
    rng = np.random.default_rng(0)
    cells = sparse.csr_array((rng.random((20, 300)) < 0.03).astype(np.float32))
    tower = TwoTower(dim=4, mask_ratio=0.5)
    nets = tower._build(300, None)
    batch = rows_waiting(cells)[:]

    def loss(seed):
        generator = torch.Generator().manual_seed(seed)
        term = tower._losses(None, nets, batch, None, generator)["hidden"]
        return float(term.detach())

    whole = np.mean([loss(seed) for seed in range(50)])
    monkeypatch.setattr(recommenders, "MOST_ITEMS", 60)
    some = [loss(seed) for seed in range(200)]
    assert np.std(some) > 0
    assert np.mean(some) == pytest.approx(whole, abs=0.02)
    monkeypatch.setattr("math.log", lambda x: 0.0)  # without the correction it would be lower
    assert np.mean([loss(seed) for seed in range(200)]) < whole - 0.3


def test_drawn_items_teach_as_well_as_all(monkeypatch):
    task = set_task(SAMPLES["readers"](), Protocol(hold_out="random"))
    recall = next(score for score in task.scores if score.name == "user_recall_20")

    def told(spec):
        evidence = task.evidence(make(spec).fit_on(task.train))
        return np.nanmean(recall.measure(evidence))

    popularity = told("popularity")
    monkeypatch.setattr(recommenders, "MOST_ITEMS", 50)
    assert told("two_tower(dim=16)") > popularity + 0.05


def test_what_the_encoder_of_texts_has_to_say_is_passed_on():
    data = SAMPLES["readers"]()
    encoder = make("two_tower(tfidf | svd(dim=9000), dim=2, epochs=1)").fit_on(data)
    assert encoder.notes == encoder.encoder_.notes
    assert "9000" in encoder.notes[0].replace(",", "")
    assert [part.spec for part in encoder.parts[:2]] == [encoder.spec, "tfidf | svd(dim=9000)"]
    encoder.check_whole()
    encoder.maps_ = {**encoder.maps_, "items": encoder.maps_["items"][:3]}
    with pytest.raises(ValueError, match="its map takes others"):
        encoder.check_whole()
