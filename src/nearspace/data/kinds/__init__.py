"""The kinds of data there are: a kind is a file in this folder, and every file here is a kind."""

import importlib
import pkgutil

for _module in pkgutil.iter_modules(__path__):  # a kind is there once its file is imported
    importlib.import_module(f"{__name__}.{_module.name}")
