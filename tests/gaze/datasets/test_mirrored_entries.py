"""Right-eye entries of the evaluation lists: their labels against a data set filmed in a mirror world."""

import shutil

import cv2
import numpy as np
import pytest
import scipy.io

from gaze.cli import main
from gaze.datasets.normalized_hdf5 import NormalizedFile
from gaze.datasets.prepare import prepare
from gaze.datasets.prepare_raw import RawSource

LISTS = "Evaluation Subset/sample list for eye image"
WIDTH = 1280


def _mirror_world(raw, root, person="p00"):
    """The person's raw files as if everything had been filmed in a mirror: pictures, lens, pose, target."""
    shutil.copytree(raw / person, root / person)
    shutil.copy(raw / "dataset.json", root)
    for picture in (root / person).rglob("*.jpg"):
        cv2.imwrite(str(picture), cv2.imread(str(picture))[:, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 98])
    path = root / person / "Calibration" / "Camera.mat"
    content = {key: value for key, value in scipy.io.loadmat(path).items() if not key.startswith("__")}
    content["cameraMatrix"][0, 2] = WIDTH - 1 - content["cameraMatrix"][0, 2]
    content["distCoeffs"][0, 3] *= -1  # the sideways part of the tangential distortion
    scipy.io.savemat(path, content)
    lines = []
    for line in (root / person / f"{person}.txt").read_text().splitlines():
        words = line.split()
        n = np.array([float(word) for word in words[1:27]])
        six = n[2:14].reshape(6, 2)
        six[:, 0] = WIDTH - 1 - six[:, 0]
        six = np.concatenate([six[:4][::-1], six[4:][::-1]])
        rvec = n[14:17] * [1, -1, -1]  # a rotation turns the other way round, but about the mirror's normal
        rest = [n[17:20], n[20:23], n[23:26]]
        numbers = [*n[:2], *six.ravel(), *rvec, *np.concatenate([v * [-1, 1, 1] for v in rest])]
        lines.append(" ".join([words[0], *(f"{value:.9f}" for value in numbers), words[27]]))
    (root / person / f"{person}.txt").write_text("\n".join(lines) + "\n")
    return root


@pytest.fixture(scope="module")
def three(standin, tmp_path_factory):
    """One person: every picture once; each for both eyes, right ones mirrored; filmed in the mirror world."""
    root = tmp_path_factory.mktemp("mirror")
    names = [line.split()[0] for line in (standin / "p00" / "p00.txt").read_text().splitlines()]
    lists = root / "lists"
    lists.mkdir()
    (lists / "p00.txt").write_text("".join(f"{name} left\n{name} right\n" for name in names))
    (root / "world").mkdir()
    sources = {
        "plain": RawSource(standin, 112, ("p00",)),
        "both": RawSource(standin, 112, ("p00",), lists),
        "world": RawSource(_mirror_world(standin, root / "world"), 112, ("p00",), None, None),
    }
    for name, source in sources.items():
        prepare(source, root / f"{name}.h5", workers=1, progress=False)
    return {name: NormalizedFile(root / f"{name}.h5") for name in sources}


def test_left_entries_are_shown_as_they_are(three):
    plain, both = three["plain"], three["both"]
    left = np.flatnonzero(both.rows.eye == "left")
    assert not both.rows.mirrored[left].any()
    np.testing.assert_array_equal(both.rows.pitch_yaw_rad[left], plain.rows.pitch_yaw_rad)
    np.testing.assert_array_equal(both.read(left), plain.read(np.arange(len(plain))))
    assert both.header.options == {"subset": "evaluation", "right_eyes": "mirrored"}


def test_right_entries_are_those_of_the_mirror_world(three):
    both, world = three["both"], three["world"]
    right = np.flatnonzero(both.rows.eye == "right")
    assert both.rows.mirrored[right].all()
    assert not world.rows.mirrored.any()
    assert np.abs(world.rows.pitch_yaw_rad[:, 1]).max() > 0.05
    np.testing.assert_allclose(both.rows.pitch_yaw_rad[right], world.rows.pitch_yaw_rad, atol=1e-6)
    np.testing.assert_allclose(both.rows.head_pitch_yaw_rad[right], world.rows.head_pitch_yaw_rad, atol=1e-6)
    # The normalised camera looks at pixel S/2, a mirrored picture turns about (S-1)/2: one pixel apart.
    shift = world.rows.landmarks_norm_px - both.rows.landmarks_norm_px[right]
    np.testing.assert_allclose(shift, np.broadcast_to([1.0, 0.0], shift.shape), atol=0.02)
    mirrored, filmed = both.read(right).astype(int), world.read(np.arange(len(world))).astype(int)
    same = np.abs(mirrored[:, :, :-1] - filmed[:, :, 1:]).mean()
    other_way = np.abs(mirrored[:, :, ::-1] - filmed).mean()
    assert same < 0.5
    assert other_way > 5 * same


def test_mirrored_rows_keep_the_real_camera(three):
    plain, both = three["plain"].rows, three["both"].rows
    right = np.flatnonzero(both.mirrored)
    for name in ("R_norm_cam", "centre_cam_mm", "target_cam_mm", "distance_scale", "brightness"):
        np.testing.assert_allclose(getattr(both, name)[right], getattr(plain, name), rtol=1e-6)


def test_the_command_mirrors_unless_told_not_to(standin, tmp_path, capsys):
    argv = ["prepare", str(standin), "--persons", "p01", "--size", "112", "--workers", "1"]
    assert main([*argv, "--out", str(tmp_path / "x.h5"), "--no-mirror"]) == 2
    assert "--no-mirror belongs to --subset evaluation" in capsys.readouterr().err
    argv += ["--subset", "evaluation", "--subset-lists", str(standin / LISTS)]
    assert main([*argv, "--out", str(tmp_path / "mirrored.h5")]) == 0
    assert main([*argv, "--out", str(tmp_path / "plain.h5"), "--no-mirror"]) == 0
    with NormalizedFile(tmp_path / "mirrored.h5") as first, NormalizedFile(tmp_path / "plain.h5") as second:
        right = first.rows.eye == "right"
        assert 0 < right.sum() < len(first)
        np.testing.assert_array_equal(first.rows.mirrored, right)
        assert not second.rows.mirrored.any()
        assert second.header.options["right_eyes"] == "as they are"
        assert first.header.provenance_id != second.header.provenance_id


def test_files_of_before_there_was_a_mirror_are_read(three, tmp_path):
    import h5py

    shutil.copy(three["plain"].path, tmp_path / "old.h5")
    with h5py.File(tmp_path / "old.h5", "a") as file:
        del file["rows/mirrored"]
    with NormalizedFile(tmp_path / "old.h5") as old:
        assert not old.rows.mirrored.any()
        assert len(old.rows.mirrored) == len(old)
