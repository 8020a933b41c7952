"""`gaze synthesize rigid-table`: measure the rigid template of gaze.face_model on rendered heads.

The committed table comes from 100 other heads in five poses each, of which no record was kept: this measures
one by the same plan, so that it can be said how far the two lie apart. The committed table stays as it is.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from tqdm import tqdm

from gaze.camera import Camera
from gaze.errors import DataError
from gaze.face_model import RIGID_LANDMARKS
from gaze.files import prepare_outputs, write_json
from gaze.geometry import FloatArray
from gaze.help_format import HelpFormatter
from gaze.landmarks import FaceDetector, create_detector
from gaze.option_types import at_least
from gaze.synthesis import streams
from gaze.synthesis.assets import default_assets_dir
from gaze.synthesis.rigid_table import make_table, triangulate
from gaze.synthesis.streams import stream
from gaze.types import Frame

if TYPE_CHECKING:
    from gaze.synthesis.dressed import DressedPerson
    from gaze.synthesis.webcam import WebcamRenderer

SCHEMA = "gaze.rigid_table/1"
# Pitch and yaw in degrees: enough base for depth, and no landmark of the template hidden for long.
POSES_DEG = ((0.0, 0.0), (0.0, 25.0), (0.0, -25.0), (18.0, 0.0), (-18.0, 0.0))
CAMERA = Camera.from_hfov(40.0, 640, 480, "calibrated")
# The middle of the eyes: the face then lies in the middle of the picture, some 250 px high.
EYES_CAM_MM = np.array([0.0, -25.0, 600.0])


def main(argv: Sequence[str] | None = None) -> int:
    """Render, measure, write the table and print how far it lies from the committed one."""
    parser = argparse.ArgumentParser(
        prog="gaze synthesize rigid-table",
        description="Measure the rigid face template anew: heads are rendered in five known poses, the "
        "landmarks that MediaPipe finds are triangulated, averaged and moved onto the six-point model. "
        "Prints the distance from the template in use, which stays as it is.",
        formatter_class=HelpFormatter,
    )
    parser.add_argument("--out", type=Path, default=Path("rigid_table.json"), help="JSON to write")
    parser.add_argument("--heads", type=at_least(2), default=16, metavar="N", help="how many heads")
    parser.add_argument(
        "--seed", type=at_least(0), default=0, help="first person; those with covered faces are left out"
    )
    parser.add_argument(
        "--assets", type=Path, default=default_assets_dir(), help="folder of the packed assets"
    )
    args = parser.parse_args(argv)
    prepare_outputs(args.out)
    from gaze.synthesis.webcam import WebcamRenderer

    seeds, heads = [], []
    with (
        WebcamRenderer(args.assets, CAMERA) as renderer,
        create_detector(static=True) as detector,
        tqdm(total=args.heads, unit="head") as bar,
        closing(measured_heads(renderer, detector, args.seed)) as measured,
    ):
        for seed, head_mm in measured:
            seeds.append(seed)
            heads.append(head_mm)
            bar.update()
            if len(heads) == args.heads:
                break
    table = make_table(heads)
    off = table.deviation_mm
    worst = int(off.argmax())
    write_json(
        args.out,
        {
            "schema": SCHEMA,
            "landmarks": detector.name,
            "person_seeds": seeds,
            "poses_pitch_yaw_deg": POSES_DEG,
            "columns": ["right", "left", "x_mm", "y_mm", "z_mm"],
            "points": table.rows(),
            "standard_error_mm": dict(
                zip(map(str, RIGID_LANDMARKS), table.error_mm.round(2).tolist(), strict=True)
            ),
            "from_committed_mm": {"mean": round(float(off.mean()), 2), "largest": round(float(off.max()), 2)},
        },
    )
    print(
        f"{len(heads)} heads, by MediaPipe's {detector.name}: {off.mean():.2f} mm from the committed table "
        f"on average, {off.max():.2f} mm at most (landmark {RIGID_LANDMARKS[worst]}); standard error of a "
        f"point, from how heads differ: {table.error_mm.mean():.2f} mm"
    )
    print(args.out)
    return 0


def measured_heads(
    renderer: WebcamRenderer, detector: FaceDetector, first_seed: int
) -> Iterator[tuple[int, FloatArray]]:
    """Seed and landmarks (478, 3), own head frame, mm, of one person after the other with a bare face.

    Raises:
        DataError: MediaPipe misses the face of 20 such people on end in some pose.
    """
    missed, seed = 0, first_seed
    while missed < 20:
        with renderer.dress(seed) as dressed:
            if has_bare_face(dressed):
                head_mm = measure_head(renderer, detector, dressed)
                missed += head_mm is None
                if head_mm is not None:
                    missed = 0
                    yield seed, head_mm
        seed += 1
    raise DataError("MediaPipe finds no face in 20 rendered people on end; look at `gaze synthesize sheet`")


def has_bare_face(dressed: DressedPerson) -> bool:
    """Whether nothing worn and no fringe or hat is near the face."""
    nothing_worn = dressed.worn.glasses is None and not dressed.worn.things
    return nothing_worn and dressed.style.headwear is None and dressed.style.fringe_mm == 0


def measure_head(
    renderer: WebcamRenderer, detector: FaceDetector, dressed: DressedPerson
) -> FloatArray | None:
    """MediaPipe's landmarks (478, 3) of a person, own head frame, mm; None if it misses the face in a pose.

    The person looks straight ahead with a neutral face, in studio light, through a clean sensor.
    """
    from gaze.synthesis.light import LightRig
    from gaze.synthesis.moment import Moment
    from gaze.synthesis.pose import Pose, head_rotation

    rng = stream(dressed.person.seed, streams.RIGID_TABLE)
    studio = LightRig.sample(rng, renderer.environments, EYES_CAM_MM, "studio")
    shot = replace(renderer.set_up(rng, EYES_CAM_MM, clean=True), rig=studio)
    points_px, rotations, translations = [], [], []
    for pitch_deg, yaw_deg in POSES_DEG:
        R = head_rotation(np.deg2rad(pitch_deg), np.deg2rad(yaw_deg))
        ahead = EYES_CAM_MM + R @ np.array([0.0, 0.0, -600.0])
        picture, head = renderer.render(dressed, Pose(R, EYES_CAM_MM, ahead, "ahead"), Moment(), shot, rng)
        faces = detector.detect(Frame(picture))
        if not faces:
            return None
        points_px.append(faces[0].landmarks_px)
        rotations.append(head.R_cam_head)
        translations.append(head.t_cam_mm)
    return triangulate(points_px, rotations, translations, CAMERA)
