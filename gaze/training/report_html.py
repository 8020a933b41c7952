"""One self-contained HTML page of a leave-one-person-out result: no script, nothing loaded from elsewhere."""

from __future__ import annotations

import base64
import html
import json

from gaze.training.fold_errors import Evaluation
from gaze.training.published import PUBLISHED
from gaze.training.report_style import STYLE

WIDE = ("persons.png", "error_by_brightness.png", "error_by_day.png")
# picture -> (title, text), in the order of the page
CAPTIONS = {
    "persons.png": (
        "Error per person",
        "Bars are means, dark marks medians. Each person was left out once.",
    ),
    "cumulative.png": (
        "Cumulative error",
        "Share of samples below an error, all together and person by person.",
    ),
    "few_shot.png": (
        "After a short calibration",
        "Error on the person's other samples after the personal correction was fitted on a few, drawn at "
        "random. Grey: each person.",
    ),
    "error_by_gaze.png": (
        "Where they looked",
        "Mean error by true gaze angle, as the camera sees it. Cells with too few samples are empty.",
    ),
    "error_by_head.png": (
        "Which way the head was turned",
        "Mean error by head angle in the normalised view.",
    ),
    "error_by_brightness.png": ("Light", "Mean error by person and brightness of the face."),
    "error_by_day.png": ("Days", "Mean error by person and day of recording, days in their order."),
}


def page(evaluation: Evaluation, plots: dict[str, bytes]) -> str:
    """The page; ``plots`` are PNG pictures by the names in CAPTIONS, embedded."""
    s = evaluation.summary
    low, high = s["interval_95_deg"]
    mean = s["mean_of_persons_deg"]
    body = [
        f"<h1>{mean:.2f}° mean angular error, leaving one person out</h1>",
        f'<p class="soft">{s["n_persons"]} people, {s["n"]:,} samples, {s["input_size"]} px faces, label '
        f"space <b>{html.escape(s['label_space'])}</b>. Each person was tested by a network that never saw "
        "them; the figure is the mean of the people's means at the last epoch.</p>",
        _tiles(s, mean, low, high),
        "<h2>Person by person</h2>",
        _persons(s, mean),
        "<h2>In pictures</h2>",
        '<div class="figures">',
        *(_figure(name, plots[name]) for name in CAPTIONS if name in plots),
        "</div>",
        "<h2>Beside published results</h2>",
        '<p class="soft">On MPIIFaceGaze. Two label spaces exist: figures compare only within one. A '
        "“scaled” label shrinks the angles of faces nearer than the normalised distance, and errors with "
        "them.</p>",
        _published(s, mean),
        "<h2>What to know about these figures</h2>",
        "<ul>",
        *(f"<li>{html.escape(note)}</li>" for note in s["notes"]),
        "</ul>",
        "<details><summary>Recipe and provenance</summary><pre>",
        html.escape(
            json.dumps({k: s[k] for k in ("recipe", "epochs", "tool_versions", "train_persons")}, indent=2)
        ),
        "</pre></details>",
        f"<footer>Data <code>{html.escape(s['provenance_id'])}</code></footer>",
    ]
    title = f"{mean:.2f}° leaving one person out"
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title}</title><style>{STYLE}</style></head><body><main>\n"
        + "\n".join(body)
        + "\n</main></body></html>\n"
    )


def _tiles(s: dict, mean: float, low: float, high: float) -> str:
    tiles = [
        (
            "main",
            f"{mean:.2f}°",
            f"mean of {s['n_persons']} people; 95\u00a0% interval {low:.2f}° to {high:.2f}°",
        ),
        ("", f"{s['pooled']['median_deg']:.2f}°", "median of all samples"),
    ]
    tiles += [
        ("", f"{baseline['mean_of_persons_deg']:.2f}°", f"baseline: {html.escape(name)}")
        for name, baseline in s["baselines"].items()
    ]
    if s["few_shot"]:
        nine = next((item for item in s["few_shot"] if item["shots"] == 9), s["few_shot"][-1])
        tiles.append(("", f"{nine['mean_deg']:.2f}°", f"after {nine['shots']} calibration samples"))
    cells = (
        f'<div class="tile {kind}"><b>{value}</b><span>{text}</span></div>' for kind, value, text in tiles
    )
    return f'<div class="tiles">{"".join(cells)}</div>'


def _persons(s: dict, mean: float) -> str:
    head = ["person", "samples", "mean", "median", "std", "90 %", "bias pitch", "bias yaw"]
    head += list(s["baselines"]) + [f"after {item['shots']}" for item in s["few_shot"]]
    rows = []
    for name, t in s["persons"].items():
        values = [t[k] for k in ("mean_deg", "median_deg", "std_deg", "p90_deg")]
        values += [t["bias_pitch_deg"], t["bias_yaw_deg"]]
        values += [item["per_person_deg"][name] for item in (*s["baselines"].values(), *s["few_shot"])]
        cells = "".join(f"<td>{value:.2f}</td>" for value in values)
        rows.append(f"<tr><td>{html.escape(name)}</td><td>{t['n']:,}</td>{cells}</tr>")
    total = [f"<td>mean of people</td><td>{s['n']:,}</td><td>{mean:.2f}</td>"]
    for key in ("median_deg", "std_deg", "p90_deg"):
        total.append(f"<td>{sum(t[key] for t in s['persons'].values()) / s['n_persons']:.2f}</td>")
    total.append("<td></td><td></td>")
    for item in s["baselines"].values():
        total.append(f"<td>{item['mean_of_persons_deg']:.2f}</td>")
    total += [f"<td>{item['mean_deg']:.2f}</td>" for item in s["few_shot"]]
    header = "".join(f"<th>{html.escape(text)}</th>" for text in head)
    return (
        f'<div class="scroll"><table><caption>Degrees; bias is predicted minus true.</caption>'
        f"<tr>{header}</tr>"
        f'{"".join(rows)}<tr class="total">{"".join(total)}</tr></table></div>'
    )


def _figure(name: str, content: bytes) -> str:
    title, text = CAPTIONS[name]
    data = base64.b64encode(content).decode()
    wide = ' class="wide"' if name in WIDE else ""
    return (
        f'<figure{wide}><img alt="{html.escape(title)}" src="data:image/png;base64,{data}">'
        f"<figcaption><b>{html.escape(title)}.</b> {html.escape(text)}</figcaption></figure>"
    )


def _published(s: dict, mean: float) -> str:
    rows = [(item.mean_deg, item.method, item.label_space, item.protocol, "") for item in PUBLISHED]
    own = "this run" if s["published_set"] else "this run, on other data"
    rows.append((mean, own, s["label_space"], "leave one person out", ' class="ours"'))
    # Our own label space first, then by error.
    rows.sort(key=lambda row: (row[2] != s["label_space"], row[3], row[0]))
    cells = "".join(
        f'<tr{kind}><td>{html.escape(method)}</td><td>{value:.2f}</td><td class="text">{space}</td>'
        f'<td class="text">{protocol}</td></tr>'
        for value, method, space, protocol, kind in rows
    )
    return (
        '<div class="scroll"><table><tr><th>method</th><th>mean error</th><th class="text">label space</th>'
        f'<th class="text">protocol</th></tr>{cells}</table></div>'
    )
