"""Damage to files of JSON and of arrays: as a disk does it, and as somebody who means harm."""

import contextlib
import json
import resource
import struct

import numpy as np
from safetensors.numpy import load, save

MOST_BYTES = 2**30  # beyond what the process holds
DEEP = "[" * 4000 + "]" * 4000
HOSTILE = [
    None, True, -1, 0, 0.5, 3, 10**6, 2**31, 2**63, 10**40, float("nan"), float("inf"), "", "x",
    "pca", "../../x", "\x1b[2J", [], [None], [10**6] * 3, {}, {"array": "gone"}, {"strings": 3},
    {"tuple": 3}, {"tuple": [1, [2]]}, {"tuple": [1] * 9999}, {"dict": 3},
    {"dict": [["a", 1], [[], 2]]}, {"networks": ""},
    {"networks": "encoder.nets_", "names": ["x"]}, {"data_kind": {"kind": "image", "shape": [9]}},
    {"data_kind": {"kind": "image", "shape": [10**6, 10**6, 3]}}, {"data_kind": {"kind": "text"}},
    {"data_kind": {"kind": "vector", "dim": 10**12}}, {"class": "pca", "params": {}, "fitted": {}},
    {"class": "raw", "params": {}, "fitted": {}}, [1] * 5000, ["x"] * 5000, "x" * 10**6,
]  # fmt: skip
NAMES = ["transform", "__class__", "__dict__", "fit", "_fit", "spec", "parts", "x_", "decoder", ""]


def places(node, path=()):
    """Yield the path of every value in a tree of JSON, but for that of the tree itself."""
    pairs = node.items() if isinstance(node, dict) else enumerate(node)
    for key, value in pairs:
        yield (*path, key)
        if isinstance(value, dict | list):
            yield from places(value, (*path, key))


def changed(tree, path, change):
    """Return a copy of a tree in which ``change`` was called with a container and its key."""
    tree = json.loads(json.dumps(tree))
    inside = tree
    for key in path[:-1]:
        inside = inside[key]
    change(inside, path[-1])
    return tree


def put(value):
    return lambda inside, key: inside.__setitem__(key, value)


def renamed(name):
    def change(inside, key):
        if isinstance(inside, dict):
            inside[name] = inside.pop(key)
        else:
            inside.insert(0, inside.pop(key))

    return change


def left_out(inside, key):
    del inside[key]


def twice(inside, key):
    if isinstance(inside, dict):
        inside[f"{key}\0"] = inside[key]  # in the text it becomes the same key
    else:
        inside.append(inside[key])


def damaged_tree(tree, rng):
    """Return a tree of JSON that differs in one place, as text, and what was done to it."""
    path = rng.choice(list(places(tree)))
    change, told = rng.choice(
        [
            *[(put(value), f"= {str(value)[:40]}") for value in rng.sample(HOSTILE, 8)],
            *[(renamed(name), f"renamed {name!r}") for name in rng.sample(NAMES, 2)],
            (left_out, "left out"),
            (twice, "twice"),
            (put("\1deep"), "nested 4,000 deep"),
        ]
    )
    text = json.dumps(changed(tree, path, change)).replace("\\u0000", "")
    return text.replace('"\\u0001deep"', DEEP), f"{'.'.join(map(str, path))} {told}"


def damaged_arrays(data, rng):
    """Return arrays of which one is not as it was, and what was done to it."""
    arrays = {name: array.copy() for name, array in load(data).items()}
    if not arrays:
        return save({"x": np.zeros(3)}), "one more array"
    name = rng.choice(list(arrays))
    array = arrays[name]
    how = rng.choice(["nan", "inf", "dtype", "shape", "longer", "gone", "more", "huge", "ints"])
    if how in ("nan", "inf"):
        if array.dtype.kind != "f" or not array.size:
            how = "gone"
        else:
            array.flat[rng.randrange(array.size)] = float(how)
    if how == "gone":
        del arrays[name]
    elif how == "dtype":
        kinds = [k for k in (np.float16, np.float32, np.float64) if k != array.dtype]
        with np.errstate(over="ignore"):
            arrays[name] = array.astype(rng.choice(kinds))
    elif how == "ints":
        arrays[name] = np.full(array.shape, rng.choice([-1, 2**31 - 1]), np.int32)
    elif how == "shape":
        arrays[name] = array.reshape(rng.choice([(-1,), (1, *array.shape), (*array.shape, 1)]))
    elif how == "longer":
        arrays[name] = np.concatenate([array, array]) if array.ndim else np.stack([array, array])
    elif how == "more":
        arrays[f"{name}2"] = array
    elif how == "huge":
        arrays[name] = np.full(array.shape, 3e38, np.float32)
    return save(arrays), f"{name} {how}"


def damaged_bytes(data, rng):
    """Return bytes that are not as they were, and what was done to them."""
    at = rng.randrange(len(data))
    how = rng.choice(["flipped", "flipped", "cut", "zeros", "length", "more"])
    if how == "flipped":
        return data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1 :], f"bit {at}"
    if how == "cut":
        return data[:at], f"cut at {at}"
    if how == "zeros":
        return data[:at] + bytes(min(64, len(data) - at)) + data[at + 64 :], f"zeros at {at}"
    if how == "length":
        length = rng.choice([0, 2**20, 2**31, 2**40, 2**63, 2**64 - 1])
        return struct.pack("<Q", length) + data[8:], f"first number {length}"
    return data + bytes(at), f"{at} more zeros"


def damaged_header(data, rng):
    """Return a file of arrays whose header is not as it was, and what was done to it."""
    size = int.from_bytes(data[:8], "little")
    text, told = damaged_tree(json.loads(data[8 : 8 + size]), rng)
    return struct.pack("<Q", len(text.encode())) + text.encode() + data[8 + size :], told


@contextlib.contextmanager
def little_memory():
    """Give the process no more than `MOST_BYTES` beyond what it has."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    with open("/proc/self/statm") as status:
        pages = int(status.read().split()[0])
    limit = pages * resource.getpagesize() + MOST_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (limit, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)
