"""Pages of sounds in a real browser; left out where there is none."""

import shutil

import numpy as np
import pytest

from nearspace import compare, embed, load, write_map, write_report

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium to open the page in")
FLAGS = ["--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader",
         "--enable-unsafe-swiftshader"]  # fmt: skip


@pytest.fixture(scope="module")
def vowels():
    dataset = load("vowels")
    return dataset.take(np.arange(0, len(dataset), 4))


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


def opened(browser, path, trouble):
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.on("pageerror", lambda error: trouble.append(str(error)))
    page.on("console", lambda message: trouble.append(message.text))
    page.goto(path.as_uri())
    return page


def until(page, expression):
    """Wait until an expression is true; the page's policy lets it poll none itself."""
    for _ in range(100):
        if page.evaluate(expression):
            return
        page.wait_for_timeout(50)
    raise AssertionError(expression)


def test_the_items_of_a_report_sound_when_they_are_pressed(browser, vowels, tmp_path):
    trouble = []
    board = compare(vowels, encoders=["mfcc"], folds=1)
    page = opened(browser, write_report(board, tmp_path / "report.html"), trouble)
    lengths = {round(sound.seconds, 2) for sound in vowels.items}
    playing = "document.querySelectorAll('audio').values().filter((a) => !a.paused).toArray()"
    picture = page.locator(".strip .sound img").first
    picture.click()
    until(page, f"{playing}.length === 1 && {playing}[0].duration > 0")
    assert round(page.evaluate(f"{playing}[0].duration"), 2) in lengths
    picture.focus()
    page.keyboard.press("Enter")
    page.locator("#hear").click()  # nothing sounds at once
    until(page, f"{playing}.length === 0")
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
    until(page, "document.querySelector('#tip audio')?.currentTime > 0")
    assert trouble == []
    page.close()


def test_the_points_of_a_map_sound_when_they_are_pointed_at(browser, vowels, tmp_path):
    trouble = []
    space = embed(vowels, "mfcc")
    page = opened(browser, write_map(space, tmp_path / "map.html"), trouble)
    seconds = {
        str(name): sound.seconds for name, sound in zip(space.ids, vowels.items, strict=True)
    }
    point = """(i) => {
      const box = over.getBoundingClientRect();
      return [box.left + across(i), box.top + down(i)];
    }"""

    def at(i):
        for _ in range(100):  # the map takes its place after a moment
            page.mouse.move(*page.evaluate(point, i))
            if page.evaluate("state.hover") >= 0:
                break
            page.wait_for_timeout(50)
        return page.evaluate("page.ids[state.hover]")

    at(3)
    page.wait_for_timeout(200)
    assert page.evaluate("voice.src") == ""  # nobody has asked for it
    page.locator("#hear").click()
    assert page.inner_text("#hear") == "Sound off"
    for i in (3, 11):
        name = at(i)
        until(page, "voice.duration > 0 && voice.currentTime > 0")
        assert abs(page.evaluate("voice.duration") - seconds[name]) < 0.01
    page.mouse.down()
    page.mouse.up()
    told = page.evaluate(
        """async () => { const own = document.querySelector("#chosen audio"); await own.play();
          return [own.duration, page.ids[state.chosen]]; }"""
    )
    assert abs(told[0] - seconds[told[1]]) < 0.01
    assert trouble == []
    page.close()
