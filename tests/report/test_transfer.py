"""The page about few labels: what it says is what the board says, whatever things are called."""

import html
import json
import re

import numpy as np
import pytest

from nearspace.data import SAMPLES
from nearspace.judge.protocol import Protocol
from nearspace.judge.studies.finetune import Way
from nearspace.judge.studies.transfer import transferred
from nearspace.judge.tasks import set_task
from nearspace.report.transfer import transfer_page

HOSTILE = "</script><img src=x onerror=alert(1)>"


def study(ways, counts=(20, 60)):
    """Return what came of networks that tell the wines, more of them with more labels."""
    task = set_task(SAMPLES["wine"](), Protocol(k=1, seeds=3))
    truth, random = np.asarray(task.test.target.values), np.random.default_rng(0)

    def told(wrong):
        off = random.permutation(len(truth))[:wrong]
        return np.where(np.isin(np.arange(len(truth)), off), (truth + 1) % 3, truth), 0.5

    done = {(n, way): [told(400 // n - at)] * 3 for n in counts for at, way in enumerate(ways)}
    rates = {key: 3e-3 for key in done if key[1].name in ("scratch", "all")}
    return transferred(task, f"simclr{HOSTILE}", done, rates, ["fc1"])


ALL = [
    Way("scratch"), Way("linear head on raw"), Way("linear head"), Way("last"), Way("all"),
    Way("scratch", varied=True), Way("last", varied=True), Way("all", varied=True),
]  # fmt: skip


@pytest.mark.parametrize("ways", [ALL, ALL[1:3], ALL[2:3]], ids=["all", "heads", "alone"])
def test_the_page_shows_every_row_in_table_chart_and_words(ways):
    board = study(ways)
    page = transfer_page(board).html()
    body = page.split("<tbody>")[1].split("</tbody>")[0]
    assert body.count("<tr") == len(board.rows) == 2 * len(ways)
    assert body.count("★ recommended") == 2
    (words,) = re.findall(r'role="img" aria-label="([^"]*)"', page)
    figures = json.loads(re.search(r'id="figure-data">(.*?)</script>', page, re.DOTALL)[1])
    traces = figures["by_labels"]["data"]
    assert len(traces) == len(ways)
    marks = {(t["marker"]["color"], t["marker"]["symbol"]) for t in traces}
    assert len(marks) == len(ways)
    for row in board.rows:
        number, interval = board.score.parts(row.score)
        assert f"<b>{number}</b><small>{interval}</small>" in body
        assert f"{row.way} {number} " in html.unescape(words)
    drawn = sorted(y for trace in traces for y in trace["y"])
    assert drawn == pytest.approx(sorted(100 * row.score.value for row in board.rows))
    for reason in board.advice.reasons:
        assert str(html.escape(reason)).replace("&#x27;", "&#39;") in page
    assert "Where the time went" not in page  # nobody measured it here


def test_names_are_no_code_and_nothing_is_asked_of_a_network():
    page = transfer_page(study(ALL)).html()
    assert HOSTILE not in page
    assert "default-src 'none'" in page
    assert "NaN" not in page.split('id="figure-data">')[1].split("</script>")[0]
