"""Read data, know its kind, split it without leaks."""

from nearspace.data.dataset import Dataset
from nearspace.data.kinds import (
    Image,
    Kind,
    Table,
    Text,
    Vector,
    infer_kind,
    kind_from_json,
    take_items,
)
from nearspace.data.load import load
from nearspace.data.samples import SAMPLES
from nearspace.data.split import train_test_split

__all__ = [
    "SAMPLES",
    "Dataset",
    "Image",
    "Kind",
    "Table",
    "Text",
    "Vector",
    "infer_kind",
    "kind_from_json",
    "load",
    "take_items",
    "train_test_split",
]
