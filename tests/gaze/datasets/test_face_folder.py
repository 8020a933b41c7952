"""A folder of face crops with a CSV."""

import cv2
import numpy as np
import pytest

from gaze.cli import main as gaze_main
from gaze.datasets.face_folder import read_face_folder
from gaze.datasets.normalized_hdf5 import NormalizedFile
from gaze.errors import DataError


@pytest.fixture
def folder(tmp_path):
    """Three crops of two people."""
    rng = np.random.default_rng(0)
    images = tmp_path / "my faces"
    images.mkdir()
    for name in ("a.png", "b b.png", "c.png"):
        cv2.imwrite(str(images / name), rng.integers(0, 256, (40, 40, 3), dtype=np.uint8))
    lines = [
        "file,pitch_rad,yaw_rad,person",
        "a.png,0.1,-0.2,anna",
        "b b.png,-0.3,0,bert",
        "c.png,0,1e-1,anna",
    ]
    (tmp_path / "labels.csv").write_bytes(("\ufeff" + "\r\n".join(lines)).encode())
    return tmp_path


def test_crops_and_labels_are_read(folder):
    faces = read_face_folder(folder / "my faces", folder / "labels.csv")
    assert faces.person.tolist() == ["anna", "bert", "anna"]
    np.testing.assert_array_equal(faces.pitch_yaw_rad, [[0.1, -0.2], [-0.3, 0.0], [0.0, 0.1]])
    samples = list(faces.samples())
    assert [sample.frame_id for sample in samples] == ["a.png", "b b.png", "c.png"]
    assert samples[1].image.shape == (40, 40, 3)
    assert samples[1].label_space == "rotation-only"
    assert samples[1].head_pitch_yaw_rad is None


def test_a_folder_is_prepared_by_the_command(folder, capsys):
    out = folder / "out.h5"
    argv = ["prepare", str(folder / "my faces"), "--format", "folder", "--out", str(out), "--size", "112"]
    assert gaze_main(argv) == 2
    assert gaze_main([*argv, "--label-space", "rotation-only"]) == 2
    assert "needs --labels" in capsys.readouterr().err
    argv += ["--label-space", "rotation-only", "--labels", str(folder / "labels.csv"), "--workers", "1"]
    assert gaze_main(argv) == 0
    with NormalizedFile(out) as file:
        assert file.rows.frame_id.tolist() == ["a.png", "c.png", "b b.png"]
        assert file.read([0]).shape == (1, 112, 112, 3)


def test_a_person_named_twice_is_taken_once(folder):
    out = folder / "out.h5"
    argv = ["prepare", str(folder / "my faces"), "--format", "folder", "--out", str(out), "--size", "112"]
    argv += ["--label-space", "rotation-only", "--labels", str(folder / "labels.csv"), "--workers", "1"]
    assert gaze_main([*argv, "--persons", "bert", "anna", "bert"]) == 0
    with NormalizedFile(out) as file:
        assert file.rows.frame_id.tolist() == ["a.png", "c.png", "b b.png"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("file,pitch,yaw\n", "line 1 lacks pitch_rad, yaw_rad"),
        ("file,pitch_rad,yaw_rad,pitch_rad\n", "line 1 names a column twice: .*; remove one"),
        ("file,pitch_rad,yaw_rad\n", "holds no row"),
        ("file,pitch_rad,yaw_rad\nx.png,0,0\n", "line 2: no picture 'x.png'"),
        ("file,pitch_rad,yaw_rad\na.png,0,0\na.png,0,0\n", "line 3: a.png stands twice"),
        ("file,pitch_rad,yaw_rad\na.png,zero,0\n", "line 2: pitch_rad must be a number, got 'zero'"),
        ("file,pitch_rad,yaw_rad\na.png,0\n", "line 2: yaw_rad must be a number, got None"),
        ("file,pitch_rad,yaw_rad\na.png,nan,0\n", "line 2: pitch_rad must be radians"),
        ("file,pitch_rad,yaw_rad\na.png,-12.5,3\n", "line 2: pitch_rad must be radians within"),
        ("file,pitch_rad,yaw_rad\na.png,1e300,3\n", "line 2: pitch_rad must be radians within"),
        ('file,pitch_rad,yaw_rad\n"a.png,0,0\n' + 99 * "b b.png,0,0\n", "line 101: no picture 'a.png,0,0"),
    ],
)
def test_a_bad_csv_is_named_with_its_line(folder, text, message):
    (folder / "labels.csv").write_text(text)
    with pytest.raises(DataError, match=message):
        read_face_folder(folder / "my faces", folder / "labels.csv")


def test_missing_files_are_named(folder):
    with pytest.raises(DataError, match="no such folder of pictures"):
        read_face_folder(folder / "none", folder / "labels.csv")
    with pytest.raises(DataError, match=r"none.csv: cannot be read"):
        read_face_folder(folder / "my faces", folder / "none.csv")
    (folder / "my faces" / "a.png").write_bytes(b"\x89PNG")
    with pytest.raises(DataError, match=r"a.png: holds no picture"):
        read_face_folder(folder / "my faces", folder / "labels.csv").sample(0)
