"""Imports: none runs back, no file stands in a circle; few ask what kind a thing is."""

import ast
import functools
import graphlib
import importlib
from pathlib import Path

import nearspace
from nearspace.data.kinds.kind import Kind
from nearspace.encoders import CATALOGUE, encoder_class

ORDER = ["foreign", "errors", "writing", "recipe", "notebook", "data", "metrics", "nets",
         "learning", "encoders", "space", "judge", "report", "web", "cli"]  # fmt: skip
ROOT = Path(nearspace.__file__).parent


def module_name(file):
    """Return the name of the module that a file is."""
    parts = file.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts).removesuffix(".__init__")


@functools.cache
def modules():
    """Return the syntax tree of every module of ours."""
    return {module_name(file): ast.parse(file.read_text()) for file in sorted(ROOT.rglob("*.py"))}


@functools.cache
def imports(module):
    """Return the modules of ours that one imports, late imports too, but for those of types."""
    tree = modules()[module]
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
            names |= {name if name in modules() else node.module for name in full}
    return {name for name in names if name in modules() and name != module}


def layer(module):
    return module.split(".")[1] if "." in module else None


def test_no_import_runs_back():
    for module in modules():
        if layer(module) is None:  # the root, whose names resolve late
            continue
        for other in imports(module):
            if layer(other) is not None:
                order = ORDER.index(layer(other)), ORDER.index(layer(module))
                assert order[0] <= order[1], f"{module} imports {other}"


def test_no_file_stands_in_a_circle():
    # Raises CycleError, which names the files.
    graphlib.TopologicalSorter({module: imports(module) for module in modules()}).prepare()


def defined(tree):
    """Return the names that a module defines, rather than takes from another."""
    names = {node.name for node in tree.body if hasattr(node, "name")}
    for statement in tree.body:
        if isinstance(statement, ast.Assign | ast.AnnAssign):
            names |= {
                node.id
                for node in ast.walk(statement)
                if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
            }
    return names


def test_no_name_is_public_in_two_modules():
    """What two modules export is one thing, which one of them takes from the other."""
    homes = {}
    for module, tree in modules().items():
        for name in set(getattr(importlib.import_module(module), "__all__", ())) & defined(tree):
            homes.setdefault(name, []).append(module)
    assert {name: where for name, where in homes.items() if len(where) > 1} == {}


# Who may ask what a kind or an encoder of ours is, and why.
MAY_ASK = {
    ("encoders.base", "Vector"): "checks of vectors are scikit-learn's, whose words estimators owe",
    ("encoders.handmade.plain", "Table"): "a table's plain input is learned: its categories",
    ("judge.studies.places", "Image"): "what a place sees is a piece of a picture",
    ("judge.studies.rates", "Image"): "JPEG, WebP and PNG hold nothing but images",
}


def test_few_ask_what_a_kind_or_an_encoder_is():
    kinds = {kind.__name__: kind.__module__ for kind in Kind.registry.values()}
    leaves = {encoder_class(name).__name__: encoder_class(name).__module__ for name in CATALOGUE}
    own = {**kinds, **leaves}
    asked = {
        (module.removeprefix("nearspace."), name.id)
        for module, tree in modules().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("isinstance", "issubclass")
        for name in ast.walk(node.args[1])
        if isinstance(name, ast.Name) and own.get(name.id, module) != module
    }
    assert asked == set(MAY_ASK)


def test_every_name_of_the_root_resolves():
    for name in nearspace.__all__:
        assert getattr(nearspace, name).__name__ == name
