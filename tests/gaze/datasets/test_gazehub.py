"""GazeHub's layout: its order, its scaled labels, and the way back to rotation-only ones."""

import shutil

import cv2
import numpy as np
import pytest
import second_reader

from gaze.datasets.gazehub import gazehub_persons, read_gazehub_person
from gaze.datasets.normalized_hdf5 import NormalizedFile
from gaze.datasets.prepare import prepare
from gaze.datasets.prepare_converted import GazeHubSource
from gaze.errors import DataError


def _join(values):
    return ",".join(repr(float(value)) for value in values)


@pytest.fixture(scope="module")
def converted(standin, tmp_path_factory):
    """One person of the stand-in as GazeHub would convert it, from the independent reader's numbers."""
    tmp_path = tmp_path_factory.mktemp("gazehub")
    rows = second_reader.read(standin, 224, "p00")
    (tmp_path / "Label").mkdir()
    (tmp_path / "Image" / "p00" / "face").mkdir(parents=True)
    lines = ["Face Left Right Origin WhichEye 3DGaze 3DHead 2DGaze 2DHead Rmat Smat GazeOrigin"]
    for index, row in enumerate(rows, start=1):
        name = f"p00/face/{index}.jpg"
        cv2.imwrite(str(tmp_path / "Image" / name), row["face"])
        S = np.diag([1, 1, row["scale"]])
        gaze = S @ row["R"] @ (row["target"] - row["centre"])
        gaze /= np.linalg.norm(gaze)
        yaw_pitch = np.deg2rad(row["scaled_gaze_deg"][::-1])
        rvec = cv2.Rodrigues(row["R"])[0].ravel()
        lines.append(
            f"{name} p00/left/{index}.jpg p00/right/{index}.jpg p00/{row['image']} {row['eye']} "
            f"{_join(gaze)} 0.0,0.0,0.0 {_join(yaw_pitch)} {_join(np.deg2rad(row['head_deg'][::-1]))} "
            f"{_join(rvec)} 1.0,1.0,{row['scale']!r} {_join(row['centre'])}"
        )
    (tmp_path / "Label" / "p00.label").write_text("\n".join(lines) + "\n")
    return tmp_path, rows


@pytest.fixture
def hub(converted, tmp_path):
    """A copy that a test may damage, and the independent reader's rows."""
    return shutil.copytree(converted[0], tmp_path / "hub"), converted[1]


def test_order_and_scaling_are_undone(hub):
    root, rows = hub
    assert gazehub_persons(root) == ("p00",)
    person = read_gazehub_person(root, "p00")
    scaled = np.rad2deg(person.pitch_yaw_rad("scaled"))
    np.testing.assert_allclose(scaled, [row["scaled_gaze_deg"] for row in rows], atol=1e-9)
    rotation_only = np.rad2deg(person.pitch_yaw_rad("rotation-only"))
    np.testing.assert_allclose(rotation_only, [row["gaze_deg"] for row in rows], atol=1e-9)
    np.testing.assert_allclose(
        np.rad2deg(person.head_pitch_yaw_rad), [r["head_deg"] for r in rows], atol=1e-9
    )
    for sample, row in zip(person.samples("rotation-only"), rows, strict=True):
        assert (sample.person, sample.day) == ("p00", row["day"])
        assert sample.label_space == "rotation-only"
        np.testing.assert_allclose(np.rad2deg(sample.gaze_pitch_yaw_rad), row["gaze_deg"], atol=1e-9)
    with pytest.raises(DataError, match="not 'camera'"):
        person.pitch_yaw_rad("camera")


def test_preparing_writes_the_label_space_asked_for(hub, tmp_path):
    root, rows = hub
    for space, key in (("scaled", "scaled_gaze_deg"), ("rotation-only", "gaze_deg")):
        out = tmp_path / f"{space}.h5"
        prepare(GazeHubSource(root, 112, space), out, workers=1, progress=False)
        with NormalizedFile(out) as file:
            assert file.header.label_space == space
            np.testing.assert_allclose(np.rad2deg(file.rows.pitch_yaw_rad), [r[key] for r in rows], atol=1e-5)
            np.testing.assert_allclose(file.rows.R_norm_cam, [r["R"] for r in rows], atol=1e-9)
            # GazeHub shows right-eye rows mirrored.
            assert file.rows.mirrored.tolist() == [r["eye"] == "right" for r in rows]


def test_a_person_named_twice_is_read_once(hub):
    root, rows = hub
    blocks = GazeHubSource(root, 112, "scaled", ("p00", "p00")).blocks()
    assert sum(block.stop - block.start for block in blocks) == len(rows)


def test_pitch_and_yaw_swapped_are_noticed(hub):
    root, _ = hub
    path = root / "Label" / "p00.label"
    lines = path.read_text().splitlines()
    words = lines[3].split()
    words[7] = ",".join(reversed(words[7].split(",")))
    lines[3] = " ".join(words)
    path.write_text("\n".join(lines))
    with pytest.raises(DataError, match=r"line 4: 2DGaze read as \(yaw, pitch\) differs from 3DGaze by"):
        read_gazehub_person(root, "p00")


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        (5, "0.1,nan,-0.9", "line 2: 3DGaze must hold 3 finite numbers"),
        (10, "1.0,1.0", "line 2: Smat must hold 3 finite numbers"),
        (10, "1,1,-2", "line 2: Smat must be positive"),
        (8, "a,b", "line 2: 2DHead must hold numbers, got 'a,b'"),
        (11, "", "line 2: 11 columns instead of 12"),
    ],
)
def test_damaged_lines_are_named(hub, column, value, message):
    root, _ = hub
    path = root / "Label" / "p00.label"
    lines = path.read_text().splitlines()
    words = lines[1].split()
    words[column] = value
    lines[1] = " ".join(words)
    path.write_text("\r\n".join(lines))
    with pytest.raises(DataError, match=message):
        read_gazehub_person(root, "p00")


def test_missing_files_and_columns_are_named(hub, tmp_path):
    root, _ = hub
    with pytest.raises(DataError, match=r"p05.label: cannot be read"):
        read_gazehub_person(root, "p05")
    (root / "Label" / "p01.label").write_text("Face 3DGaze\n")
    with pytest.raises(DataError, match="line 1 lacks the columns Left, Right"):
        read_gazehub_person(root, "p01")
    with pytest.raises(DataError, match="holds no Label"):
        gazehub_persons(tmp_path / "empty")
    with pytest.raises(DataError, match="has no p09; its people are p00"):
        GazeHubSource(root, 112, "scaled", ("p09",)).blocks()
