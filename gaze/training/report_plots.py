"""The pictures of a leave-one-person-out report, each as PNG bytes."""

from __future__ import annotations

import io

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from gaze.training.fold_errors import Evaluation

BLUE, GREY, DARK = "#2a6f97", "#9a9a9a", "#12303f"
CELL_MIN = 5  # a cell with fewer samples says nothing and stays empty
BIN_DEG = 5.0
ERROR_COLOURS = "YlOrRd"


def all_plots(evaluation: Evaluation) -> dict[str, bytes]:
    """Every picture that the data allows, by file name."""
    plots = {
        "persons.png": persons(evaluation),
        "cumulative.png": cumulative(evaluation),
        "error_by_gaze.png": _angle_map(evaluation, evaluation.predictions.pitch_yaw_rad, "gaze"),
    }
    if np.all(np.isfinite(evaluation.predictions.head_rad)):
        plots["error_by_head.png"] = _angle_map(evaluation, evaluation.predictions.head_rad, "head")
    if np.all(np.isfinite(evaluation.predictions.brightness)):
        plots["error_by_brightness.png"] = brightness(evaluation)
    if np.all(evaluation.predictions.day != ""):
        plots["error_by_day.png"] = days(evaluation)
    if evaluation.summary["few_shot"]:
        plots["few_shot.png"] = few_shot(evaluation)
    return plots


def persons(evaluation: Evaluation) -> bytes:
    """Mean error per person as bars, median as a mark, baselines and the overall mean as lines."""
    summary = evaluation.summary
    names, table = list(summary["persons"]), summary["persons"]
    figure, axes = _axes(10.5, 3.3)
    axes.bar(
        names, [table[name]["mean_deg"] for name in names], color=BLUE, width=0.7, alpha=0.75, label="mean"
    )
    medians = [table[name]["median_deg"] for name in names]
    axes.plot(names, medians, linestyle="none", marker="_", markersize=15, color=DARK, label="median")
    mean = summary["mean_of_persons_deg"]
    axes.axhline(mean, color=BLUE, linewidth=1, linestyle="--", label=f"mean of people {mean:.2f}°")
    for (name, baseline), style in zip(summary["baselines"].items(), (":", "-."), strict=False):
        value = baseline["mean_of_persons_deg"]
        axes.axhline(value, color=GREY, linewidth=1.2, linestyle=style, label=f"{name} {value:.2f}°")
    axes.set_ylabel("angular error (°)")
    axes.set_xlabel("person left out")
    axes.legend(fontsize=8, ncols=5, loc="lower center", bbox_to_anchor=(0.5, 1.0), frameon=False)
    return _png(figure)


def cumulative(evaluation: Evaluation) -> bytes:
    """Share of samples below an error: everybody, and each person thinly."""
    figure, axes = _axes(6.0, 3.6)
    errors = evaluation.errors_deg
    for name in evaluation.summary["persons"]:
        _curve(axes, errors[evaluation.predictions.person == name], color=GREY, linewidth=0.6, alpha=0.7)
    _curve(axes, errors, color=BLUE, linewidth=2.2)
    axes.plot([], [], color=BLUE, linewidth=2.2, label="all samples")
    axes.plot([], [], color=GREY, linewidth=0.8, label="one person")
    limit = max(5.0, float(np.percentile(errors, 99)))
    axes.set(xlim=(0, limit), ylim=(0, 1), xlabel="angular error (°)", ylabel="share of samples below")
    axes.grid(alpha=0.25)
    axes.legend(fontsize=8, loc="lower right", frameon=False)
    return _png(figure)


def brightness(evaluation: Evaluation) -> bytes:
    """Person against brightness of the face, in equal steps of grey."""
    values = evaluation.predictions.brightness
    low, high = np.percentile(values, [0.5, 99.5])  # the rest falls into the outer columns
    edges = np.linspace(np.floor(low), np.ceil(max(high, low + 1)), 11)
    columns = np.clip(np.digitize(values, edges) - 1, 0, len(edges) - 2)
    labels = [f"{edge:.0f}" for edge in (edges[:-1] + edges[1:]) / 2]
    return _person_map(evaluation, columns, labels, "mean grey of the normalised face (0 to 255)")


def days(evaluation: Evaluation) -> bytes:
    """Person against day of recording, days in their order."""
    predictions = evaluation.predictions
    columns = np.zeros(len(predictions), int)
    for name in np.unique(predictions.person):
        own = predictions.person == name
        columns[own] = np.unique(predictions.day[own], return_inverse=True)[1]
    labels = [str(index + 1) for index in range(int(columns.max()) + 1)]
    return _person_map(evaluation, columns, labels, "day of recording")


def few_shot(evaluation: Evaluation) -> bytes:
    """Error against the number of calibration samples of the person."""
    summary = evaluation.summary
    figure, axes = _axes(6.0, 3.6)
    shots = [0, *(item["shots"] for item in summary["few_shot"])]
    # On a root scale, which gives the first few samples room.
    places = np.sqrt(shots)
    start = {name: table["mean_deg"] for name, table in summary["persons"].items()}
    for name in start:
        each = [start[name], *(item["per_person_deg"][name] for item in summary["few_shot"])]
        axes.plot(places, each, color=GREY, linewidth=0.6, alpha=0.7)
    means = [summary["mean_of_persons_deg"], *(item["mean_deg"] for item in summary["few_shot"])]
    axes.plot(places, means, color=BLUE, linewidth=2.2, marker="o", markersize=5)
    for x, y in zip(places, means, strict=True):
        axes.annotate(f"{y:.2f}°", (x, y), textcoords="offset points", xytext=(2, 8), fontsize=8, color=BLUE)
    axes.set(xlabel="calibration samples of the person", ylabel="angular error (°)")
    axes.set_xticks(places, [str(count) for count in shots])
    axes.set_ylim(bottom=0)
    axes.margins(x=0.08)
    return _png(figure)


def _angle_map(evaluation: Evaluation, angles_rad: NDArray, what: str) -> bytes:
    pitch, yaw = np.rad2deg(angles_rad).T
    rows, columns = _edges(pitch), _edges(yaw)
    row = np.clip(np.digitize(pitch, rows) - 1, 0, len(rows) - 2)
    column = np.clip(np.digitize(yaw, columns) - 1, 0, len(columns) - 2)
    mean = _cell_means(evaluation.errors_deg, row, column, (len(rows) - 1, len(columns) - 1))
    width = 1.9 + 0.45 * mean.shape[1]
    figure, axes = _axes(max(width, 4.2), 1.4 + 0.36 * mean.shape[0])
    # The picture as the camera sees the person: looking to image left (positive yaw) is on the left.
    _heat(axes, mean[::-1, ::-1], [_mid(rows, i) for i in range(len(rows) - 1)][::-1],
          [_mid(columns, i) for i in range(len(columns) - 1)][::-1])  # fmt: skip
    axes.set_xlabel(f"{what} yaw (°), image left to right")
    axes.set_ylabel(f"{what} pitch (°)")
    return _png(figure)


def _person_map(evaluation: Evaluation, columns: NDArray, labels: list[str], title: str) -> bytes:
    names = list(evaluation.summary["persons"])
    row = np.searchsorted(names, evaluation.predictions.person)
    mean = _cell_means(evaluation.errors_deg, row, columns, (len(names), len(labels)))
    figure, axes = _axes(10.5, 1.2 + 0.22 * len(names))
    _heat(axes, mean, names, labels)
    axes.set_xlabel(title)
    return _png(figure)


def _cell_means(errors: NDArray, row: NDArray, column: NDArray, shape: tuple[int, int]) -> NDArray:
    flat = row * shape[1] + column
    counts = np.bincount(flat, minlength=shape[0] * shape[1])
    sums = np.bincount(flat, errors, minlength=shape[0] * shape[1])
    enough = counts >= min(CELL_MIN, max(1, len(errors) // (shape[0] * shape[1])))
    return np.where(enough, sums / np.maximum(counts, 1), np.nan).reshape(shape)


def _heat(axes: Axes, mean: NDArray, row_labels: list[str], column_labels: list[str]) -> None:
    top = float(np.nanmax(mean)) if np.any(np.isfinite(mean)) else 1.0
    palette = matplotlib.colormaps[ERROR_COLOURS].with_extremes(bad="#eeeeee")
    image = axes.imshow(mean, cmap=palette, vmin=0, vmax=top, aspect="auto")
    step = max(1, len(column_labels) // 16)
    axes.set_xticks(range(0, len(column_labels), step), column_labels[::step], fontsize=8)
    axes.set_yticks(range(len(row_labels)), row_labels, fontsize=8)
    axes.tick_params(length=0)
    if mean.shape[1] <= 20:
        for (i, j), value in np.ndenumerate(mean):
            if np.isfinite(value):
                colour = "white" if value > 0.6 * top else "#333333"
                axes.text(j, i, f"{value:.1f}", ha="center", va="center", fontsize=7, color=colour)
    bar = axes.figure.colorbar(image, ax=axes, fraction=0.05, pad=0.02)
    bar.set_label("mean error (°)", fontsize=8)
    bar.ax.tick_params(labelsize=8)
    bar.outline.set_visible(False)


def _edges(values_deg: NDArray) -> NDArray:
    low, high = np.percentile(values_deg, [1, 99])
    first, last = np.floor(low / BIN_DEG), np.ceil(high / BIN_DEG)
    return np.arange(first, max(last, first + 1) + 1) * BIN_DEG


def _mid(edges: NDArray, index: int) -> str:
    return f"{(edges[index] + edges[index + 1]) / 2:g}"


def _curve(axes: Axes, errors: NDArray, **style: object) -> None:
    axes.plot(np.sort(errors), (np.arange(len(errors)) + 1) / len(errors), **style)


def _axes(width: float, height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.add_subplot()
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.tick_params(labelsize=8)
    axes.xaxis.label.set_size(9)
    axes.yaxis.label.set_size(9)
    return figure, axes


def _png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=160, facecolor="white")
    return buffer.getvalue()
