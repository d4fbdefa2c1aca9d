"""Sounds of a page: as many as there is room for, and those that are left out are counted."""

import base64

import numpy as np

from nearspace.data.kinds.audio_shown import clip, read_clip
from nearspace.data.sound import Sound
from nearspace.recipe import Recipe
from nearspace.report.map import map_page
from nearspace.report.sounds import sounds
from nearspace.space.map.landmarks import landmarks
from nearspace.space.map.maps import layout
from nearspace.space.space import Space


def clips(n):
    return [clip(Sound(np.full(800 + at, 0.1, np.float32), 8000)) for at in range(n)]


def test_sounds_stand_in_their_order_and_those_without_room_are_counted():
    shown = [*clips(9), b"", b"junk"]
    told = sounds(shown)
    assert told.left_out == 0
    assert told.codes[9:] == ["", ""]
    for code, data in zip(told.codes[:9], shown, strict=False):
        assert base64.b64decode(code.partition(",")[2]) == data
    few = sounds(shown, largest=sum(map(len, shown)) // 3)
    assert few.left_out == few.codes.count("") - 2 >= 6
    assert few.codes[0]
    assert few.codes[8]
    assert sounds([b"", b"\x89PNG"]) is None


def test_the_map_has_them_and_a_picture_of_each():
    places = np.random.default_rng(0).normal(size=(12, 3)).astype(np.float32)
    space = Space(places, np.arange(12), None, Recipe("x", "0"), thumbnails=clips(12))
    shown = layout(space)
    marks = landmarks(space, shown.places, metric="euclidean")
    page = map_page(space, shown, marks)
    assert sorted(read_clip(base64.b64decode(code.partition(",")[2])).seconds
                  for code in page.data["sounds"])[0] < 0.11  # fmt: skip
    assert "cannot be read" not in page.html()
    assert "Sound on" in page.html()
