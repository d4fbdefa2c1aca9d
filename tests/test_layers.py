"""Imports: a layer imports what stands before it, and no file stands in a circle."""

import ast
import graphlib
from pathlib import Path

import nearspace

ORDER = ["errors", "recipe", "data", "metrics", "nets", "learning", "encoders", "space", "judge",
         "report", "web", "cli"]  # fmt: skip
ROOT = Path(nearspace.__file__).parent


def module_name(file):
    """Return the name of the module that a file is."""
    parts = file.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts).removesuffix(".__init__")


MODULES = {module_name(file): ast.parse(file.read_text()) for file in sorted(ROOT.rglob("*.py"))}


def imports(module):
    """Return the modules of ours that one imports, late imports too, but for those of types."""
    tree = MODULES[module]
    for_types = {
        node
        for branch in ast.walk(tree)
        if isinstance(branch, ast.If) and ast.unparse(branch.test) == "TYPE_CHECKING"
        for statement in branch.body
        for node in ast.walk(statement)
    }
    names = set()
    for node in ast.walk(tree):
        if node in for_types:
            continue
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            # What is imported from a package is one of its files, or stands in its __init__.
            full = {f"{node.module}.{alias.name}" for alias in node.names}
            names |= {name if name in MODULES else node.module for name in full}
    return {name for name in names if name in MODULES and name != module}


def layer(module):
    return module.split(".")[1] if "." in module else None


def test_no_import_runs_back():
    for module in MODULES:
        if layer(module) is None:  # the root, whose names resolve late
            continue
        for other in imports(module):
            if layer(other) is not None:
                order = ORDER.index(layer(other)), ORDER.index(layer(module))
                assert order[0] <= order[1], f"{module} imports {other}"


def test_no_file_stands_in_a_circle():
    # Raises CycleError, which names the files.
    graphlib.TopologicalSorter({module: imports(module) for module in MODULES}).prepare()
