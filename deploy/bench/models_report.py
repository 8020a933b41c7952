"""The measured models as a table, as ratios and as a picture of time against error."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from deploy.bench.models_measure import Row
from gaze.files import replacing

COLUMNS = (
    "machine",
    "model",
    "runtime:device:precision",
    "threads",
    "faces a call",
    "median ms",
    "99 % ms",
    "ms a face",
    "faces/s",
    "faces/s, queue",
    "MB",
    "peak memory MB",
    "parity mean °",
    "parity max °",
    "error °",
)


# After degrees that are not the sidecar's.
HERE = " *"
MEASURED_HERE = (
    "\\* measured by this command on 64 rendered faces of the package: the error against their labels, "
    "parity against the fp32 ONNX file of the same network on the CPU where it is in the folder. The "
    "other degrees are of the sidecars: against torch, on the faces that these name."
)


def as_markdown(rows: Sequence[Row], label: str) -> str:
    """One row a run, fastest first within the same number of faces; each can be pasted into a table.

    What ``*`` means stands below, where a row has it.
    """
    lines = ["| " + " | ".join(COLUMNS) + " |", "|" + "---|" * len(COLUMNS)]
    for row in sorted(rows, key=lambda row: (row.batch, row.ms_per_face)):
        cells = (
            label,
            row.file,
            row.run,
            "all" if row.threads is None else str(row.threads),
            str(row.batch),
            f"{row.median_ms:.2f}",
            f"{row.p99_ms:.2f}",
            f"{row.ms_per_face:.2f}",
            f"{row.faces_per_s:.0f}",
            _number(row.queue_faces_per_s, ".0f"),
            f"{row.size_mb:.1f}",
            _number(row.peak_rss_mb, ".0f"),
            _degrees(row, row.parity_mean_deg, ".4f"),
            _degrees(row, row.parity_max_deg, ".4f"),
            _degrees(row, row.error_deg, ".2f"),
        )
        lines.append("| " + " | ".join(cells) + " |")
    if any(row.measured_here for row in rows):
        lines += ["", MEASURED_HERE]
    return "\n".join(lines)


def _degrees(row: Row, value: float | None, form: str) -> str:
    return _number(value, form) + (HERE if row.measured_here and value is not None else "")


def _number(value: float | None, form: str) -> str:
    return "–" if value is None else format(value, form)


def as_ratios(rows: Sequence[Row]) -> list[str]:
    """What a precision or a batch gains within an engine, against its fp32 at one face a call.

    Where the degrees of some are known, those of which they are not do not count: their speed may be bought
    with any error. Nor do, where an engine has some of the sidecar, those that were measured here: an export
    leaves out of the sidecar what breaks its bound.
    """
    lines = []
    rows = [row for row in rows if row.parity_max_deg is not None] or rows
    first = min((row.batch for row in rows), default=1)
    for engine in sorted({_engine(row) for row in rows}):
        mine = _stated([row for row in rows if _engine(row) == engine])
        base = _fastest([row for row in mine if row.precision == "fp32" and row.batch == first])
        if base is None:
            continue
        for precision in ("bf16", "fp16", "int8"):
            other = _fastest([r for r in mine if r.precision.startswith(precision) and r.batch == first])
            if other is not None:
                ratio = other.median_ms / base.median_ms
                lines.append(f"{engine}: {precision} takes {ratio:.2f} of fp32 ({first} face a call)")
        for row in mine:
            if row.file == base.file and row.precision == "fp32" and row.batch > first:
                ratio = row.ms_per_face / base.ms_per_face
                lines.append(f"{engine}: fp32, {row.batch} faces a call take {ratio:.2f} a face")
    return lines


def _stated(rows: Sequence[Row]) -> Sequence[Row]:
    """Those with the sidecar's degrees; all where none has them."""
    return [row for row in rows if not row.measured_here] or rows


def _engine(row: Row) -> str:
    engine = ":".join(row.run.split(":")[:2])
    return engine if row.threads is None else f"{engine}, {row.threads} threads"


def _fastest(rows: Sequence[Row]) -> Row | None:
    return min(rows, key=lambda row: row.median_ms, default=None)


# Less is the rounding of float32 and no gain.
FINEST_DEG = 0.001


def draw_pareto(rows: Sequence[Row], path: Path) -> None:
    """Milliseconds a face against degrees: the error, or the parity where no sidecar knows an error.

    Models of which the degrees are not known are left out, and those measured here where others have the
    sidecar's: these are of other faces.

    Raises:
        OSError: the picture cannot be written.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    rows = _stated([row for row in rows if row.error_deg is not None or row.parity_mean_deg is not None])
    known = any(row.error_deg is not None for row in rows)
    value = (lambda row: row.error_deg) if known else (lambda row: row.parity_mean_deg)
    shown = [row for row in rows if value(row) is not None and row.batch == min(r.batch for r in rows)]
    figure, axes = pyplot.subplots(figsize=(9, 6), layout="constrained")
    best: list[Row] = []
    for row in sorted(shown, key=lambda row: (row.ms_per_face, value(row))):
        if not best or value(row) < value(best[-1]) - FINEST_DEG:
            best.append(row)
    if best:
        axes.step(
            [r.ms_per_face for r in best], [value(r) for r in best], where="post", color="0.7", zorder=1
        )
    for row in shown:
        axes.scatter(row.ms_per_face, value(row), color="tab:blue" if row in best else "0.6", zorder=2)
    # Names would lie on each other; those of the others stand in the table.
    for number, row in enumerate(best, start=1):
        at = (row.ms_per_face, value(row))
        axes.annotate(str(number), at, textcoords="offset points", xytext=(3, 5), fontsize=8)
        axes.plot([], [], " ", label=f"{number}  {row.file}, {row.run}")
    if best:
        axes.legend(fontsize=7, handlelength=0, handletextpad=0, loc="best")
    axes.set_xlabel("milliseconds a face, one face a call (median)")
    axes.set_ylabel("mean angular error, degrees" if known else "mean difference from torch, degrees")
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=150)
    pyplot.close(figure)
