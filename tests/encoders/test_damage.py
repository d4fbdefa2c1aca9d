"""Every encoder of the catalogue, written and then damaged: told in a sentence, or as it was.

The files are changed as a disk would change them, and as somebody would who knows the format and
makes checksum and fingerprint right again.
"""

import contextlib
import dataclasses
import io
import json
import random
import re
import time
import warnings
from collections import Counter
from functools import cache

import numpy as np
import pytest
import torch
from tests import onnx_models, text_models, vision_models
from tests.conftest import SAMPLE_OF_KIND
from tests.damage import (
    damaged_arrays,
    damaged_bytes,
    damaged_header,
    damaged_tree,
    little_memory,
)
from tests.numerals import numerals

from nearspace.data import SAMPLES
from nearspace.encoders import CATALOGUE
from nearspace.encoders.base import Encoder
from nearspace.encoders.decoder import Decoder
from nearspace.encoders.spec import make
from nearspace.encoders.state import digest, sealed
from nearspace.errors import NearspaceError
from nearspace.space.arrays import check_finite

MOST_SECONDS = 3.0
SMALL = {
    "dim": 2, "heads": 1, "hidden": (4,), "epochs": 1, "words": 3, "max_features": 40,
    "max_categories": 3, "n_kernels": 5, "segments": 1, "n_mfcc": 2,
    "walks": 1, "length": 4,
}  # fmt: skip
COMPOSITES = {
    "pipe": ("raw | pca(dim=3) | l2", "image"),
    "joined": ("pca(dim=2) + raw", "vector"),
    "of words": ("tfidf(max_features=30) | pca(dim=2)", "text"),
    "vit": ("masked(dim=2, body='vit', epochs=1)", "image"),
    "over time": ("autoencoder(dim=2, hidden=(4,), epochs=1)", "series"),
    "gated units": ("vae(dim=2, hidden=(4,), body='gru', epochs=1)", "audio"),
    "convolutions": ("autoencoder(dim=2, hidden=(4,), body='cnn', epochs=1)", "image"),
}
OF_WORDS = "tfidf(analyzer='char', max_features=30) | svd(dim=3)"
PAIRS = {
    "shared": "shared(tfidf(analyzer='char', max_features=30))",
    "linear_pair": f"linear_pair({OF_WORDS}, right={OF_WORDS})",
    "dual": f"dual({OF_WORDS}, right={OF_WORDS}, epochs=1)",
    "imagine": f"imagine({OF_WORDS}, right={OF_WORDS}, steps=1)",
}
OF_NODES = {"graph": "articles", "interactions": "readers"}
CASES = [
    *(
        (name, entry.kinds[0])
        for name, entry in CATALOGUE.items()
        if entry.kinds[0] in SAMPLE_OF_KIND
    ),  # not any
    *((name, entry.kinds[0]) for name, entry in CATALOGUE.items() if entry.kinds[0] in OF_NODES),
    *((name, "sides") for name, entry in CATALOGUE.items() if entry.kinds == ("sides",)),
    *(("raw", kind) for kind in SAMPLE_OF_KIND),
    ("vectors", "vector"),
    *((name, kind) for name, (_, kind) in COMPOSITES.items()),
]


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Return a function that gives a small fitted encoder of a case, its items, and its files."""
    folder = tmp_path_factory.mktemp("written")

    @cache
    def of_case(name, kind):
        if kind == "sides":
            pairs = numerals(np.arange(0, 900, 30))
            encoder = make(PAIRS[name]).fit_on(pairs)
            return encoder, pairs.together().items, encoder.dump()
        dataset = SAMPLES[(OF_NODES | SAMPLE_OF_KIND)[kind]]()
        some = dataset.take(np.arange(0, len(dataset), max(1, len(dataset) // 40)))
        if name == "vectors":
            np.save(folder / "a.npy", np.eye(len(some)))
            encoder = make(f"vectors('{folder}/a.npy')")
        elif name == "pretrained":
            encoder = make(f"pretrained('{vision_models.save(vision_models.vit, folder / 'v')}')")
        elif name == "onnx":
            encoder = make(f"onnx('{onnx_models.of_kind(kind, folder / 'o')}')")
        elif name == "static":
            (folder / "s").mkdir()
            encoder = make(f"static('{text_models.save_static(folder / 's', smaller=True)}')")
        else:
            spec = "finetuned(autoencoder(dim=4, epochs=1))" if name == "finetuned" else name
            encoder = make(COMPOSITES.get(name, (spec,))[0])
            given = encoder.get_params(deep=False)
            if name in CATALOGUE:
                encoder.set_params(**{of: SMALL[of] for of in SMALL if of in given})
        encoder.fit_on(some)
        return encoder, some.items, encoder.dump()

    return of_case


def damage(files, rng):
    """Return files, by name, of which one is damaged, and what was done."""
    head, weights = files
    if rng.random() < 0.5:
        text, told = damaged_tree(json.loads(files[head]), rng)
        return {**files, head: text.encode()}, f"{head}: {told}"
    how = rng.choice([damaged_arrays, damaged_header, damaged_bytes])
    with contextlib.suppress(IndexError, TypeError, ValueError):  # there is no such place or shape
        data, told = how(files[weights], rng)
        return {**files, weights: data}, f"{weights}: {told}"
    return damage(files, rng)


def forged(family, files):
    """Return files with checksum and fingerprint as somebody would make them who knows how."""
    head, weights = files
    for _ in range(2):
        try:
            tree = sealed(json.loads(files[head]), files[weights])
            files = {**files, head: json.dumps(tree).encode()}
            family.parse(files, "memory")
        except NearspaceError as error:
            wanted = re.search(r"the fingerprint is ([0-9a-f]{16}),", str(error))
            if wanted:
                files = {**files, head: json.dumps({**tree, "fingerprint": wanted[1]}).encode()}
        except Exception:
            break  # the attempt will show it
    return files


@dataclasses.dataclass
class Tried:
    """What came of damage: how often each outcome, and what must not be."""

    counts: Counter = dataclasses.field(default_factory=Counter)
    faults: list = dataclasses.field(default_factory=list)

    def note(self, what, case, told, error=""):
        self.counts[what] += 1
        if what not in ("told", "equal", "another that works"):
            self.faults.append(f"{case}: {told}: {what} {error}")


def attempt(family, files, whole, use, is_forged):
    """Return what comes of reading and using damaged files: in a word, and the error if any."""
    doing = "reading"
    try:
        value = family.parse(files, "memory")
        if digest(value) == whole:
            return "equal", ""
        if not is_forged:
            return "another, in silence", ""
        doing = "use"
        vectors = use(value)
    except NearspaceError as error:
        one_sentence = "\n" not in str(error) and len(str(error)) < 1000
        return ("told", "") if one_sentence else ("told at length", str(error)[:300])
    except Exception as error:
        return f"{type(error).__name__} at {doing}", str(error)[:200]
    return "another that works" if vectors.dtype == np.float32 else f"{vectors.dtype} at use", ""


def attack(written, cases, count, seed=0):
    """Damage the files of each case so many times; return what came of it."""
    tried = Tried()
    for case in cases:
        encoder, items, _ = written(*case)
        rng = random.Random(f"{seed} {case}")

        def embedded(value, items=items):  # as `embed` takes them
            vectors = value.transform(items[:3])
            check_finite(vectors, np.arange(3), "The encoder")
            return vectors

        families = [(Encoder, encoder, embedded)]
        if encoder.decoder is not None:
            z = np.asarray(encoder.transform(items[:3]))
            families.append((Decoder, encoder.decoder, lambda value, z=z: value.decode(z)))
        for _ in range(count):
            family, value, use = rng.choice(families)
            files, told = damage(value.dump(), rng)
            is_forged = rng.random() < 0.5
            start = time.perf_counter()
            with (
                little_memory(),
                warnings.catch_warnings(),
                contextlib.redirect_stderr(io.StringIO()),
            ):
                warnings.simplefilter("ignore")
                given = forged(family, files) if is_forged else files
                what, error = attempt(family, given, digest(value), use, is_forged)
            tried.note(what, (*case, "forged" * is_forged), told, error)
            if time.perf_counter() - start > MOST_SECONDS:
                tried.note("too long", case, told, f"{time.perf_counter() - start:.1f} s")
    return tried


@pytest.mark.trains
@pytest.mark.parametrize(
    "count", [8, pytest.param(400, marks=[pytest.mark.full, pytest.mark.timeout(3600)])]
)
def test_a_damaged_file_is_told_or_as_it_was(written, count, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # a new thread takes address space of its own
    try:
        tried = attack(written, CASES, count)
    finally:
        torch.set_num_threads(threads)
    assert not tried.faults, f"{dict(tried.counts)}\n" + "\n".join(tried.faults[:60])
