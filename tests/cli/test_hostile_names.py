"""No name, whatever stands in it, says anything to a terminal, in any command."""

import csv
import dataclasses
import json
import os
import re
import subprocess
import sys
import unicodedata

import numpy as np
import pytest
from PIL import Image
from tests.sketches import sketches

from nearspace import load, open_space, save
from nearspace.cli.app import app

TITLE, CLIPBOARD, COLOUR = "\x1b]0;owned\x07", "\x1b]52;c;b3du\x1b\\", "\x1b[38;5;201m"
HOSTILE = {
    "title": TITLE,
    "clipboard": CLIPBOARD,
    "link": "\x1b]8;;http:e.example\x1b\\here",
    "colour": COLOUR,
    "cursor": "\x1b[2J\x1b[1;1H\x1b[1A\x1b[2K",
    "device": "\x1bP+q544e\x1b\\\x1bc",
    "c1": "\x9b31m\x9d0;owned\x9c\x90q\x9c\x85",
    "c0": "\x01\x07\x08\x0b\x0c\x7f",
    "return": "a\rnearspace: all is well",
    "line": "a\nnearspace: all is well",
    "lines": "a\u2028b\u2029c\x1cd",
    "bidi": "a\u202egnp.\u2066\u2069\u200e\u200f\u061c",
    "unseen": "a\u200bb\u2060\ufeff\xad\u3164\u200d\U000e0041\ufe0f",
    "marks": "e" + "\u0301" * 40,
    "markup": "[red]a[/] [/] [link=x]",
    "emoji": ":smile: :warning:",
    "formula": "=cmd|' C'!A0",
    "tab": "\ta",
    "blank": " a ",
    "wide": "日本語 한국어 👩\u200d🚀",
}
LAWFUL = "日本語 한국어 👩\u200d🚀"
READ = ("--ids", "key", "--labels", "class")
# What rich itself writes to a terminal: colours, and how it redraws bars.
OF_RICH = re.compile(r"\x1b\[[0-9;]*m|\x1b\[\?25[lh]|\x1b\[[12]?[AK]|\r")


def dangerous(sign):
    return sign != "\n" and unicodedata.category(sign) in ("Cc", "Cf", "Cs", "Zl", "Zp")


def check_harmless(text, terminal=False):
    """Fail if text commands a terminal, hides, turns lines round, or fakes a line."""
    if terminal:
        assert COLOUR not in text
        text = OF_RICH.sub("", text)
    text = text.replace(LAWFUL, "").replace("👩\u200d🚀", "")
    assert not {sign for sign in text if dangerous(sign)}, text
    assert not re.search("\u0301{9}|[\ufe00-\ufe0f\u3164]", text), text
    assert not re.search("^nearspace: all is well", text, re.MULTILINE), text


def file_name(text):
    return text.replace("/", "").replace("\0", "")[:60]


class World:
    """Files whose names, columns, labels, ids and texts are hostile."""

    def __init__(self, folder, command, names):
        self.folder, self.command, self.names, self.asked = folder, command, names, ["".join(names)]
        self.stem = file_name(self.asked[0])
        rng = np.random.default_rng(0)
        self.ids = [f"{names[i % len(names)]}{i}" for i in range(max(24, len(names)))]
        self.columns = [f"{name} {at}" for at, name in enumerate(names)]
        self.labels = [f"{names[-1]}a", f"{names[0]}b"]
        with open(folder / self.path("csv"), "w", newline="", encoding="utf-8") as file:
            rows = csv.writer(file)
            rows.writerow(["key", "class", "words", "size", *self.columns])
            for at, name in enumerate(self.ids):
                text = f"{names[at % len(names)]} word{at % 5} again"
                values = [f"{value:.3f}" for value in rng.normal(at % 2, 1, 1 + len(self.columns))]
                rows.writerow([name, self.labels[at % 2], text, *values])
        self.pictures = []
        for at in range(max(16, len(names))):
            label = "b" if at % 2 else f"{file_name(names[0])}a"
            (folder / "pictures" / label).mkdir(parents=True, exist_ok=True)
            self.pictures.append(f"{label}/{file_name(names[at % len(names)])}{at}.png")
            image = Image.fromarray(rng.integers(0, 255, (8, 8), np.uint8))
            image.save(folder / "pictures" / self.pictures[-1])
        table, texts = ("--with", "onehot | pca(dim=3)"), ("--with", "tfidf", "--column", "words")
        self.made = [
            command("embed", self.path("csv"), *READ, *table, "-o", self.path("space")),
            command("embed", self.path("csv"), *READ, *texts, "-o", "t.space"),
            command("embed", "pictures", "--with", "pca(dim=3)", "-o", "p.space"),
        ]

    def path(self, ending):
        return f"{self.stem}.{ending}"


def compare(w):
    yield "compare", w.path("csv"), "--labels", "class", "--ids", "key", "--with", "onehot"
    yield "compare", w.path("csv"), "--labels", "class", "--without", "absent"
    for name in w.asked:
        yield "compare", w.path("csv"), "--labels", name
        yield "compare", w.path("csv"), "--with", name
        yield "compare", name
        yield "compare", "digits", "--task", name
        yield "compare", "digits", f"--{name}", name
        yield "compare", "digits", f"--{name}=3"
        yield "compare", "digits", "--size", name
        yield name, "digits"


def embed(w):
    yield "embed", w.path("csv"), "--labels", "class", "--with", "onehot", "-o", w.path("npz")
    yield "embed", w.path("csv"), "--with", f"{w.stem}.space", "-o", "x.npz"
    (w.folder / w.path("txt")).write_bytes(b"\xff\xfe\x00")
    yield "embed", w.path("txt"), "--with", "tfidf", "-o", "x.npz"
    (w.folder / w.path("npy")).write_bytes(b"\x93NUMPY\x01\x00\x10\x00{'a': \x1b]0;x\x07}")
    yield "embed", w.path("npy"), "--with", "pca", "-o", "x.npz"
    for name in w.asked:
        yield "embed", w.path("csv"), "--with", f"pca(dim={name})", "-o", "x.npz"
        yield "embed", w.path("csv"), "--with", f"pca('{name}')", "-o", "x.npz"
        yield "embed", w.path("csv"), "--with", "pca", "-o", f"x.{file_name(name)}"


def words(w):
    learner = "skipgram(dim=4, epochs=1)"
    yield "words", w.path("csv"), "--column", "words", "--with", learner, "-o", "x.space"
    lines = "".join(f"{''.join(name.split())}{at} {at} 1\n" for at, name in enumerate(w.ids))
    (w.folder / w.path("vec")).write_text(lines, encoding="utf-8", errors="replace")
    yield "words", w.path("vec"), "-o", "y.space"
    yield "search", "y.space", "--where", "rank>0"
    (w.folder / w.path("vec")).write_text(lines + f"{w.asked[0]} 1\n", errors="replace")
    yield "words", w.path("vec"), "-o", "z.space"
    for name in w.asked:
        yield "words", w.path("csv"), "--with", name, "-o", "x.space"
        yield "words", name, "-o", "x.space"


def column(w):
    learner = "entity(epochs=1, hidden=(4,), dim=2)"
    read = w.path("csv"), "--labels", "class", "--with", learner, "-o"
    for name in w.asked:
        yield "column", w.path("csv"), name, *read[1:], "v.space"
    yield "column", w.path("csv"), "key", "--types", "key=category", *read[1:], "v.space"
    yield "search", "v.space", w.ids[0]
    yield "info", "v.space"


def add(w):
    yield "add", w.path("csv"), "--ids", "key", "--labels", "class", "--to", w.path("space")
    yield "add", w.path("csv"), "--to", f"{w.stem}x.space"
    for name in w.asked:
        yield "add", w.path("csv"), "--ids", name, "--to", w.path("space")


def info(w):
    yield "info", w.path("space")
    yield "info", "t.space"
    yield "info", "p.space"
    yield "info", w.path("csv")


def remove(w):
    yield "remove", "t.space", "--", *w.names
    yield "remove", w.path("space"), "--", w.ids[-1]
    for name in w.asked:
        yield "remove", w.path("space"), "--", name


def verify(w):
    yield "verify", w.path("space")
    (w.folder / f"{w.stem}d.space").write_bytes(b"SQLite format 3\0\x1b]0;x\x07")
    yield "verify", f"{w.stem}d.space"


def search(w):
    asked = [f"--id={name}" for name in w.ids[: len(w.names)]]
    yield "search", w.path("space"), *asked
    yield "search", w.path("space"), *asked, "-o", f"{w.stem}found.csv"
    yield "search", "t.space", "--", *w.names
    yield "search", "t.space", "--hybrid", "--", *w.names
    yield "search", "t.space", "--words", "--", *w.names
    yield "search", "p.space", f"pictures/{w.pictures[0]}", "--exclude-self"
    yield "search", w.path("space"), w.path("csv")
    for name in w.asked:
        yield "search", w.path("space"), f"--id={name}"
        yield "search", w.path("space"), f"--id={w.ids[0]}", "--where", f"{w.columns[-1]}>0"
        yield "search", w.path("space"), f"--id={w.ids[0]}", "--where", f"{name}~a"


def index(w):
    yield "index", w.path("space"), "--metric", w.names[0]
    yield "index", w.path("space")


def decode(w):
    yield "decode", "p.space", "--id", w.pictures[0], "-o", w.path("png")
    yield "decode", w.path("space"), "--id", w.names[0], "-o", w.path("npy")


def sample(w):
    yield "sample", "p.space", "-n", "4", "-o", w.path("png")
    for name in w.asked:
        yield "sample", "p.space", "--from", name, "-o", w.path("png")


def interpolate(w):
    yield "interpolate", "p.space", "-o", w.path("png"), "--", *w.pictures[:2]
    for name in w.asked:
        yield "interpolate", "p.space", "-o", w.path("png"), "--", name, w.pictures[0]


def analogy(w):
    yield "analogy", w.path("space"), "--", *w.ids[:3]
    yield "analogy", w.path("space"), "--", w.names[0], *w.ids[:2]


def diff(w):
    yield "diff", w.path("space"), "t.space", "-o", "d.csv"
    yield "diff", "t.space", w.path("space"), "-o", "d.json"
    yield "diff", "t.space", "p.space"


def export(w):
    yield "export", w.path("space"), "-o", w.path("parquet")
    yield "export", w.path("space"), "-o", f"x.{file_name(w.names[0])}"


def import_(w):
    yield "export", w.path("space"), "-o", w.path("parquet")
    yield "import", w.path("parquet"), "-o", "i.space"
    yield "import", w.path("parquet"), "-o", "j.space", "--made-by", w.names[0], "--force"
    yield "import", w.path("parquet"), "-o", "j.space", "--ids", w.names[0], "--force"


def pack(w):
    yield "pack", "pictures", "--with", "p.space", "-o", w.path("codes")
    yield "pack", w.names[0], "--with", "p.space", "-o", w.path("codes")


def unpack(w):
    yield "pack", "pictures", "--with", "p.space", "-o", w.path("codes")
    yield "unpack", w.path("codes"), "--with", "p.space", "-o", w.path("out")
    yield "unpack", w.path("csv"), "--with", "p.space", "-o", "out.npz"


def split(w):
    yield "split", "p.space"
    yield "split", w.path("csv")


def rates(w):
    yield "rates", "pictures", "--with", "pca(dim=2)", "-o", w.path("rates")
    yield "rates", "pictures", "--with", "pca(dim=2)", "--other", w.names[0]


def cache(w):
    for name in w.asked:
        yield "cache", "--cache", f"cache {name}"
        yield "cache", "--cache", f"cache {name}", "--clear"
        yield "cache", "--cache", w.path("csv"), "--clear"


def encoders(w):
    yield ("encoders",)
    yield "encoders", w.names[0]


def layers(w):
    network = ("--with", "mlp(epochs=1)")
    yield "layers", "pictures", *network, "--layer", "fc1", "-o", w.path("layers")
    yield "layers", "pictures", *network, "--layer", w.names[0]


def sinks(w):
    yield "sinks", w.path("csv"), "--with", f"pretrained({w.names[0]!r})"
    yield "sinks", w.names[0], "--with", "pretrained:./no-model", "-o", w.path("html")
    yield "sinks", w.path("csv"), "--with", "tfidf"


def map_(w):
    yield "map", w.path("space"), "-o", w.path("html")
    yield "map", "p.space", "-o", w.path("html")


def transfer(w):
    few = ("--with", "pca(dim=2)", "--labelled")
    yield "transfer", "pictures", *few, "4", "--seeds", "1"
    yield "transfer", w.path("csv"), *few, w.names[0]
    yield "transfer", w.path("csv"), "--labels", "class", *few, "4"


def re_embed(w):
    yield "re-embed", f"{w.stem}.space", "--with", "onehot", "-o", w.path("space")
    yield "re-embed", f"{w.stem}.space", "--with", "onehot", "-o", "anew.space"
    yield "re-embed", "t.space", "--with", w.path("space"), "-o", "x.space"
    yield "re-embed", "p.space", "--items", w.path("csv"), "--with", "raw", "-o", "x.space"
    yield "re-embed", "p.space", "--with", "raw", "-o", "x.space"
    for name in w.asked:
        yield "re-embed", "t.space", "--with", f"tfidf(analyzer='{name}')", "-o", "x.space"


def align(w):
    yield "align", "t.space", "--to", f"{w.stem}.space", "-o", "x.space"
    yield "align", "t.space", "--to", w.path("space"), "-o", "x.space"
    yield "align", w.path("space"), "--to", "t.space", "-o", w.path("csv")


def pair(w):
    yield "pair", w.path("txt"), w.path("csv"), "-o", "x.space"
    yield "pair", w.path("csv"), "--pairs", ",".join(w.asked[:2]), "-o", "x.space"
    yield "pair", "t.txt", w.path("nothing"), "-o", w.path("space")


def recommend(w):
    with (w.folder / "had.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["who", "what"])
        rows.writerows((w.ids[at % 5], name) for at, name in enumerate(w.ids))
        rows.writerows((w.ids[at % 3], w.ids[0]) for at in range(3))
    had = w.path("csv"), "--ids", "key", "--column", "words", "--interactions", "had.csv"
    yield "embed", *had, "--with", "popularity", "-o", "users.space"
    yield "compare", *had, "--with", "itemknn", "-o", "board.json"
    yield "recommend", "users.space", *w.ids[:3]
    yield "recommend", "users.space", f"--likes={w.ids[1]}", "-o", "next.csv"
    for name in w.asked:
        yield "recommend", "users.space", "--", name
        yield "recommend", "users.space", f"--likes={name}"
        yield "compare", w.path("csv"), "--interactions", "had.csv", f"--ends={name},what"
        yield "compare", *had, f"--hold-out={name}"


def mine(w):
    lines = "".join(f"{' '.join(name.split())}\n" for name in w.names)
    (w.folder / "names.md").write_bytes(lines.encode("utf-8", "replace"))
    (w.folder / "other.md").write_bytes(lines.upper().encode("utf-8", "replace"))
    made = "names.md", "other.md", "--kind", "text", "--with", "shared(tfidf(analyzer='char'))"
    yield "pair", *made, "-o", "two.space"
    yield "mine", "two.space", "names.md", "other.md", "-o", "mined.csv"
    yield "mine", "two.space", w.path("txt"), w.path("csv"), "-o", "x.csv"
    yield "mine", w.path("space"), "names.md", w.path("nothing"), "-o", "x.csv"
    held_out = ",".join(w.asked[:2])
    yield "mine", "two.space", "names.md", "names.md", "--held-out", held_out, "-o", "x.csv"


def imagine(w):
    space = sketches()
    ids = np.array([f"{w.names[at % len(w.names)]}{at}" for at in range(len(space))])
    save(dataclasses.replace(space, ids=ids), w.folder / "sketches.space")
    for name in w.asked:
        yield "imagine", "sketches.space", "-o", "strip.png", "--", name
    yield "imagine", w.path("space"), "one", "-o", w.path("png")


def zero_shot(w):
    space = sketches()
    save(space, w.folder / "sketches.space")
    names = {name: file_name(name) for name in w.names}
    for at, name in enumerate(names.values()):
        for n in range(8):
            (w.folder / "classes" / f"{at}{name}").mkdir(parents=True, exist_ok=True)
            image = Image.fromarray(np.full((8, 8), (at * 40 + n) % 255, np.uint8))
            image.save(w.folder / "classes" / f"{at}{name}" / f"{n}.png")
    yield "zero-shot", "classes", "--with", "sketches.space"
    yield "zero-shot", w.path("csv"), "--labels", "class", "--with", w.path("space")
    for name in w.asked:
        yield "zero-shot", "classes", "--with", "sketches.space", f"--prompt={name}"
        yield "zero-shot", "classes", "--with", name


ATTACKS = {
    "zero-shot": zero_shot,
    "pair": pair, "mine": mine, "imagine": imagine, "recommend": recommend,
    "re-embed": re_embed, "align": align,
    "compare": compare, "embed": embed, "words": words, "add": add, "info": info, "remove": remove,
    "verify": verify, "search": search, "index": index, "decode": decode, "sample": sample,
    "interpolate": interpolate, "analogy": analogy, "diff": diff, "export": export,
    "import": import_, "pack": pack, "unpack": unpack, "split": split, "rates": rates,
    "encoders": encoders, "cache": cache, "layers": layers, "map": map_, "transfer": transfer,
    "sinks": sinks, "column": column,
}  # fmt: skip


def test_every_command_is_attacked():
    import typer

    assert set(typer.main.get_command(app).commands) == set(ATTACKS)


ALL = list(HOSTILE.values())
QUICK = ("compare", "embed", "info", "search", "map")  # which show bars, and all sorts of names


def attack(world, commands, terminal):
    """Return how many commands were tried in a world, and what they did that they must not."""
    assert [done.returncode for done in world.made] == [0, 0, 0], world.made
    faults, tried = [], 0
    for name in commands:
        for arguments in ATTACKS[name](world):
            tried += 1
            try:
                done = world.command(*arguments, columns=(80, 150)[tried % 2])
                check_harmless(done.stdout + done.stderr, terminal)
            except Exception as error:  # a traceback is one of them
                faults.append(f"{arguments!r:.200}: {error!r:.2000}")
    return tried, faults


@pytest.mark.trains
@pytest.mark.parametrize(
    ("names", "terminal", "commands"),
    [pytest.param(ALL, False, ATTACKS, id="all"), pytest.param(ALL, True, QUICK, id="terminal")]
    + [
        pytest.param([text], terminal, ATTACKS, id=f"{name}-{terminal}", marks=pytest.mark.full)
        for name, text in HOSTILE.items()
        for terminal in (False, True)
    ],
)
def test_no_name_reaches_a_terminal_as_it_is(command, monkeypatch, names, terminal, commands):
    if terminal:
        monkeypatch.setenv("FORCE_COLOR", "1")
    tried, faults = attack(World(command.folder, command, names), commands, terminal)
    assert not faults, f"{len(faults)} faults in {tried} commands\n" + "\n".join(faults)


@pytest.fixture
def world(command):
    return World(command.folder, command, ALL)


def test_json_and_csv_have_the_exact_ids(world, command):
    asked = [f"--id={name}" for name in world.ids]
    done = command("search", world.path("space"), *asked, "-k", "1", "--json")
    check_harmless(done.stdout)
    answers = json.loads(done.stdout)
    assert [answer["query"] for answer in answers] == world.ids
    assert [answer["neighbours"][0]["id"] for answer in answers] == world.ids
    assert answers[0]["neighbours"][0]["label"] == world.labels[0]
    columns = open_space(world.path("space")).meta.column_names
    assert set(columns) <= set(answers[0]["neighbours"][0])
    done = command("search", world.path("space"), *asked, "-k", "1", "-o", "found.csv")
    with open("found.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["query"] for row in rows] == [row["id"] for row in rows] == world.ids
    assert "query, id, words), which a spreadsheet" in done.stderr.replace("\n", " ")
    assert load("found.csv", ids="query").ids.tolist() == world.ids
    command("export", world.path("space"), "-o", "e.parquet")
    command("import", "e.parquet", "-o", "again.space")
    first, again = open_space(world.path("space")), open_space("again.space")
    assert first.ids.tolist() == again.ids.tolist() == world.ids
    assert first.labels.tolist() == again.labels.tolist()
    assert first.meta.equals(again.meta)


def test_numbers_and_plain_text_are_no_formulas(command):
    lines = [f"a{at},{at - 3.5},{'no formula' if at else '-5'},{'xy'[at % 2]}" for at in range(12)]
    (command.folder / "t.csv").write_text("\n".join(["key,size,text,class", *lines]))
    command(
        "embed", "t.csv", "--ids", "key", "--labels", "class", "--with", "onehot", "-o", "t.space"
    )
    done = command("search", "t.space", "--id", "a0", "-k", "12", "-o", "found.csv")
    assert done.returncode == 0, done.stderr
    assert "formula" not in done.stderr


def test_answers_keep_columns_with_names_of_theirs(command):
    rows = [f"a{at},{at},{at / 2},who{at},{'xy'[at % 2]},{at % 5}" for at in range(12)]
    (command.folder / "t.csv").write_text("\n".join(["key,rank,score,query,class,rank_", *rows]))
    command(
        "embed", "t.csv", "--ids", "key", "--labels", "class", "--with", "onehot", "-o", "t.space"
    )
    done = command("search", "t.space", "--id", "a3", "-k", "12", "-o", "found.csv")
    told = done.stderr.replace("\n", " ")
    for name in ("rank", "score", "query"):
        assert f"The column '{name}' of the space is '{name}_' in the answers." in told
    with open("found.csv", newline="") as file:
        answers = {row["id"]: row for row in csv.DictReader(file)}
    assert {row["query"] for row in answers.values()} == {"a3"}
    row = answers["a4"]
    assert [float(row[name]) for name in ("rank_", "score_", "rank__")] == [4, 2, 4]
    assert row["query_"] == "who4"
    done = command("analogy", "t.space", "a1", "a2", "a3", "--json")
    assert "'rank_' in the answers" in done.stderr.replace("\n", " ")
    found = json.loads(done.stdout)[0]["neighbours"][0]
    assert found["score_"] == int(found["id"][1:]) / 2


@pytest.mark.skipif(sys.platform != "linux", reason="file names are bytes on Linux")
def test_file_names_that_are_no_text_are_read_and_told_of(command):
    for label in ("a\udc9b31m", "b"):
        os.makedirs(f"pictures/{label}")
        for at in range(6):
            shade = np.full((8, 8), 20 * at + 100 * (label == "b"), np.uint8)
            Image.fromarray(shade).save(os.fsencode(f"pictures/{label}/{at}\udcff.png"), "png")
    few = ("--with", "pca(dim=2)")
    done = command("compare", "pictures", *few)
    assert done.returncode == 0, done.stderr
    assert command("embed", "pictures", *few, "-o", "x.npz").returncode == 0
    assert np.load("x.npz")["ids"].tolist() == load("pictures").ids.tolist()
    for ending in ("space", "parquet"):
        done = command("embed", "pictures", *few, "-o", f"x.{ending}")
        assert done.returncode == 2
        assert "'a\\udc9b31m" in done.stderr
        assert not os.path.exists(f"x.{ending}")


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_terminal_without_our_signs_is_written_to(command, encoding):
    code = (
        "from nearspace.cli.terminal import echo, ready_streams;"
        "ready_streams();"
        "echo('★ −1 × 日 ' + chr(0xdcff)); echo('…', err=True, style='dim')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": encoding},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    times = b"x" if encoding == "ascii" else b"\xd7"
    assert done.stdout.rstrip() == b"* -1 " + times + rb" \u65e5 \udcff"
    assert done.stderr.rstrip() == b"..."
