"""Images side by side in one picture."""

import numpy as np
import pytest

from nearspace.errors import DataError
from nearspace.space.pictures import image_grid


def test_every_image_stands_where_it_should_in_its_own_pixels():
    images = np.arange(5 * 3 * 4, dtype=np.uint8).reshape(5, 3, 4, 1)
    picture = np.asarray(image_grid(images, columns=2))
    factor, gap = 16, 2
    assert picture.shape == (3 * (3 * factor + gap) + gap, 2 * (4 * factor + gap) + gap)
    for index, image in enumerate(images):
        top = gap + index // 2 * (3 * factor + gap)
        left = gap + index % 2 * (4 * factor + gap)
        part = picture[top : top + 3 * factor, left : left + 4 * factor]
        np.testing.assert_array_equal(part[::factor, ::factor], image[..., 0])
        np.testing.assert_array_equal(part, part[::factor, ::factor].repeat(16, 0).repeat(16, 1))
    assert (picture[-3 * factor - gap :, 4 * factor + 2 * gap :] == 255).all()  # none there


def test_floats_are_clipped_and_colour_stays():
    picture = np.asarray(image_grid(np.full((2, 70, 40, 3), [-0.5, 0.5, 2.0])))
    assert picture.shape == (74, 86, 3)
    np.testing.assert_array_equal(picture[5, 5], [0, 128, 255])


def test_what_is_no_image_or_too_much_is_refused():
    with pytest.raises(DataError, match="expected an array of shape"):
        image_grid(np.zeros((4, 3)))
    with pytest.raises(DataError, match="take fewer, or write an array"):
        image_grid(np.broadcast_to(np.uint8(0), (100_000, 64, 64, 1)))
