import os
import struct
from pathlib import Path

import cv2
import numpy as np
import pytest
from loop_fakes import noise, write_clip

from deploy.sources import kind_of_source, open_source
from deploy.sources.base import without_credentials
from gaze.errors import DataError, SourceError, UsageError
from gaze.picture_files import read_picture


def read_all(source):
    frames = []
    with source:
        while not source.ended:
            frame = source.read(1.0)
            if frame is not None:
                frames.append(frame)
    return frames


def with_exif_rotation(jpeg, orientation):
    """The JPEG with an EXIF block that holds nothing but the orientation tag (0x0112)."""
    block = b"Exif\0\0MM\0*\0\0\0\x08\0\x01" + struct.pack(">HHIHH", 0x0112, 3, 1, orientation, 0) + b"\0" * 4
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(block) + 2) + block + jpeg[2:]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("0", "camera"),
        ("12", "camera"),
        ("/dev/video3", "camera"),
        ("-", "stdin"),
        ("rtsp://user:secret@10.0.0.1/stream", "url"),
        ("http://host/video.mp4?x=1", "url"),
        ("RTSP://10.0.0.1/stream", "url"),
        ("videotestsrc ! appsink", "gstreamer"),
        ("videotestsrc ! appsink name=" + "a" * 300, "gstreamer"),
    ],
)
def test_kinds_by_text(text, kind):
    assert kind_of_source(text) == kind


def test_kinds_by_file(tmp_path):
    (tmp_path / "a.JPG").touch()
    (tmp_path / "b.mp4").touch()
    assert kind_of_source(str(tmp_path)) == "folder"
    assert kind_of_source(str(tmp_path / "a.JPG")) == "picture"
    assert kind_of_source(str(tmp_path / "b.mp4")) == "video"


def test_a_file_is_taken_as_such_whatever_its_name_looks_like(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a ! b.mp4", "10:30.mp4", "data:a.avi", "a%03d.mp4", "²"):
        write_clip(tmp_path / "clip.avi", 2)
        (tmp_path / "clip.avi").rename(name)
        assert kind_of_source(name) == "video"
        assert len(read_all(open_source(name))) == 2


def test_names_that_no_number_and_no_decoder_takes(tmp_path):
    with pytest.raises(SourceError, match="File name too long"):
        kind_of_source("9" * 5000)
    (tmp_path / os.fsdecode(b"\xff.mp4")).write_bytes(b"film")
    with pytest.raises(SourceError, match="is not UTF-8; rename it"):
        open_source(str(tmp_path / os.fsdecode(b"\xff.mp4")))


@pytest.mark.parametrize("name", ["pipe.mp4", "pipe.png", "zero.mp4", "zero.png"])
def test_pipes_and_devices_are_not_waited_for(tmp_path, name):
    """A signal could not end a run that waits for the writer of a pipe."""
    if name.startswith("pipe"):
        os.mkfifo(tmp_path / name)
    else:
        (tmp_path / name).symlink_to("/dev/zero")
    with pytest.raises(SourceError, match=r"is a pipe or device and no plain file; .* --source -"):
        open_source(str(tmp_path / name))


def test_an_empty_source_is_wrong_use_and_not_the_current_folder():
    with pytest.raises(UsageError, match="--source is empty"):
        kind_of_source("")


def test_what_is_nothing_lists_the_cameras():
    with pytest.raises(SourceError, match=r"nowhere\.mp4: no such file or folder; cameras found: "):
        open_source("nowhere.mp4")


def test_credentials_are_hidden():
    assert without_credentials("rtsp://me:secret@host/x lost") == "rtsp://***@host/x lost"


def test_video_gives_every_frame_at_its_time(tmp_path):
    frames = read_all(open_source(str(write_clip(tmp_path / "a clip.mp4", 12))))
    assert [frame.index for frame in frames] == list(range(12))
    assert [frame.t_s for frame in frames] == pytest.approx([i / 25 for i in range(12)], abs=1e-3)
    assert [frame.image.mean() for frame in frames] == pytest.approx([10 * i for i in range(12)], abs=5)


def test_video_knows_its_length_and_rate(tmp_path):
    with open_source(str(write_clip(tmp_path / "a.avi", 7, codec="MJPG"))) as source:
        assert (source.frame_count, source.fps, source.live, source.sequence) == (7, 25.0, False, True)


def test_loop_goes_on_in_time(tmp_path):
    with open_source(str(write_clip(tmp_path / "a.mp4", 5)), loop=True) as source:
        frames = [source.read(0.0) for _ in range(13)]
    assert [frame.index for frame in frames] == list(range(13))
    assert np.diff([frame.t_s for frame in frames]) == pytest.approx([0.04] * 12, abs=1e-3)
    assert frames[11].image.mean() == pytest.approx(frames[1].image.mean(), abs=1)


def test_loop_is_for_videos(tmp_path):
    cv2.imwrite(str(tmp_path / "a.png"), noise())
    with pytest.raises(UsageError, match="--loop plays video files"):
        open_source(str(tmp_path / "a.png"), loop=True)


def test_empty_video(tmp_path):
    (tmp_path / "empty.mp4").touch()
    with pytest.raises(SourceError, match=r"empty\.mp4: is empty \(0 bytes\)"):
        open_source(str(tmp_path / "empty.mp4"))


def test_a_video_of_no_length(tmp_path):
    """Containers that are whole and hold not one picture."""
    with (
        pytest.raises(SourceError, match=r"none\.avi: holds no frame that can be decoded"),
        open_source(str(write_clip(tmp_path / "none.avi", 0, codec="MJPG"))) as source,
    ):
        source.read(0.0)
    with pytest.raises(SourceError, match=r"none\.mp4: cannot be opened as a video"):
        open_source(str(write_clip(tmp_path / "none.mp4", 0)))


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="needs /proc")
def test_a_video_that_the_disk_does_not_give(tmp_path):
    """A plain file whose first byte cannot be read, whoever asks."""
    (tmp_path / "bad.mp4").symlink_to("/proc/self/mem")
    with pytest.raises(SourceError, match=r"bad\.mp4: cannot be read \(Input/output error\); check the path"):
        open_source(str(tmp_path / "bad.mp4"))


def test_a_file_that_is_no_video(tmp_path):
    (tmp_path / "text.mp4").write_text("this is no video")
    with pytest.raises(SourceError, match=r"text\.mp4: cannot be opened as a video"):
        open_source(str(tmp_path / "text.mp4"))


def test_a_video_cut_before_its_index(tmp_path):
    whole = write_clip(tmp_path / "whole.mp4", 40).read_bytes()
    (tmp_path / "cut.mp4").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(SourceError, match=r"cut\.mp4: cannot be opened as a video; it is truncated"):
        open_source(str(tmp_path / "cut.mp4"))


def test_a_video_that_breaks_off_gives_its_frames_first(tmp_path):
    """A QuickTime file whose index comes first, cut in the middle of its pictures."""
    whole = _index_first(write_clip(tmp_path / "whole.mp4", 60).read_bytes())
    (tmp_path / "cut.mp4").write_bytes(whole[: int(len(whole) * 0.6)])
    source = open_source(str(tmp_path / "cut.mp4"))
    count = 0
    with source, pytest.raises(SourceError, match=r"breaks off after \d+ of 60 frames") as caught:
        while source.read(0.0) is not None:
            count += 1
    assert 5 < count < 54
    assert f"after {count} of" in str(caught.value)


def _index_first(content):
    """Move the moov box before mdat and shift its chunk offsets (stco), as 'faststart' does."""
    boxes, at = {}, 0
    while at < len(content):
        size, name = struct.unpack(">I4s", content[at : at + 8])
        if size == 1:
            size = struct.unpack(">Q", content[at + 8 : at + 16])[0]
        boxes[name] = content[at : at + size]
        at += size
    moov = bytearray(boxes[b"moov"])
    at = moov.find(b"stco") + 8
    count = struct.unpack(">I", moov[at : at + 4])[0]
    for i in range(count):
        place = at + 4 + 4 * i
        offset = struct.unpack(">I", moov[place : place + 4])[0]
        moov[place : place + 4] = struct.pack(">I", offset + len(moov))
    return b"".join([boxes[b"ftyp"], bytes(moov), *(boxes[k] for k in boxes if k not in (b"ftyp", b"moov"))])


def test_a_directory_without_rights_or_a_missing_file_says_so(tmp_path):
    with pytest.raises(DataError, match="cannot be read"):
        read_picture(tmp_path / "missing.png")


def test_grey_alpha_sixteen_bit_and_one_pixel(tmp_path):
    colour = (10, 20, 30)
    cases = {
        "grey.png": (np.full((5, 7), 77, np.uint8), (77, 77, 77)),
        "alpha.png": (np.full((5, 7, 4), (*colour, 0), np.uint8), colour),
        "deep.png": (np.full((5, 7), 40000, np.uint16), (156, 156, 156)),
        "deep_colour.png": (np.full((5, 7, 3), (256 * 10, 256 * 20, 256 * 30), np.uint16), colour),
        "deep.tiff": (np.full((5, 7, 3), (256 * 10, 256 * 20, 256 * 30), np.uint16), colour),
        "pixel.png": (np.full((1, 1, 3), colour, np.uint8), colour),
    }
    for name, (pixels, wanted) in cases.items():
        assert cv2.imwrite(str(tmp_path / name), pixels)
        image = read_picture(tmp_path / name)
        assert image.dtype == np.uint8
        assert image.shape == (*pixels.shape[:2], 3)
        assert tuple(int(value) for value in image[0, 0]) == wanted, name


def test_eight_k(tmp_path):
    cv2.imwrite(str(tmp_path / "large.jpg"), np.zeros((4320, 7680), np.uint8))
    (frame,) = read_all(open_source(str(tmp_path / "large.jpg")))
    assert frame.image.shape == (4320, 7680, 3)


@pytest.mark.parametrize(("orientation", "bright_corner"), [(3, (-1, -1)), (6, (0, -1)), (8, (-1, 0))])
def test_exif_rotation(tmp_path, orientation, bright_corner):
    """Orientation 3 is turned by 180 degrees, 6 clockwise, 8 anticlockwise to be upright (EXIF 2.3)."""
    image = np.zeros((32, 64, 3), np.uint8)
    image[:16, :16] = 255  # top left as stored
    jpeg = cv2.imencode(".jpg", image)[1].tobytes()
    path = tmp_path / "turned.jpg"
    path.write_bytes(with_exif_rotation(jpeg, orientation))
    upright = read_picture(path)
    assert upright.shape[:2] == ((32, 64) if orientation == 3 else (64, 32))
    assert upright[bright_corner].mean() > 200
    assert upright.mean() < 50


def test_files_that_are_no_pictures(tmp_path):
    (tmp_path / "empty.png").touch()
    (tmp_path / "text.jpg").write_text("no picture")
    with pytest.raises(SourceError, match="is empty"):
        read_all(open_source(str(tmp_path / "empty.png")))
    with pytest.raises(SourceError, match="holds no picture that can be decoded"):
        read_all(open_source(str(tmp_path / "text.jpg")))


def test_folder_in_natural_order_without_what_is_no_picture(tmp_path):
    for number in (10, 2, 1):
        cv2.imwrite(str(tmp_path / f"img{number}.png"), np.full((4, 4, 3), number, np.uint8))
    cv2.imwrite(str(tmp_path / "img²²3.png"), np.full((4, 4, 3), 11, np.uint8))
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / "img3.png").write_text("no picture")
    (tmp_path / ".hidden.png").touch()
    (tmp_path / "sub.png").mkdir()
    source = open_source(str(tmp_path))
    assert (source.frame_count, source.ignored, source.sequence) == (5, 1, False)
    frames = read_all(source)
    assert [int(frame.image[0, 0, 0]) for frame in frames] == [1, 2, 10, 11]
    assert len(source.skipped) == 1
    assert "img3.png" in source.skipped[0]


def test_folder_with_a_rate_is_a_sequence(tmp_path):
    for number in range(3):
        cv2.imwrite(str(tmp_path / f"{number}.png"), noise(number))
    source = open_source(str(tmp_path), fps=10.0)
    assert source.sequence
    assert [frame.t_s for frame in read_all(source)] == pytest.approx([0.0, 0.1, 0.2])


def test_folder_without_pictures(tmp_path):
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(SourceError, match="holds no picture among its 1 files"):
        open_source(str(tmp_path))


def test_a_name_that_is_not_ascii(tmp_path):
    path = Path(os.fspath(tmp_path)) / "Gesicht ö 顔.png"
    path.write_bytes(cv2.imencode(".png", noise())[1].tobytes())
    assert np.array_equal(read_all(open_source(str(path)))[0].image, noise())


@pytest.mark.parametrize("ending", [".hdr", ".PFM", ".exr"])
def test_pictures_of_floating_point_numbers_are_refused(tmp_path, ending):
    path = tmp_path / f"a{ending}"
    path.write_bytes(b"any")
    with pytest.raises(SourceError, match="floating point numbers; save it as PNG or JPEG"):
        open_source(str(path))
