"""nearspace: embeddings of any data, compared honestly, then searched, mapped and decoded."""

from __future__ import annotations

import importlib

TYPE_CHECKING = False  # to import typing takes longer than all of this
if TYPE_CHECKING:
    from nearspace.data import Dataset, Sound, load, train_test_split
    from nearspace.data.graph_reading import load_graph, load_interactions
    from nearspace.data.pair_reading import load_pairs
    from nearspace.data.pairs import Pairs
    from nearspace.data.relevance import load_retrieval
    from nearspace.encoders.base import Encoder
    from nearspace.encoders.borrowed.network import Network
    from nearspace.encoders.decoder import Decoder
    from nearspace.encoders.exhibits import Samples
    from nearspace.encoders.spec import load_encoder, make
    from nearspace.errors import NearspaceError
    from nearspace.judge.leaderboard import Leaderboard
    from nearspace.judge.studies.compare import compare
    from nearspace.judge.studies.layers import compare_layers
    from nearspace.judge.studies.sinks import attention_sinks
    from nearspace.judge.studies.transfer import Transfer, transfer
    from nearspace.judge.studies.zero_shot import zero_shot
    from nearspace.report.map import write_map
    from nearspace.report.page import write_report
    from nearspace.space.alignment import align
    from nearspace.space.codec.codec import pack, unpack
    from nearspace.space.column_space import column_space
    from nearspace.space.decode import decode, interpolate, sample
    from nearspace.space.difference import diff
    from nearspace.space.file.reembedding import re_embed
    from nearspace.space.formats import open_space, save
    from nearspace.space.imagining import imagine
    from nearspace.space.map.keywords import keywords
    from nearspace.space.map.maps import Map, layout
    from nearspace.space.mining import mine
    from nearspace.space.recommending import recommend
    from nearspace.space.search.explained import explain
    from nearspace.space.search.neighbours import analogy, neighbours
    from nearspace.space.sides import across
    from nearspace.space.space import Space, embed
    from nearspace.space.word_space import word_space

# Names resolve on first use, so that `import nearspace` imports neither torch nor scikit-learn.
_HOME = {
    "Dataset": "data",
    "Decoder": "encoders.decoder",
    "Encoder": "encoders.base",
    "Leaderboard": "judge.leaderboard",
    "Map": "space.map.maps",
    "NearspaceError": "errors",
    "Network": "encoders.borrowed.network",
    "Pairs": "data.pairs",
    "Samples": "encoders.exhibits",
    "Sound": "data",
    "Space": "space.space",
    "Transfer": "judge.studies.transfer",
    "across": "space.sides",
    "align": "space.alignment",
    "analogy": "space.search.neighbours",
    "attention_sinks": "judge.studies.sinks",
    "column_space": "space.column_space",
    "compare": "judge.studies.compare",
    "compare_layers": "judge.studies.layers",
    "decode": "space.decode",
    "diff": "space.difference",
    "embed": "space.space",
    "explain": "space.search.explained",
    "imagine": "space.imagining",
    "interpolate": "space.decode",
    "keywords": "space.map.keywords",
    "layout": "space.map.maps",
    "load": "data",
    "load_encoder": "encoders.spec",
    "load_graph": "data.graph_reading",
    "load_interactions": "data.graph_reading",
    "load_pairs": "data.pair_reading",
    "load_retrieval": "data.relevance",
    "make": "encoders.spec",
    "mine": "space.mining",
    "neighbours": "space.search.neighbours",
    "recommend": "space.recommending",
    "open_space": "space.formats",
    "pack": "space.codec.codec",
    "re_embed": "space.file.reembedding",
    "sample": "space.decode",
    "save": "space.formats",
    "train_test_split": "data",
    "transfer": "judge.studies.transfer",
    "unpack": "space.codec.codec",
    "word_space": "space.word_space",
    "write_map": "report.map",
    "write_report": "report.page",
    "zero_shot": "judge.studies.zero_shot",
}

__all__ = [
    "Dataset",
    "Decoder",
    "Encoder",
    "Leaderboard",
    "Map",
    "NearspaceError",
    "Network",
    "Pairs",
    "Samples",
    "Sound",
    "Space",
    "Transfer",
    "across",
    "align",
    "analogy",
    "attention_sinks",
    "column_space",
    "compare",
    "compare_layers",
    "decode",
    "diff",
    "embed",
    "explain",
    "imagine",
    "interpolate",
    "keywords",
    "layout",
    "load",
    "load_encoder",
    "load_graph",
    "load_interactions",
    "load_pairs",
    "load_retrieval",
    "make",
    "mine",
    "neighbours",
    "open_space",
    "pack",
    "re_embed",
    "recommend",
    "sample",
    "save",
    "train_test_split",
    "transfer",
    "unpack",
    "word_space",
    "write_map",
    "write_report",
    "zero_shot",
]


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'nearspace' has no attribute '{name}'")
    return getattr(importlib.import_module(f"nearspace.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return __all__
