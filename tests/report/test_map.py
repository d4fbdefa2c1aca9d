"""The page of a map: complete, safe, within its size; and, in a real browser, alive."""

import base64
import dataclasses
import io
import json
import re
import shutil
import struct
import zlib

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from nearspace import embed, load
from nearspace.errors import NearspaceError
from nearspace.recipe import Recipe
from nearspace.report.map import map_page, write_map
from nearspace.report.sheets import sheets
from nearspace.space.map.landmarks import Alike, Landmarks, Outlier, landmarks
from nearspace.space.map.maps import Map, layout
from nearspace.space.space import Space

NASTY = "</script><script>alert('x & y')</script>"
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")


def a_map(space, places):
    n = len(space)
    return Map(
        space.ids, np.zeros(n, np.uint32), places.astype(np.float32), np.ones(n, bool),
        {"library": "openTSNE", "version": "1.0", "metric": "euclidean"}, 0.987, 0.41, n,
    )  # fmt: skip


@pytest.fixture(scope="module")
def digits_page():
    """600 digits in ten crowds, two outliers and a pair of duplicates."""
    digits = load("digits")
    space = embed(digits.take(range(600)), "pca(dim=8)")
    angle = 2 * np.pi * space.labels.astype(int) / 10
    places = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    places += 0.05 * np.random.default_rng(0).normal(size=places.shape)
    marks = dataclasses.replace(
        landmarks(space, places), outliers=[Outlier(5, 3.2), Outlier(9, 2.5)],
        alike=[Alike((17, 33), 0.0)],
    )  # fmt: skip
    return map_page(space, a_map(space, places), marks).html()


@pytest.fixture(scope="module")
def nasty_page():
    """Texts, ids and labels that would break out of a page."""
    ids = np.array([f"{NASTY} {i}" for i in range(40)])
    meta = pa.table({"text": [f"<img src=x onerror=alert(1)> {NASTY} {i} 🦊" for i in range(40)]})
    places = np.random.default_rng(0).normal(size=(40, 2))
    space = Space(places, ids, np.array([NASTY, "b"] * 20), Recipe(NASTY, "0", NASTY), meta=meta)
    marks = dataclasses.replace(landmarks(space, places), outliers=[Outlier(3, 4.0)], alike=[])
    return map_page(space, a_map(space, places), marks).html()


def test_the_page_says_how_far_to_trust_the_map(digits_page):
    assert "trustworthiness 0.987 by euclidean, 41 % of the 10 nearest preserved" in digits_page
    assert digits_page.count('class="sheet"') == 1
    assert not re.search(r"https?://(?!www\.w3\.org)", digits_page)


def test_nothing_in_the_data_breaks_out_of_the_page(nasty_page):
    assert "<script>alert" not in nasty_page
    assert "<img src=x" not in nasty_page


def test_sheets_hold_every_picture_in_its_square_and_stay_within_their_size():
    random = np.random.default_rng(0)
    pictures = []
    for shade in range(300):
        noise = random.integers(0, 60, (64, 40, 3)) + shade * 195 // 300
        file = io.BytesIO()
        Image.fromarray(noise.astype(np.uint8)).save(file, "PNG")
        pictures.append(file.getvalue())
    pictures[7] = b""
    for largest, sides in ((10**8, {64}), (9_000, {16, 24})):
        made = sheets(pictures, largest)
        assert made.side in sides
        assert len(made.codes) == -(-300 // made.columns**2)
        assert 0.75 * sum(map(len, made.codes)) <= largest
    sheet = Image.open(io.BytesIO(base64.b64decode(made.codes[0])))
    (row, column), half = divmod(299, made.columns), made.side // 2
    middle = sheet.getpixel((column * made.side + half, row * made.side + half))
    assert abs(np.mean(middle) - 224) < 15
    assert min(sheet.getpixel((7 * made.side + half, half))) > 240


def test_thumbnails_that_cannot_be_read_leave_their_squares_empty_and_are_counted():
    file = io.BytesIO()
    Image.new("RGB", (40, 40), "red").save(file, "PNG")
    good = file.getvalue()
    bombs = []
    for side in (10_000, 60_000):  # Pillow warns of one, and refuses the other
        header = b"IHDR" + struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
        bombs.append(good[:12] + header + struct.pack(">I", zlib.crc32(header)) + good[33:])
    made = sheets([b"junk", good, good[:-30], b"", *bombs])
    assert made.unread == 4
    sheet = Image.open(io.BytesIO(base64.b64decode(made.codes[0])))
    middles = [sheet.getpixel((made.side * slot + made.side // 2, 20)) for slot in range(6)]
    assert [green > 200 for _, green, _ in middles] == [True, False, True, True, True, True]
    places = np.random.default_rng(0).normal(size=(12, 2))
    space = Space(places, np.arange(12), None, Recipe("x", "0"), thumbnails=[b"junk"] * 12)
    page = map_page(space, a_map(space, places), Landmarks(np.full(12, -1))).html()
    assert "12 thumbnails cannot be read" in page


def test_long_numbers_stay_whole_and_what_is_missing_is_not_named():
    places = np.random.default_rng(0).normal(size=(12, 2))
    ids, labels = np.arange(12) + 2**60 + 1, np.array([None, "7", "11"] * 4, dtype=object)
    meta = pa.table({"text": [None, "a", None] * 4})
    space = Space(places, ids, labels, Recipe("x", "0"), meta=meta)
    page = map_page(space, a_map(space, places), Landmarks(np.full(12, -1))).html()
    assert f'"{2**60 + 3}"' in page
    assert "None" not in page
    assert '"names":["7","11"],"counts":[4,4]' in page


def test_labels_that_are_numbers_have_a_scale_and_name_no_cluster():
    places = np.random.default_rng(0).normal(size=(40, 2))
    labels = np.array([0.5, None, *np.linspace(1, 9, 38)], dtype=object)
    space = Space(places, np.arange(40), labels, Recipe("x", "0"))
    marks = landmarks(space, np.where(np.arange(40)[:, None] < 20, places, places + 50))
    assert [of.name for of in marks.clusters] == ["", ""]
    page = map_page(space, a_map(space, places), marks).html()
    data = json.loads(re.search(r'id="page-data">(.*?)</script>', page)[1])
    label = data["colourings"]["label"]
    assert label["ends"] == ["0.88", "8.836"]
    told = dict(zip(data["ids"], label["names"], strict=True))
    assert (told["0"], told["1"], told["2"]) == ("0.5", "", "1")
    shares = np.frombuffer(base64.b64decode(label["codes"]), "<f4")
    shares = shares[np.argsort(np.array(data["ids"], dtype=int))]
    assert shares[1] == -1
    assert shares[0] == 0
    assert shares[-1] == 1
    assert (np.diff(shares[2:]) >= 0).all()
    assert [name for name, *_ in [data["clusters"][0].values()]] == ["cluster 1"]


def test_items_need_no_labels_texts_or_pictures():
    places = np.random.default_rng(0).normal(size=(12, 2))
    space = Space(places, np.arange(12), None, Recipe("x", "0"))
    recipe = Recipe("x", "0", roles={"split": "split"})
    meta = pa.table({"split": ["train"] * 12})
    for some in (space, dataclasses.replace(space, meta=meta, recipe=recipe)):
        page = map_page(some, a_map(space, places), Landmarks(np.full(12, -1))).html()
        assert '"texts":[]' in page


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("no chromium to open the page in")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def opened(browser, tmp_path):
    """A function that opens a page and returns it with the list of what went wrong."""

    def open_(text, width=1280, height=800):
        page, trouble = browser.new_page(viewport={"width": width, "height": height}), []
        page.on("console", lambda message: trouble.append(message.text))
        page.on("pageerror", lambda error: trouble.append(str(error)))
        page.on("dialog", lambda dialog: trouble.append(dialog.message))
        page.on("request", lambda request: trouble.append(request.url[:200]))
        path = tmp_path / "map.html"
        path.write_text(text, encoding="utf-8")
        page.goto(path.as_uri())
        page.wait_for_timeout(200)
        # A software renderer remarks on its own speed.
        harmless = ("data:", path.as_uri(), "[.WebGL")
        return page, lambda: [text for text in trouble if not text.startswith(harmless)]

    return open_


@pytest.mark.parametrize("name", ["digits_page", "nasty_page"])
def test_the_page_fits_a_phone_without_errors_or_requests(opened, name, request):
    page, trouble = opened(request.getfixturevalue(name), width=390)
    for summary in page.locator("summary").all():
        summary.click()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert trouble() == []
    page.close()


def test_items_are_found_by_search_by_pointing_and_in_the_lists(opened, digits_page):
    page, trouble = opened(digits_page)
    shot = np.asarray(Image.open(io.BytesIO(page.locator(".view").screenshot())).convert("HSV"))
    hues = shot[(shot[..., 1] > 90) & (shot[..., 2] > 90)][:, 0] // 16
    assert (np.bincount(hues) > 100).sum() >= 5  # points in many colours
    before = page.evaluate("({ ...camera })")
    page.fill("#search", "17")
    page.wait_for_timeout(300)
    assert page.inner_text("#told").startswith("16 of 600 match")  # 17, 117, 170 to 179, 217, …
    page.fill("#search", "433")
    page.press("#search", "Enter")
    page.wait_for_timeout(800)
    assert "433" in page.inner_text("#chosen")
    assert page.evaluate("camera.scale") > 3 * before["scale"]
    x, y = page.evaluate("[across(state.chosen), down(state.chosen)]")
    box = page.locator(".view").bounding_box()
    page.mouse.move(box["x"] + x - 4, box["y"] + y)
    page.mouse.move(box["x"] + x, box["y"] + y)
    page.wait_for_selector("#tip:not([hidden]) canvas")
    assert page.inner_text("#tip b") == str(load("digits").target.values[433])
    page.click("#outliers summary")
    page.click("#outliers button >> nth=1")
    assert "9" in page.inner_text("#chosen small >> nth=0")
    page.click("[data-zoom='0']")
    page.wait_for_timeout(700)
    assert page.evaluate("camera.scale") == pytest.approx(before["scale"])
    page.mouse.move(box["x"] + 300, box["y"] + 300)
    page.mouse.wheel(0, -400)
    page.wait_for_timeout(100)
    assert page.evaluate("camera.scale") > before["scale"]
    assert trouble() == []
    page.close()


def test_every_picture_is_shown_where_more_sheets_are_wanted_than_are_kept(opened):
    random, n = np.random.default_rng(0), 40 * 256
    file = io.BytesIO()
    Image.new("RGB", (64, 64), "red").save(file, "PNG")
    places = random.uniform(-1, 1, (n, 2))
    space = Space(places, np.arange(n), None, Recipe("x", "0"), thumbnails=[file.getvalue()] * n)
    far = [Outlier(int(i), 3.0) for i in random.permutation(n)[:200]]
    page = map_page(space, a_map(space, places), Landmarks(np.full(n, -1), outliers=far))
    page, trouble = opened(page.html())
    page.evaluate(
        "window.decoded = 0; const decode = Image.prototype.decode;"
        "Image.prototype.decode = function () { decoded++; return decode.call(this); }; 0"
    )
    page.click("#outliers summary")
    page.wait_for_timeout(2000)
    drawn = """[...document.querySelectorAll("#outliers canvas")].filter((canvas) =>
      canvas.getContext("2d").getImageData(9, 9, 1, 1).data[0] > 200).length"""
    assert page.evaluate(drawn) == 200
    assert 32 < page.evaluate("decoded") <= 40
    page.evaluate("search('1')")  # thousands, all over the map
    page.wait_for_timeout(1000)
    before = page.evaluate("decoded")
    page.wait_for_timeout(500)
    assert page.evaluate("decoded") == before
    assert page.evaluate("open.size") <= 32
    assert trouble() == []
    page.close()


def test_write_map_lays_out_or_takes_a_map_of_the_same_items(tmp_path):
    space = embed(load("wine"), "pca(dim=3)")[:30]
    path = write_map(space, tmp_path / "new" / "map.html")
    assert path.read_text() == write_map(space, tmp_path / "b.html", layout(space)).read_text()
    with pytest.raises(NearspaceError, match="the map is of other items"):
        write_map(space[::-1], path, layout(space))
    with pytest.raises(NearspaceError, match="no items to map"):
        write_map(space[:0], path)


def test_few_texts_stand_above_their_points(opened):
    words = ["near", "far", "alike", "other"] * 20
    places = np.stack([np.repeat(np.arange(10), 8), np.tile(np.arange(8), 10)], axis=1)
    meta = pa.table({"text": words})
    space = Space(places.astype(float), np.arange(80), None, Recipe("x", "0", "x"), meta=meta)
    page, trouble = opened(map_page(space, a_map(space, places), Landmarks(np.full(80, -1))).html())
    written = """() => {
        const said = [], write = pen.fillText;
        pen.fillText = (text) => said.push(text);
        drawNames(); pen.fillText = write; return said; }"""
    assert page.evaluate(written) == []  # too many are in view
    page.evaluate("camera.scale *= 3")
    near = page.evaluate(written)
    assert set(near) <= {*words}
    assert 4 <= len(near) <= 60
    page.fill("#search", "alike")
    page.wait_for_timeout(300)
    assert set(page.evaluate(written)) == {"alike"}
    assert trouble() == []
    page.close()
