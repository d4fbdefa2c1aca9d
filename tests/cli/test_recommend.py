"""Users and items at the command line: what is read, recommended and refused."""

import csv
import json

import numpy as np
import pytest

from nearspace.data import SAMPLES


@pytest.fixture
def files(command):
    """Write the sample readers as a table of articles and one of who read what."""
    nodes = SAMPLES["readers"]().items
    rows = [f'a{at:03},"{text}"' for at, text in enumerate(nodes.attributes)]
    (command.folder / "articles.csv").write_text("\n".join(["name,text", *rows]))
    pairs = zip(nodes.edges.ends.tolist(), nodes.edges.time.tolist(), strict=True)
    rows = [f"{user},a{item - nodes.users:03},{day},1.5" for (user, item), day in pairs]
    (command.folder / "read.csv").write_text("\n".join(["who,what,day,much", *rows]))
    return command


READ = ("articles.csv", "--ids", "name", "--column", "text", "--interactions", "read.csv")


def test_users_are_judged_by_what_they_have_from_one_date_on(files):
    dated = (*READ, "--edge-time", "day", "--weights", "much")
    done = files("compare", *dated, "--with", "als,tfidf", "-o", "board.json")
    assert done.returncode == 0, done.stderr
    assert "240 users, 200 items and 3,515 interactions." in done.stderr
    assert "recall@20" in done.stdout
    board = json.loads((files.folder / "board.json").read_text())
    assert board["protocol"]["task"] == "ranking"
    assert board["protocol"]["split"].startswith("the latest 25% of interactions test, by one date")
    scores = {row["spec"]: row["scores"] for row in board["rows"] if "scores" in row}
    assert {"popularity", "itemknn", "propagated", "propagated(tfidf)", "als"} <= scores.keys()
    assert 0 < scores["als"]["coverage"]["value"] <= 1
    done = files("compare", *dated, "--with", "als", "--hold-out", "user", "-o", "board.json")
    assert done.returncode == 0, done.stderr
    assert "--hold-out date" in " ".join(done.stdout.split())


def test_a_user_is_recommended_what_the_user_has_not_and_told_why(files):
    done = files("embed", *READ, "--with", "als(dim=8)", "-o", "a.space")
    assert done.returncode == 0, done.stderr
    done = files("recommend", "a.space", "17", "user-3", "-k", "4")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("for ") >= 2
    assert "because of" in done.stdout
    done = files("recommend", "a.space", "17", "--json")
    (told,) = json.loads(done.stdout)
    nodes = SAMPLES["readers"]().items
    had = {f"item-a{at - nodes.users:03}" for at in nodes.neighbours(17).tolist()}
    assert len(told["items"]) == 10
    assert not had & {row["id"] for row in told["items"]}
    assert all(row["because"] and had >= {*row["because"]} for row in told["items"])
    assert set(told["items"][0]) == {"rank", "score", "id", "degree", "text", "because"}
    done = files("recommend", "a.space", "17", "--where", "degree>20", "-o", "next.csv")
    assert done.returncode == 0, done.stderr
    rows = list(csv.DictReader((files.folder / "next.csv").read_text().splitlines()))
    assert all(int(row["degree"]) > 20 for row in rows)
    liked = [f"--likes={name.removeprefix('item-')}" for name in sorted(had)]
    done = files("recommend", "a.space", *liked, "--json")
    (new,) = json.loads(done.stdout)
    assert [row["id"] for row in new["items"]] == [row["id"] for row in told["items"]]


def test_what_is_like_an_item_is_found_among_items(files):
    files("embed", "readers", "--with", "als(dim=16)", "-o", "a.space")
    args = ("--id", "item-003", "--exclude-self", "--metric", "cosine", "--where", "sort=item")
    done = files("search", "a.space", *args, "-k", "5", "--json")
    assert done.returncode == 0, done.stderr
    (told,) = json.loads(done.stdout)
    assert {row["sort"] for row in told["neighbours"]} == {"item"}


def test_why_is_shown_however_many_columns_items_have(files):
    rows = [f"a{at:03},{at},{at % 7},{at % 3},{at % 5},{at % 2}" for at in range(200)]
    (files.folder / "goods.csv").write_text("\n".join(["name,a,b,c,d,e", *rows]))
    read = ("goods.csv", "--ids", "name", "--interactions", "read.csv")
    done = files("embed", *read, "--with", "puresvd", "-o", "g.space")
    assert done.returncode == 0, done.stderr
    done = files("recommend", "g.space", "17", "-k", "2")
    assert done.returncode == 0, done.stderr
    assert "because of" in done.stdout.splitlines()[1]


def test_users_who_come_later_are_added_to_a_space(files):
    files("embed", *READ, "--with", "ease", "-o", "a.space")
    with (files.folder / "read.csv").open("a") as file:
        file.write("\nnew,a003,300,1\nnew,a007,300,1")
    done = files("add", "articles.csv", "--to", "a.space", *READ[1:])
    assert done.returncode == 2
    assert "would replace others" in done.stderr
    done = files("add", "articles.csv", "--to", "a.space", *READ[1:], "--replace")
    assert done.returncode == 0, done.stderr
    assert "1 new" in done.stdout
    done = files("recommend", "a.space", "new", "--json")
    assert done.returncode == 0, done.stderr
    done = files("add", "articles.csv", "--to", "a.space", "--ids", "name", "--column", "text")
    assert done.returncode == 2
    assert "holds their interactions (--interactions)" in " ".join(done.stderr.split())


def test_a_list_of_interactions_alone_is_read(files):
    done = files(
        "embed", "read.csv", "--kind", "interactions", "--with", "puresvd", "-o", "b.space"
    )
    assert done.returncode == 0, done.stderr
    read = len(np.unique(SAMPLES["readers"]().items.edges.ends[:, 1]))
    assert f"240 users, {read} items" in done.stderr
    done = files("recommend", "b.space", "17", "-k", "2")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("item-a") >= 2


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("compare", "wine", "--interactions", "none.csv"), "none.csv cannot be read"),
        (("compare", *READ, "--edges", "read.csv"), "--edges has no meaning beside --interactions"),
        (("compare", *READ, "--directed"), "--directed has no meaning beside --interactions"),
        (("compare", *READ, "--test", "read.csv"), "beside --interactions, of which some are held"),
        (("compare", *READ, "--hold-out", "dat"), "--hold-out cannot be 'dat'. Did you mean"),
        (("compare", *READ, "--hold-out", "date"), "name its column"),
        (("compare", *READ, "--ends", "who,waht"), "Did you mean 'what'"),
        (("compare", *READ, "--edge-time", "dya"), "Did you mean 'day'"),
        (("compare", *READ, "--task", "links"), "judged by what users have later"),
        (("compare", *READ, "--folds", "3"), "--folds has no meaning for ranking"),
        (("compare", "wine", "--hold-out", "user"), "has no meaning for classes"),
        (("compare", "wine", "--task", "ranking"), "load_interactions(interactions, items), --int"),
        (("embed", "readers", "--with", "tfidf", "-o", "c.space"), "propagated(tfidf) takes what"),
        (("embed", "wine", "--with", "als", "-o", "c.space"), "als takes users and items"),
        (("recommend", "w.space", "17"), "expected a space of users and items, got one of vectors"),
        (("recommend", "r.space", "0177"), "There is no user '0177'. Did you mean"),
        (("recommend", "r.space", "--likes", "x"), "There is no item 'x'."),
        (("recommend", "r.space"), "name users, or what somebody has by --likes"),
        (("recommend", "r.space", "017", "--like", "003"), "Did you mean '--likes'"),
    ],
)  # fmt: skip
def test_what_is_mistyped_is_told_in_a_sentence(files, arguments, told):
    from nearspace.space.formats import save
    from nearspace.space.space import embed

    if arguments[0] == "recommend":
        save(embed(SAMPLES["wine"](), "raw"), files.folder / "w.space")
        save(embed(SAMPLES["readers"](), "popularity"), files.folder / "r.space")
    done = files(*arguments)
    assert done.returncode == 2, done.stdout
    assert told in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
