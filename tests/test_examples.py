"""Every example runs, in an empty folder and a process of its own."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.trains

EXAMPLES = sorted((Path(__file__).parent.parent / "examples").glob("*.py"))


NEED_DATA = {"resnet20_layers"}
CASES = [
    pytest.param(path, id=path.stem, marks=[pytest.mark.data] if path.stem in NEED_DATA else [])
    for path in EXAMPLES
]


@pytest.mark.parametrize("example", CASES)
def test_example_runs(example, tmp_path, request):
    if example.stem in NEED_DATA:
        request.getfixturevalue("public_data")
    done = subprocess.run(
        [sys.executable, "-W", "error", str(example)],
        cwd=tmp_path,
        env={**os.environ, "OMP_WAIT_POLICY": "PASSIVE"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
    if example.stem == "resnet20_layers":
        rows = re.findall(r"([\d.]+)% 5-NN \[[\d.]+%, ([\d.]+)%\]", done.stdout)
        (first, _), *_, (last_stage, at_most), _ = rows
        # Each of the 2,000 told from the others it has 99.2 %; here 500 are told.
        assert float(at_most) >= 99
        assert float(last_stage) >= 98 > 50 > float(first)
