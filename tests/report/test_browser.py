"""The page in a real browser; left out where there is none."""

import shutil

import pytest

from nearspace.report import write_report

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium to open the page in")


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.mark.parametrize("name", ["digits", "texts"])
def test_the_page_fits_a_phone_without_errors_or_requests(browser, board, name, tmp_path):
    page = browser.new_page(viewport={"width": 390, "height": 800})
    trouble = []
    page.on("console", lambda message: trouble.append(message.text))
    page.on("pageerror", lambda error: trouble.append(str(error)))
    page.on("dialog", lambda dialog: trouble.append(dialog.message))
    page.on("request", lambda request: trouble.append(request.url))
    path = write_report(board(name), tmp_path / "report.html")
    page.goto(path.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    drawn = page.evaluate("document.querySelectorAll('.plot .main-svg').length")
    assert drawn >= page.evaluate("document.querySelectorAll('.plot').length") > 0
    assert [text for text in trouble if not text.startswith(("data:", path.as_uri()))] == []
    page.close()


def test_pointing_at_a_map_shows_the_item_and_rings_it_everywhere(browser, board, tmp_path):
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(write_report(board("digits"), tmp_path / "report.html").as_uri())
    place = page.evaluate(
        """() => {
          const plot = document.querySelector(".map .plot");
          plot.scrollIntoView({ behavior: "instant", block: "center" });
          const { left, bottom, width } = plot.getBoundingClientRect(), { x, y } = plot.data[0];
          return [left + (x[5] + 40) / 1080 * width, bottom - (y[5] + 40) / 1080 * width];
        }"""
    )
    page.wait_for_timeout(100)
    page.mouse.move(place[0] - 3, place[1])
    page.mouse.move(*place)
    page.wait_for_selector("#tip:not([hidden]) img")
    assert page.inner_text("#tip b") == board("digits").shown_target.texts[5]
    assert page.locator(".ring:not([hidden])").count() == 8
    page.close()
