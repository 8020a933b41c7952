"""A leave-one-person-out result as text, JSON, CSV, pictures and a page."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from gaze.files import replacing, write_json
from gaze.training.fold_errors import Evaluation
from gaze.training.published import PUBLISHED
from gaze.training.report_html import page
from gaze.training.report_plots import all_plots

PERSON_COLUMNS = (
    "person",
    "n",
    "mean_deg",
    "median_deg",
    "std_deg",
    "p90_deg",
    "bias_pitch_deg",
    "bias_yaw_deg",
)


def person_rows(evaluation: Evaluation) -> list[list[object]]:
    """One row per person: PERSON_COLUMNS, then baselines and calibrated errors (see person_header)."""
    summary = evaluation.summary
    rows = []
    for name, table in summary["persons"].items():
        row = [name, *(table[column] for column in PERSON_COLUMNS[1:])]
        row += [baseline["per_person_deg"][name] for baseline in summary["baselines"].values()]
        row += [item["per_person_deg"][name] for item in summary["few_shot"]]
        rows.append(row)
    return rows


def person_header(evaluation: Evaluation) -> list[str]:
    """Column names of person_rows."""
    summary = evaluation.summary
    baselines = [f"{name.replace(' ', '_')}_baseline_deg" for name in summary["baselines"]]
    return [*PERSON_COLUMNS, *baselines, *(f"after_{item['shots']}_deg" for item in summary["few_shot"])]


def text_table(evaluation: Evaluation) -> str:
    """The result for a terminal."""
    summary = evaluation.summary
    low, high = summary["interval_95_deg"]
    lines = [
        f"leave one person out, {summary['n_persons']} people, {summary['n']} samples, label space "
        f"{summary['label_space']}, {summary['input_size']} px, last epoch",
        "",
        f"{'person':<8}{'n':>7}{'mean':>8}{'median':>8}{'std':>8}{'bias p':>8}{'bias y':>8}   degrees",
    ]
    for name, table in summary["persons"].items():
        lines.append(
            f"{name:<8}{table['n']:>7}{table['mean_deg']:>8.2f}{table['median_deg']:>8.2f}"
            f"{table['std_deg']:>8.2f}{table['bias_pitch_deg']:>8.2f}{table['bias_yaw_deg']:>8.2f}"
        )
    lines += [
        "",
        f"mean of {summary['n_persons']} people   {summary['mean_of_persons_deg']:.2f}   "
        f"95 % interval over people {low:.2f} to {high:.2f}",
    ]
    for name, baseline in summary["baselines"].items():
        lines.append(f"baseline, {name}: {baseline['mean_of_persons_deg']:.2f}")
    for item in summary["few_shot"]:
        lines.append(f"after {item['shots']} calibration samples of the person: {item['mean_deg']:.2f}")
    same = [item for item in PUBLISHED if item.label_space == summary["label_space"]]
    lines += ["", f"published on MPIIFaceGaze in this label space ({summary['label_space']}):"]
    lines += [f"  {item.mean_deg:.2f}  {item.method} ({item.protocol})" for item in same]
    lines += ["", *(f"note: {note}" for note in summary["notes"])]
    return "\n".join(lines)


def write_report(evaluation: Evaluation, out: Path) -> list[Path]:
    """Write evaluation.json, persons.csv, the pictures and report.html into ``out``; returns their paths.

    Raises:
        OSError: the folder cannot be written.
    """
    out.mkdir(parents=True, exist_ok=True)
    published = [
        {"method": p.method, "mean_deg": p.mean_deg, "label_space": p.label_space, "protocol": p.protocol}
        for p in PUBLISHED
    ]
    write_json(out / "evaluation.json", {**evaluation.summary, "published": published})
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(person_header(evaluation))
    for row in person_rows(evaluation):
        writer.writerow([f"{value:.4f}" if isinstance(value, float) else value for value in row])
    _write(out / "persons.csv", buffer.getvalue().encode())
    plots = all_plots(evaluation)
    for name, content in plots.items():
        _write(out / name, content)
    _write(out / "report.html", page(evaluation, plots).encode())
    return [out / name for name in ("evaluation.json", "persons.csv", *plots, "report.html")]


def _write(path: Path, content: bytes) -> None:
    with replacing(path) as temporary:
        temporary.write_bytes(content)
