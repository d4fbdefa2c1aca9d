"""Read data, know its kind, split it without leaks."""

from nearspace.data.dataset import Dataset
from nearspace.data.kinds.audio import Audio
from nearspace.data.kinds.image import Image
from nearspace.data.kinds.kind import Kind, infer_kind, take_items
from nearspace.data.kinds.saved import kind_from_json
from nearspace.data.kinds.series import Series
from nearspace.data.kinds.table import Table
from nearspace.data.kinds.text import Text
from nearspace.data.kinds.vector import Vector
from nearspace.data.load import load
from nearspace.data.samples import SAMPLES
from nearspace.data.sound import Sound
from nearspace.data.split import train_test_split
from nearspace.data.target import Classes, Numbers, Target, target_of

__all__ = [
    "SAMPLES",
    "Audio",
    "Classes",
    "Dataset",
    "Image",
    "Kind",
    "Numbers",
    "Series",
    "Sound",
    "Table",
    "Target",
    "Text",
    "Vector",
    "infer_kind",
    "kind_from_json",
    "load",
    "take_items",
    "target_of",
    "train_test_split",
]
