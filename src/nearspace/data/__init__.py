"""Read data, know its kind, split it without leaks."""

from nearspace.data.dataset import Dataset
from nearspace.data.images import Image
from nearspace.data.infer import infer_kind
from nearspace.data.kinds import Kind, Vector, kind_from_json, take_items
from nearspace.data.load import load
from nearspace.data.samples import SAMPLES
from nearspace.data.split import train_test_split
from nearspace.data.tables import Table
from nearspace.data.texts import Text

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
