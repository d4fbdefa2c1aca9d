"""A page as a browser makes it of its script, without a driver; left out where there is none."""

import re
import shutil
import subprocess

import numpy as np
import pytest

from nearspace.data import Image
from nearspace.encoders.exhibits import Strip
from nearspace.judge.studies.curves import Curve, Equal, Rates, Sent
from nearspace.report.rates import rates_page

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium to open the page in")


def rates():
    images = Strip(Image((4, 4, 1)), np.zeros((2, 4, 4, 1), np.uint8))
    curves = (
        Curve("vae(dim=8)", "latents", [8, 16, 32], [10.0, 11.0, 12.0], ["", "", ""], 812),
        Curve("JPEG, one mosaic", "one mosaic", [62, 80], [14.0, 15.0], ["", ""]),
    )
    equal = Equal(32.0, 12.0, "vae(dim=8)", 18.0, 4.0, {"JPEG, one mosaic": (62, True)}, 812, None)
    sent = tuple(Sent(title, "vae", 32.0, 12.0, images, images) for title in ("own", "other"))
    told = {"name": "x", "kind": "images", "training images": 9, "test images": 3, "seconds": 1.0}
    return rates_page(Rates(curves, (equal,), sent, told | {"other domain": "y"}))


def test_a_table_without_heads_keeps_no_chart_from_being_drawn(tmp_path):
    page, path = rates().html(), tmp_path / "page.html"
    path.write_text(page, encoding="utf-8")
    how = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"]
    how += ["--disable-background-networking", f"--user-data-dir={tmp_path / 'profile'}"]
    command = [CHROMIUM, *how, "--dump-dom", path.as_uri()]
    made = subprocess.run(command, capture_output=True, timeout=120, check=True).stdout.decode()
    assert page.count('class="plot"') == 1
    assert len(re.findall(r'<div class="[^"]*svg-container', made)) == 1
