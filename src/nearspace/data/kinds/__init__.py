"""The kinds of data there are: a kind is a file in this folder, and every file here is a kind."""

import importlib
import pkgutil

from nearspace.data.kinds.image import Image
from nearspace.data.kinds.kind import (
    Kind,
    infer_kind,
    kind_from_json,
    kind_of_file,
    recognised,
    take_items,
)
from nearspace.data.kinds.table import Table
from nearspace.data.kinds.text import Text
from nearspace.data.kinds.vector import Vector

__all__ = [
    "Image",
    "Kind",
    "Table",
    "Text",
    "Vector",
    "infer_kind",
    "kind_from_json",
    "kind_of_file",
    "recognised",
    "take_items",
]

for _module in pkgutil.iter_modules(__path__):  # a kind is there once its file is imported
    importlib.import_module(f"{__name__}.{_module.name}")
