"""Codec, index and map as parts of a file: damaged ones are told in a sentence, or compute."""

import json
import random
import time
import warnings

import numpy as np
import pytest
from safetensors.numpy import load, save
from tests.damage import damaged_arrays, damaged_bytes, damaged_header, damaged_tree, little_memory

from nearspace.data import SAMPLES
from nearspace.errors import NearspaceError
from nearspace.space.codec.codec import codec_of
from nearspace.space.codec.levels import Codec
from nearspace.space.map.maps import Map, parse_map
from nearspace.space.search.index import Index, Opened
from nearspace.space.space import embed

N, DIM = 60, 3
RNG = np.random.default_rng(0)
VECTORS = RNG.normal(size=(N, DIM)).astype(np.float32)


def codec():
    space = embed(SAMPLES["wine"](), "pca(dim=3)")

    def use(data):
        for level in Codec.from_bytes(data, DIM).levels:
            level.restore(level.quantise(VECTORS)[0])

    return codec_of(space).to_bytes(), use


def index():
    pytest.importorskip("faiss")
    cells = RNG.integers(0, 4, N).astype(np.int32)
    made = Index("euclidean", VECTORS[:4], cells, RNG.integers(0, 9, N).astype("u4"), 2, 0.9)

    def use(data):
        Opened(Index.from_bytes(data, "euclidean"), VECTORS).search(VECTORS[:2], 3, None, 2)

    return made.to_bytes(), use


def layout():
    about = {"library": "x", "version": "1", "metric": "cosine"}
    places = RNG.random((N, 2)).astype(np.float32)
    marks = RNG.integers(0, 9, N).astype(np.uint32)
    ids = np.array([f"id {i}" for i in range(N)])
    made = Map(ids, marks, places, np.ones(N, dtype=bool), about, 0.9, 0.8, 10)
    return made.to_bytes(), lambda data: parse_map(data).to_bytes()


def damaged_facts(data, rng):
    """Return a map of which what it says of itself, or its ids, are not as they were."""
    size = int.from_bytes(data[:8], "little")
    arrays, facts = load(data), json.loads(json.loads(data[8 : 8 + size])["__metadata__"]["map"])
    if rng.random() < 0.5:
        text, told = damaged_tree(facts, rng)
        return save(arrays, metadata={"map": text}), told
    text, told = damaged_tree(json.loads(arrays["ids"].tobytes()), rng)
    arrays["ids"] = np.frombuffer(text.encode(errors="replace"), dtype=np.uint8)
    return save(arrays, metadata={"map": json.dumps(facts)}), told


@pytest.mark.parametrize("count", [60, pytest.param(3000, marks=pytest.mark.full)])
@pytest.mark.parametrize("part", [codec, index, layout])
def test_a_damaged_part_is_told_or_computes(part, count):
    data, use = part()
    use(data)
    rng, faults = random.Random(0), []
    ways = [damaged_arrays, damaged_bytes, damaged_header]
    ways += [damaged_facts, damaged_facts] if part is layout else []
    for _ in range(count):
        try:
            damaged, told = rng.choice(ways)(data, rng)
        except (IndexError, TypeError, ValueError):  # there is no such place or shape
            continue
        start = time.perf_counter()
        with little_memory(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                use(damaged)
            except NearspaceError as error:
                if "\n" in str(error):
                    faults.append(f"{told}: {error}")
            except Exception as error:
                faults.append(f"{told}: {type(error).__name__}: {str(error)[:200]}")
        if time.perf_counter() - start > 3:
            faults.append(f"{told}: {time.perf_counter() - start:.1f} s")
    assert not faults, f"{len(faults)} of {count}\n" + "\n".join(faults[:40])
