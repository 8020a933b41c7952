"""Pictures of every name: read and written, or refused with the mend."""

import hashlib
import os

import cv2
import numpy as np
import pytest

from gaze.errors import DataError, SourceError, UsageError
from gaze.picture_files import (
    check_square,
    prepare_pictures,
    read_picture,
    read_picture_and_sha256,
    write_picture,
)

PICTURE = np.arange(60, dtype=np.uint8).reshape(4, 5, 3)


@pytest.mark.parametrize(
    "name", [b"\xff\xfe.png", "ü 日本.PNG".encode(), b"100%d.png", b"a\nb.png", b"-x.png"]
)
def test_names_that_are_no_text_do_not_crash(tmp_path, name):
    """OpenCV ends the process on a name that is no UTF-8."""
    path = tmp_path / os.fsdecode(name)
    write_picture(path, PICTURE)
    np.testing.assert_array_equal(read_picture(path), PICTURE)
    assert list(tmp_path.iterdir()) == [path]


def test_what_no_format_can_hold_leaves_the_older_file(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(b"older")
    for wrong in (path, tmp_path / "a.xyz", tmp_path / "a", tmp_path / os.fsdecode(b"a.\xff")):
        picture = np.zeros((0, 0, 3), np.uint8) if wrong == path else PICTURE
        with pytest.raises(OSError, match=r"no picture that can be written; end its name in .png"):
            write_picture(wrong, picture)
    assert path.read_bytes() == b"older"
    assert list(tmp_path.iterdir()) == [path]


def test_an_ending_that_cannot_be_written_is_refused_before_the_work(tmp_path):
    prepare_pictures(None, tmp_path / "new" / "a.JPG")
    assert list((tmp_path / "new").iterdir()) == []
    for wrong in ("a.gif", "a", os.fsdecode(b"a.\xff")):
        with pytest.raises(UsageError, match=r"a picture is saved as .png, .jpg"):
            prepare_pictures(tmp_path / wrong)


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", r"is empty \(0 bytes\)"), (b"text", "holds no picture"), (None, "cannot be read .No such file")],
)
def test_what_is_no_picture_is_told_in_the_callers_kind_of_error(tmp_path, content, message):
    path = tmp_path / "a.png"
    if content is not None:
        path.write_bytes(content)
    for kind in (DataError, SourceError):
        with pytest.raises(kind, match=rf"a.png: {message}"):
            read_picture(path, kind)


def jpeg(width, height, *parameters):
    """A file of noise, without what cameras write in front of it."""
    picture = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    return cv2.imencode(".jpg", picture, parameters)[1].tobytes()


@pytest.mark.parametrize("kind", ["plain", "progressive", "with a thumbnail", "with fill bytes"])
def test_a_jpeg_that_was_cut_off_is_refused_and_a_whole_one_is_not(tmp_path, kind):
    whole = jpeg(64, 48, *((cv2.IMWRITE_JPEG_PROGRESSIVE, 1) if kind == "progressive" else ()))
    if kind == "with a thumbnail":  # an APP1 segment, as EXIF is, that holds a whole JPEG
        small = jpeg(16, 12)
        whole = whole[:2] + b"\xff\xe1" + (len(small) + 2).to_bytes(2, "big") + small + whole[2:]
    elif kind == "with fill bytes":
        whole = whole[:2] + b"\xff\xff" + whole[2:]
    path = tmp_path / "a.jpg"
    path.write_bytes(whole)
    picture, sha256 = read_picture_and_sha256(path)
    assert sha256 == hashlib.sha256(whole).hexdigest()
    np.testing.assert_array_equal(picture, cv2.imdecode(np.frombuffer(whole, np.uint8), cv2.IMREAD_COLOR))
    path.write_bytes(whole + bytes(5000))  # as phones put a film behind the picture
    np.testing.assert_array_equal(read_picture(path), picture)
    for length in (len(whole) - 2, len(whole) // 2, len(whole) - 1000):
        path.write_bytes(whole[:length])
        with pytest.raises(
            DataError, match=rf"a.jpg: truncated JPEG \({length} bytes\); copy or download it"
        ):
            read_picture(path)


def test_what_is_not_square_is_no_face():
    check_square(np.zeros((4, 4, 3), np.uint8), "a.png")
    with pytest.raises(DataError, match=r"a.png: is 5x4, a normalised face is square; give crops"):
        check_square(PICTURE, "a.png")


def test_more_pixels_than_memory_are_refused(tmp_path):
    good, content = cv2.imencode(".png", PICTURE)
    assert good
    content = bytearray(content.tobytes())
    content[16:24] = (60_000).to_bytes(4, "big") * 2
    (tmp_path / "bomb.png").write_bytes(content)
    with pytest.raises(DataError, match=r"bomb.png: (cannot be decoded|holds no picture)"):
        read_picture(tmp_path / "bomb.png")


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(DataError, match=r"pipe.png: cannot be read \(is no plain file\)"):
        read_picture(tmp_path / "pipe.png")
    (tmp_path / "zero.png").symlink_to("/dev/zero")
    with pytest.raises(DataError, match=r"zero.png: cannot be read \(is no plain file\)"):
        read_picture(tmp_path / "zero.png")
