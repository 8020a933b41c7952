"""Damaged raw data: each fault is named with file, line and mend, and the rest goes on where it can."""

import re

import cv2
import numpy as np
import pytest
import scipy.io

from gaze.datasets.mpiifacegaze_annotations import read_annotations
from gaze.datasets.mpiifacegaze_calibration import load_calibration
from gaze.datasets.mpiifacegaze_raw import RawDataset, read_subset
from gaze.datasets.normalized_hdf5 import NormalizedFile
from gaze.datasets.prepare import prepare
from gaze.datasets.prepare_raw import RawSource
from gaze.errors import DataError
from gaze.picture_files import read_picture


def _lines(root, person="p01"):
    return (root / person / f"{person}.txt").read_text().splitlines()


def _write(root, lines, person="p01", end="\n"):
    (root / person / f"{person}.txt").write_bytes((end.join(lines) + end).encode())


def _replace_column(line, column, value):
    words = line.split()
    words[column - 1] = value
    return " ".join(words)


def test_a_missing_person_is_named_with_the_way_on(damaged):
    import shutil

    shutil.rmtree(damaged / "p02")
    with pytest.raises(DataError, match=r"p02 missing of 3 people.*--persons p00 p01"):
        RawSource(damaged, 112).blocks()
    assert len(RawSource(damaged, 112, persons=("p00", "p01")).blocks()) == 2


def test_fourteen_published_people_are_missing_without_a_manifest(damaged):
    (damaged / "dataset.json").unlink()
    with pytest.raises(DataError, match=r"p03, p04.* missing of 15 people"):
        RawSource(damaged, 112).header()
    with pytest.raises(DataError, match=r"p00.txt: 8 rows, the published set has 2927.*--any-count"):
        RawSource(damaged, 112, persons=("p00",)).blocks()


@pytest.mark.parametrize("name", ["Camera.mat", "monitorPose.mat", "screenSize.mat"])
def test_a_missing_or_truncated_calibration_file_is_named(damaged, name):
    path = damaged / "p01" / "Calibration" / name
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match=rf"{name}: .*download the data set again"):
        load_calibration(path.parent)
    path.unlink()
    with pytest.raises(DataError, match=f"{name}: missing calibration file"):
        load_calibration(path.parent)


def test_both_spellings_of_the_rotation_vector_are_read(damaged):
    path = damaged / "p00" / "Calibration" / "monitorPose.mat"
    before = load_calibration(path.parent).screen
    content = scipy.io.loadmat(path)
    scipy.io.savemat(path, {"rvecs": content["rvects"], "tvecs": content["tvecs"]})
    np.testing.assert_array_equal(load_calibration(path.parent).screen.R_cam_screen, before.R_cam_screen)
    scipy.io.savemat(path, {"tvecs": content["tvecs"]})
    with pytest.raises(DataError, match="lacks rvects or rvecs"):
        load_calibration(path.parent)


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        (5, "nan", "column 5 is nan"),
        (20, "inf", "column 20 is inf"),
        (7, "12,5", "column 7 must be a number, got '12,5'"),
        (2, "abc", "column 2 must be a number, got 'abc'"),
        (28, "middle", "column 28 must be left or right, got 'middle'"),
        (24, "-500", "behind the camera"),
        (5, "1e300", "column 5 is 1e300: more than 100,000 px cannot be right"),
        (17, "-1e300", "column 17 is -1e300: more than 100 rad cannot be right"),
        (22, "1e308", "column 22 is 1e308: more than 100,000 mm cannot be right"),
        (2, "1e999", "column 2 is 1e999"),
        (1, "day01", "28 columns instead of 28"),
    ],
)
def test_a_bad_value_names_its_line_and_column(damaged, column, value, reason):
    lines = _lines(damaged)
    lines[2] = _replace_column(lines[2], column, value)
    _write(damaged, lines)
    notes, problems = read_annotations(damaged / "p01" / "p01.txt")
    assert len(notes) == 7
    assert [problem.line for problem in problems] == [3]
    assert reason in problems[0].reason


def test_wrong_column_counts_and_repeats_are_named(damaged):
    lines = _lines(damaged)
    lines[0] += " 17"
    lines[4] = " ".join(lines[4].split()[:-3])
    lines[6] = lines[5]
    _write(damaged, lines)
    _, problems = read_annotations(damaged / "p01" / "p01.txt")
    assert [(problem.line, problem.reason) for problem in problems] == [
        (1, "29 columns instead of 28"),
        (5, "25 columns instead of 28"),
        (7, f"{lines[5].split()[0]} stands on line 6 already"),
    ]
    assert str(problems[0]).endswith("p01.txt: line 1: 29 columns instead of 28")


def test_windows_line_ends_and_a_last_line_without_end_change_nothing(damaged):
    path = damaged / "p01" / "p01.txt"
    before, _ = read_annotations(path)
    _write(damaged, _lines(damaged), end="\r\n")
    windows, problems = read_annotations(path)
    assert problems == []
    np.testing.assert_array_equal(windows.eye, before.eye)
    path.write_text("\n".join(_lines(damaged)))
    np.testing.assert_array_equal(read_annotations(path)[0].target_cam_mm, before.target_cam_mm)
    _write(damaged, ["\ufeff" + _lines(damaged)[0], *_lines(damaged)[1:]])
    marked, problems = read_annotations(path)
    assert problems == []
    np.testing.assert_array_equal(marked.image, before.image)


def test_bytes_that_are_no_text_are_named_with_their_line(damaged):
    path = damaged / "p01" / "p01.txt"
    path.write_bytes(path.read_bytes().replace(b"day01/0003", b"day01/\xff003"))
    with pytest.raises(DataError, match=r"p01.txt: line 3 is not text .*; download the person again"):
        read_annotations(path)


def test_picture_names_with_spaces_are_read(damaged, tmp_path):
    lines = _lines(damaged)
    image = lines[0].split()[0]
    (damaged / "p01" / image).rename(damaged / "p01" / "a b.jpg")
    lines[0] = lines[0].replace(image, "a b.jpg")
    _write(damaged, lines)
    prepare(RawSource(damaged, 112, persons=("p01",)), tmp_path / "x y.h5", progress=False)
    with NormalizedFile(tmp_path / "x y.h5") as file:
        assert file.rows.frame_id[0] == "a b.jpg"
        assert file.rows.day[0] == ""


def test_a_truncated_picture_is_left_out_and_reported(damaged, tmp_path):
    image = damaged / "p01" / _lines(damaged)[3].split()[0]
    image.write_bytes(image.read_bytes()[:-2000])
    with pytest.raises(DataError, match="truncated JPEG"):
        read_picture(image)
    source = RawSource(damaged, 112, persons=("p00", "p01"))
    with pytest.raises(DataError, match=r"p01: 1 faces \(12%\).*p01.txt: line 4: .*truncated JPEG"):
        prepare(source, tmp_path / "out.h5", workers=1, progress=False)
    assert not (tmp_path / "out.h5").exists()
    report = prepare(source, tmp_path / "out.h5", workers=1, max_skipped_share=0.2, progress=False)
    assert report["faces"] == 15
    assert report["persons"]["p01"] == {"rows": 8, "skipped": 1, "faces": 7, "off_screen": 0}
    assert [item["where"] for item in report["skipped"]] == ["p01/p01.txt: line 4"]
    assert report["blocks_done_before"] == 1


def test_a_mended_picture_is_taken_in_at_the_next_call(damaged, tmp_path):
    image = damaged / "p01" / _lines(damaged)[3].split()[0]
    whole = image.read_bytes()
    image.write_bytes(b"")
    source = RawSource(damaged, 112, persons=("p01",))
    with pytest.raises(DataError, match=r"is empty \(0 bytes\); copy it again"):
        prepare(source, tmp_path / "out.h5", workers=1, progress=False)
    image.write_bytes(whole)
    assert prepare(source, tmp_path / "out.h5", workers=1, progress=False)["faces"] == 8
    assert not (tmp_path / "out.h5.parts").exists()


def test_a_picture_of_another_size_than_the_calibration_is_named(damaged, tmp_path):
    image = damaged / "p00" / _lines(damaged, "p00")[0].split()[0]
    cv2.imwrite(str(image), cv2.resize(cv2.imread(str(image)), (640, 360)))
    with pytest.raises(
        DataError, match=r"0001.jpg: the picture is 640x360, but Camera.mat has its principal"
    ):
        prepare(RawSource(damaged, 112, persons=("p00",)), tmp_path / "out.h5", workers=1, progress=False)
    with pytest.raises(DataError, match="640x360"):
        RawDataset(damaged).person("p00").sample(0)


def test_targets_beside_their_screen_pixel_are_left_out(damaged, tmp_path):
    lines = _lines(damaged)
    lines[1] = _replace_column(lines[1], 2, str(int(lines[1].split()[1]) + 200))
    _write(damaged, lines)
    source = RawSource(damaged, 112, persons=("p01",))
    report = prepare(source, tmp_path / "out.h5", workers=1, max_skipped_share=0.2, progress=False)
    assert re.search(
        r"gaze target lies 3\d\.\d mm|gaze target lies [45]\d\.\d mm", report["skipped"][0]["reason"]
    )
    assert report["skipped"][0]["where"] == "p01/p01.txt: line 2"


def test_the_screen_of_another_person_is_refused(damaged):
    path = damaged / "p00" / "Calibration" / "monitorPose.mat"
    content = scipy.io.loadmat(path)
    scipy.io.savemat(path, {"rvects": content["rvects"], "tvecs": content["tvecs"] + 80.0})
    with pytest.raises(DataError, match=r"do not explain the gaze targets .*--no-consistency-check"):
        RawSource(damaged, 112).blocks()
    assert len(RawSource(damaged, 112, screen_tolerance_mm=None).blocks()) == 3


@pytest.mark.parametrize(
    ("order", "message"),
    [
        ([25, 24, 26], "monitorPose.mat and screenSize.mat do not explain the gaze targets"),
        ([22, 21, 23], r"p00.txt: face centres \(columns 22-24\) lie .* mm \(median\) from"),
        ([4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13], r"p00.txt: landmarks \(columns 4-15\) lie \d+ px"),
        ([16, 15, 17], "notes"),
    ],
)
def test_swapped_axes_are_refused_or_noticed(damaged, order, message):
    lines = [line.split() for line in _lines(damaged, "p00")]
    start = min(order)
    for words in lines:
        words[start : start + len(order)] = [words[index] for index in order]
    _write(damaged, [" ".join(words) for words in lines], "p00")
    source = RawSource(damaged, 112, persons=("p00",))
    if message == "notes":
        assert any("stored face centres lie" in text for text in source.warnings())
        return
    with pytest.raises(DataError, match=message):
        source.blocks()
    # Without the check a single file is read as it is, with a note at most.
    assert RawSource(damaged, 112, persons=("p00",), screen_tolerance_mm=None).blocks()


def test_a_person_who_is_not_there_is_named(damaged):
    with pytest.raises(DataError, match="has no p07, p09; its people are p00, p01, p02"):
        RawSource(damaged, 112, persons=("p07", "p00", "p09")).header()


def test_the_camera_of_another_person_is_noticed(damaged):
    path = damaged / "p00" / "Calibration" / "Camera.mat"
    content = {key: value for key, value in scipy.io.loadmat(path).items() if not key.startswith("__")}
    content["cameraMatrix"][0, 0] *= 1.6
    scipy.io.savemat(path, content)
    assert any("is Camera.mat another person's?" in text for text in RawSource(damaged, 112).warnings())


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (["Data/Original/p00/day01"], "this is MPIIGaze"),
        (["p00.mat"], "--format released"),
        (["Label/p00.label", "Image/p00/face"], "--format gazehub"),
        (["p00/day01"], "the people have no pXX/pXX.txt"),
        (["holiday.txt"], "holds no p00/p00.txt"),
    ],
)
def test_the_wrong_data_set_is_recognised(tmp_path, make, message):
    for name in make:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch() if "." in path.name else path.mkdir()
    with pytest.raises(DataError, match=message):
        RawDataset(tmp_path)


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(DataError, match="no such folder"):
        RawDataset(tmp_path / "nothing here")


def test_the_folder_above_the_people_is_accepted(damaged, tmp_path):
    (tmp_path / "outer").mkdir()
    damaged.rename(tmp_path / "outer" / "Data")
    assert RawDataset(tmp_path / "outer").persons == ("p00", "p01", "p02")


def test_the_evaluation_lists_choose_rows_and_eyes(standin, damaged, tmp_path):
    lists = damaged / "Evaluation Subset" / "sample list for eye image"
    first, second = (line.split()[0] for line in _lines(damaged, "p00")[:2])
    (lists / "p00.txt").write_text(f"{second} left\r\n{first} right\r\n{second} right\r\n")
    source = RawSource(damaged, 112, persons=("p00",), subset_lists=lists)
    prepare(source, tmp_path / "subset.h5", progress=False)
    with NormalizedFile(tmp_path / "subset.h5") as file:
        assert file.rows.frame_id.tolist() == [second, first, second]
        assert file.rows.eye.tolist() == ["left", "right", "right"]
        assert file.rows.mirrored.tolist() == [False, True, True]
    (lists / "p00.txt").write_text("day01/9999.jpg left\n")
    with pytest.raises(DataError, match=r"1 of 1 pictures are not among.*day01/9999.jpg"):
        RawSource(damaged, 112, persons=("p00",), subset_lists=lists).blocks()
    (lists / "p00.txt").write_text("day01/0001.jpg both\n")
    with pytest.raises(DataError, match="line 1 must be a picture and left or right"):
        read_subset(lists / "p00.txt")
