"""The written report: complete, self-contained, and with the figures of the evaluation in it."""

import csv
import html.parser
import json
import re

import cv2
import pytest
from fold_runs import PEOPLE, fold, write_folds

from gaze.training.fold_errors import FewShot, evaluate
from gaze.training.report import text_table, write_report


def _calibrate(predictions):
    return [FewShot(shots, 3.0 / shots, dict.fromkeys(PEOPLE, 3.0 / shots)) for shots in (1, 9)]


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """An evaluation and the folder of its report."""
    root = tmp_path_factory.mktemp("runs")
    evaluation = evaluate(write_folds(root, [fold(p) for p in PEOPLE], bias_deg=(3.0, 0.0)), _calibrate)
    return evaluation, root / "report", write_report(evaluation, root / "report")


def test_every_file_is_there_and_nothing_else(written):
    _, folder, paths = written
    assert {path.name for path in folder.iterdir()} == {path.name for path in paths}
    assert {path.name for path in paths} >= {
        "evaluation.json", "persons.csv", "report.html", "persons.png", "cumulative.png", "few_shot.png",
        "error_by_gaze.png", "error_by_head.png", "error_by_brightness.png", "error_by_day.png",
    }  # fmt: skip


def test_the_json_carries_figures_baselines_and_published_results(written):
    evaluation, folder, _ = written
    content = json.loads((folder / "evaluation.json").read_text())
    assert content["mean_of_persons_deg"] == evaluation.summary["mean_of_persons_deg"]
    assert set(content["persons"]) == set(PEOPLE)
    assert set(content["baselines"]) == {"constant", "head pose only"}
    assert content["few_shot"][1] == {
        "shots": 9,
        "mean_deg": pytest.approx(1 / 3),
        "per_person_deg": dict.fromkeys(PEOPLE, pytest.approx(1 / 3)),
    }
    spaces = {item["method"]: item["label_space"] for item in content["published"]}
    assert spaces["L2CS-Net"] == "scaled"
    assert spaces["ResNet-18"] == "rotation-only"


def test_the_csv_has_a_row_a_person(written):
    evaluation, folder, _ = written
    rows = list(csv.DictReader((folder / "persons.csv").open()))
    assert [row["person"] for row in rows] == list(PEOPLE)
    for row in rows:
        assert float(row["mean_deg"]) == pytest.approx(
            evaluation.summary["persons"][row["person"]]["mean_deg"], abs=1e-4
        )
    assert {"constant_baseline_deg", "head_pose_only_baseline_deg", "after_9_deg"} <= set(rows[0])


def test_the_pictures_decode_and_are_not_blank(written):
    _, _, paths = written
    for path in paths:
        if path.suffix == ".png":
            image = cv2.imread(str(path))
            assert image.shape[0] > 300
            assert image.std() > 5


class _Checker(html.parser.HTMLParser):
    """Collects open tags, references and text."""

    VOID = ("meta", "img")

    def __init__(self):
        super().__init__()
        self.stack, self.references, self.text = [], [], []

    def handle_starttag(self, tag, attrs):
        self.references += [value for name, value in attrs if name in ("src", "href")]
        if tag not in self.VOID:
            self.stack.append(tag)

    def handle_endtag(self, tag):
        assert self.stack.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def test_the_page_is_self_contained_and_well_formed(written):
    evaluation, folder, _ = written
    page = (folder / "report.html").read_text(encoding="utf-8")
    checker = _Checker()
    checker.feed(page)
    assert checker.stack == []
    assert len(checker.references) == 7
    assert all(reference.startswith("data:image/png;base64,") for reference in checker.references)
    assert "<script" not in page
    assert not re.search(r"url\(|@import", page)
    text = " ".join(checker.text)
    assert f"{evaluation.summary['mean_of_persons_deg']:.2f}°" in text
    for person in PEOPLE:
        assert person in text
    assert "not the fifteen people" in text
    assert "this run, on other data" in text


def test_the_terminal_table_compares_only_within_the_label_space(written):
    text = text_table(written[0])
    assert "ResNet-18" in text
    assert "L2CS" not in text
    assert re.search(r"p03\s+30\s", text)


def test_names_from_files_cannot_break_the_page(tmp_path):
    evaluation = evaluate(
        write_folds(tmp_path / "runs", [fold(p, recipe={"x": "</pre><b>"}) for p in PEOPLE])
    )
    write_report(evaluation, tmp_path / "out")
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "</pre><b>" not in page
    assert not (tmp_path / "out" / "few_shot.png").exists()
