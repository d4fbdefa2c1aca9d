"""``nearspace column``: made, searched by values, and what is mistyped."""

import pytest


@pytest.mark.trains
def test_a_column_is_made_and_searched(command):
    learner = "entity:epochs=1:dim=4"
    done = command("column", "customers", "plan", "--with", learner, "-o", "plans.space")
    assert done.returncode == 0, done.stderr
    assert "plans.space: 3 values of 3 dimensions." in done.stdout
    assert "family" in command("search", "plans.space", "plus").stdout
    assert command("map", "plans.space", "-o", "plans.html").returncode == 0
    done = command("column", "customers", "pln", "-o", "b.space")
    assert done.returncode == 2
    assert "Did you mean 'plan'?" in done.stderr
    done = command("column", "customers", "age", "-o", "b.space")
    assert "say so by --types (age=category)" in " ".join(done.stderr.split())
