"""The direction of imports: a layer imports what stands before it, never after."""

import ast
from pathlib import Path

import nearspace

ORDER = ["errors", "recipe", "data", "metrics", "nets", "learning", "encoders", "space", "judge",
         "report", "web", "cli"]  # fmt: skip


def test_no_import_runs_back():
    root = Path(nearspace.__file__).parent
    for file in sorted(root.rglob("*.py")):
        layer = file.relative_to(root).parts[0].removesuffix(".py")
        if layer == "__init__":
            continue
        for node in ast.walk(ast.parse(file.read_text())):
            for module in _modules(node):
                parts = module.split(".")
                if parts[0] == "nearspace" and len(parts) > 1:
                    assert ORDER.index(parts[1]) <= ORDER.index(layer), f"{file}: {module}"


def _modules(node):
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module or ""] if isinstance(node, ast.ImportFrom) else []
