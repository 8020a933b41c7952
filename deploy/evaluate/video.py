"""`gaze evaluate video`: what `gaze run` said of a clip against the clip's ground truth.

Without --jsonl the clip is run now, one estimate a frame, smoothing and gates as `gaze run` has them unless
switched off among the options behind `--`.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from deploy import records
from deploy.evaluate.options import prepare_figures, write_figures
from deploy.sources import open_source
from deploy.truth import Truth, load_truth, nearest_box
from gaze.errors import DataError, SourceError
from gaze.files import parse_json
from gaze.geometry import angles_from_vector, angular_error_rad, unit
from gaze.help_format import HelpFormatter
from gaze.training.metrics import summary

SCHEMA = "gaze.video_evaluation/1"
# Its first picture may come late from a slow disk.
FIRST_FRAME_S = 10.0


def main(argv: Sequence[str] | None = None) -> int:
    """Run `gaze evaluate video`; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="gaze evaluate video",
        description="Angular error of a clip whose ground truth lies beside it (CLIP.truth.jsonl).",
        epilog="Options behind -- go to `gaze run`, such as: -- --model my.onnx --runtime openvino",
        formatter_class=HelpFormatter,
    )
    parser.add_argument("clip", type=Path, help="the video")
    parser.add_argument(
        "--truth", type=Path, metavar="FILE", help="ground truth (default: CLIP with .truth.jsonl)"
    )
    parser.add_argument(
        "--jsonl",
        type=Path,
        metavar="FILE",
        help="what `gaze run --jsonl` wrote of the clip (default: run it)",
    )
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="write all figures and every frame's error here"
    )
    argv = list(sys.argv[1:] if argv is None else argv)
    split = argv.index("--") if "--" in argv else len(argv)
    args, run_options = parser.parse_args(argv[:split]), argv[split + 1 :]
    truth_path = args.truth or args.clip.with_suffix(".truth.jsonl")
    prepare_figures(args.json, clip=args.clip, truth=truth_path, jsonl=args.jsonl)
    if args.jsonl is None and not args.clip.is_file():
        raise DataError(f"{args.clip}: no such file; name the clip")
    truth = load_truth(truth_path)
    if (size := _size_of(args.clip)) is not None:
        truth = truth.for_frame(*size)
    if args.jsonl is not None:
        result = evaluate_records(truth, read_records(args.jsonl), str(args.jsonl))
    else:
        result = _run_and_evaluate(args.clip, truth_path, truth, run_options)
    if args.json is not None:
        write_figures(args.json, {"schema": SCHEMA, "clip": str(args.clip), **result})
    missing = ", ".join(f"{count} {name}" for name, count in result["missing"].items()) or "none"
    print(
        f"{args.clip}: mean {result['mean_deg']:.2f} degrees, median {result['median_deg']:.2f}, 90 % below "
        f"{result['p90_deg']:.2f}, offset removed {result['mean_offset_removed_deg']:.2f}; bias pitch "
        f"{result['bias_pitch_deg']:+.2f}, yaw {result['bias_yaw_deg']:+.2f}; {result['n']} of "
        f"{result['n_truth']} true gazes; without a gaze: {missing}"
    )
    return 0


def _size_of(clip: Path) -> tuple[int, int] | None:
    """Width and height of a clip's pictures, px; None where only what was said of it is left."""
    if not clip.is_file():
        return None
    try:
        with open_source(str(clip)) as source:
            frame = source.read(FIRST_FRAME_S)
    except SourceError:
        return None  # where it is needed, running it says so
    return None if frame is None else (frame.image.shape[1], frame.image.shape[0])


def read_records(path: Path) -> Iterator[dict[str, object]]:
    """The frames of a ``gaze/1`` JSONL, one at a time.

    Raises:
        DataError: the file is missing or a line is not such a record.
    """
    try:
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, start=1):
                try:
                    record = parse_json(line)
                    if record["schema"] != records.SCHEMA:
                        raise ValueError(f"schema is {record['schema']!r}, wanted {records.SCHEMA!r}")
                except (ValueError, KeyError, TypeError) as error:
                    raise DataError(
                        f"{path}: line {number}: {error}; run `gaze run --jsonl` again"
                    ) from error
                yield record
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read ({error}); write it with `gaze run --jsonl`") from error


def evaluate_records(truth: Truth, found: Iterator[dict[str, object]], where: str) -> dict[str, object]:
    """Compare frame records with the truth: each true gaze with the face it lies in.

    Angles are those of the camera frame; ``truth`` is for pictures of the size that was run. True faces with
    closed eyes have no gaze and are left out.

    Raises:
        DataError: fewer than two gazes can be compared, or a record lacks what its format promises.
    """
    true_directions, found_directions, frames = [], [], []
    missing: Counter[str] = Counter()
    seen: set[int] = set()
    for record in found:
        try:
            index = int(record["frame"])
            seen.add(index)
            for true in truth.frames.get(index, ()):
                if not true.eyes_open:
                    continue
                faces = record["faces"]
                row = nearest_box(true, truth.camera, [face["box_px"] for face in faces])
                face = None if row is None else faces[row]
                if face is None or face["gaze"] is None:
                    missing["NO_FACE" if face is None else str(face["status"])] += 1
                    continue
                true_directions.append(true.direction_cam)
                found_directions.append(unit(np.array(face["gaze"]["direction_cam"], float).reshape(3)))
                frames.append(index)
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(
                f"{where}: frame {record.get('frame')!r:.20}: {type(error).__name__}: {error}; "
                "run `gaze run --jsonl` again"
            ) from error
    unseen = sum(face.eyes_open for index in set(truth.frames) - seen for face in truth.frames[index])
    if unseen:
        missing["NOT_RUN"] += unseen
    if len(frames) < 2:
        raise DataError(f"{where}: {len(frames)} gazes can be compared with the truth; is it the same clip?")
    true, run = np.array(true_directions), np.array(found_directions)
    errors = np.rad2deg(angular_error_rad(run, true))
    figures = summary(angles_from_vector(run), angles_from_vector(true))
    return {
        **figures,
        "n_truth": len(frames) + sum(missing.values()),
        "missing": dict(missing),
        "per_frame": [
            {"frame": frame, "error_deg": round(float(error), 4)}
            for frame, error in zip(frames, errors, strict=True)
        ],
    }


def _run_and_evaluate(
    clip: Path, truth_path: Path, truth: Truth, options: Sequence[str]
) -> dict[str, object]:
    from deploy.run_command import main as run

    with tempfile.TemporaryDirectory() as folder:
        jsonl = Path(folder) / "run.jsonl"
        code = run(
            [
                "--source",
                str(clip),
                "--no-window",
                "--truth",
                str(truth_path),
                "--jsonl",
                str(jsonl),
                *options,
            ]
        )
        if code != 0:
            raise DataError(f"{clip}: the run was interrupted (exit code {code}); nothing is evaluated")
        return evaluate_records(truth, read_records(jsonl), str(clip))
