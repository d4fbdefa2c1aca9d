import warnings

import numpy as np
import pytest
from PIL import Image as Pillow

from nearspace.data import arrays
from nearspace.data.decode import read_images, resize_images
from nearspace.errors import DataError


def write(folder, name, pixels, **options):
    path = folder / name
    Pillow.fromarray(pixels).save(path, **options)
    return path


def noise(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def test_pixels_come_back_in_order_at_their_own_size(tmp_path):
    images = noise(40, 12, 10, 3)
    paths = [write(tmp_path, f"{i:02}.png", image) for i, image in enumerate(images)]
    seen = []
    read = read_images(paths, progress=lambda done, total: seen.append((done, total)))
    np.testing.assert_array_equal(read.images, images)
    np.testing.assert_array_equal(read.kept, np.arange(40))
    assert read.failed == []
    assert read.why == "the own size of all files"
    assert seen[-1] == (40, 40)


@pytest.mark.parametrize("odd", [0, 20, 39])
def test_sizes_that_differ_are_brought_to_64_wherever_the_odd_one_stands(tmp_path, odd):
    paths = [
        write(tmp_path, f"{i}.png", noise(*(40, 40) if i == odd else (30, 20))) for i in range(40)
    ]
    read = read_images(paths)
    assert read.images.shape == (40, 64, 64, 1)
    assert "of 2 sizes" in read.why


def test_large_images_are_brought_to_64_or_as_asked(tmp_path):
    paths = [write(tmp_path, "a.jpg", noise(97, 200, 3))]
    assert read_images(paths).images.shape == (1, 64, 64, 3)
    assert "larger" in read_images(paths).why
    assert read_images(paths, size=(20, 30)).images.shape == (1, 20, 30, 3)
    assert read_images(paths, size=8, channels=1).images.shape == (1, 8, 8, 1)


@pytest.mark.parametrize("coloured", [0, 25])
def test_grey_only_if_all_are_grey(tmp_path, coloured):
    grey = [noise(8, 8, seed=i) for i in range(30)]
    paths = [write(tmp_path, f"{i}.png", image) for i, image in enumerate(grey)]
    assert read_images(paths).images.shape == (30, 8, 8, 1)
    colour = noise(8, 8, 3)
    paths[coloured] = write(tmp_path, "colour.png", colour)
    read = read_images(paths)
    np.testing.assert_array_equal(read.images[coloured], colour)
    np.testing.assert_array_equal(read.images[7], np.repeat(grey[7][..., None], 3, axis=2))


def test_the_longer_side_is_cut_about_its_centre(tmp_path):
    wide = np.zeros((10, 30), np.uint8)
    wide[:, 10:20] = 255
    read = read_images([write(tmp_path, "wide.png", wide)], size=10)
    assert (read.images == 255).all()


def test_broken_files_are_left_out_with_a_reason(tmp_path, monkeypatch):
    images = noise(5, 32, 32, 3)
    paths = [write(tmp_path, f"{i}.png", image) for i, image in enumerate(images)]
    paths[1].write_bytes(paths[1].read_bytes()[:700])
    paths[2].write_text("no image at all")
    bomb = write(tmp_path, "bomb.png", np.zeros((300, 300), np.uint8))
    gone = tmp_path / "gone.png"
    monkeypatch.setattr(Pillow, "MAX_IMAGE_PIXELS", 300 * 300 // 3)
    read = read_images([*paths, bomb, gone])
    # What could not be read has no say in the size of the rest.
    np.testing.assert_array_equal(read.images, images[[0, 3, 4]])
    np.testing.assert_array_equal(read.kept, [0, 3, 4])
    reasons = {path.name: reason for path, reason in read.failed}
    assert list(reasons) == ["1.png", "2.png", "bomb.png", "gone.png"]
    assert "truncated" in reasons["1.png"].lower() or "broken" in reasons["1.png"].lower()
    assert reasons["2.png"] == "not an image"
    assert "bomb" in reasons["bomb.png"]
    assert reasons["gone.png"] == "No such file or directory"


def test_no_readable_file_is_an_error(tmp_path):
    (tmp_path / "a.png").write_text("no")
    with pytest.raises(DataError, match=r"None of the 1 image files.*a\.png: not an image"):
        read_images([tmp_path / "a.png"])


def test_transparency_lies_on_white(tmp_path):
    pixels = np.zeros((4, 4, 4), np.uint8)
    pixels[:2] = [200, 0, 0, 255]
    pixels[3] = [0, 0, 0, 128]
    path = write(tmp_path, "alpha.png", pixels)
    palette = Pillow.fromarray(noise(4, 4) % 2).convert("P")
    palette.info["transparency"] = 0
    palette.save(tmp_path / "palette.png")
    images = read_images([path, tmp_path / "palette.png"]).images
    assert images[0, 0, 0].tolist() == [200, 0, 0]
    assert images[0, 2, 0].tolist() == [255, 255, 255]
    assert images[0, 3, 0].tolist() == [127, 127, 127]
    assert (images[1][noise(4, 4) % 2 == 0] == 255).all()


def test_sixteen_bits_are_scaled_to_eight(tmp_path):
    values = np.array([[0, 257, 65535], [128 * 257, 255, 1000]], np.uint16)
    path = write(tmp_path, "deep.png", values)
    image = read_images([path]).images[0, :, :, 0]
    np.testing.assert_array_equal(image, np.rint(values / 257))


def test_floats_have_no_known_range(tmp_path):
    deep = write(tmp_path, "deep.tiff", np.ones((3, 3), np.float32))
    good = write(tmp_path, "good.png", noise(3, 3))
    assert "no known range" in read_images([deep, good]).failed[0][1]


def test_the_orientation_that_a_camera_noted_is_applied(tmp_path):
    pixels = np.zeros((16, 32), np.uint8)
    pixels[:, :16] = 255
    exif = Pillow.Exif()
    exif[0x0112] = 6
    path = write(tmp_path, "turned.jpg", pixels, exif=exif, quality=100)
    image = read_images([path]).images[0, :, :, 0]
    assert image.shape == (32, 16)
    assert image[:14].min() > 240
    assert image[18:].max() < 15


def test_the_first_frame_stands_for_an_animation(tmp_path):
    frames = [Pillow.new("RGB", (6, 6), colour) for colour in ("red", "blue")]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    assert (read_images([tmp_path / "a.gif"]).images == [255, 0, 0]).all()


@pytest.mark.parametrize("mode", ["1", "LA", "CMYK", "YCbCr", "P"])
def test_every_mode_is_read(tmp_path, mode):
    name = "a.tiff" if mode in ("CMYK", "YCbCr") else "a.png"
    picture = Pillow.new("RGB", (5, 5), (255, 255, 255)).convert(mode)
    picture.save(tmp_path / name)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        images = read_images([tmp_path / name]).images
    assert images.shape[3] == (1 if mode in ("1", "LA") else 3)
    assert (images >= 254).all()


def test_large_collections_live_on_disk(tmp_path, monkeypatch):
    monkeypatch.setattr(arrays, "ON_DISK_BYTES", 100)
    images = noise(2100, 4, 4)
    paths = [write(tmp_path, f"{i:04}.bmp", image) for i, image in enumerate(images)]
    paths[3].write_bytes(b"")
    paths[1500].write_bytes(b"BM")
    read = read_images(paths)
    assert isinstance(read.images, np.memmap)
    keep = np.delete(np.arange(2100), [3, 1500])
    np.testing.assert_array_equal(read.images[..., 0], images[keep])
    monkeypatch.setattr(arrays.shutil, "disk_usage", lambda path: type("Usage", (), {"free": 5}))
    with pytest.raises(DataError, match=r"GiB free"):
        read_images(paths)


def test_arrays_are_resized_like_files(tmp_path):
    images = noise(3, 20, 30, 3)
    paths = [write(tmp_path, f"{i}.png", image) for i, image in enumerate(images)]
    np.testing.assert_array_equal(resize_images(images, 8), read_images(paths, 8).images)
    assert resize_images(images[..., :1], (5, 6)).shape == (3, 5, 6, 1)
