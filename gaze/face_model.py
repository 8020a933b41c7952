"""The 3-D face templates, in mm, and which landmarks they belong to.

Head frame: origin midway between the eyes, x towards the subject's left, y down, z away from the camera
that looks at a frontal face; a frontal face therefore has the identity rotation.
"""

from __future__ import annotations

import numpy as np

from gaze.mesh_landmarks import LEFT_EYE, MOUTH_CORNERS, RIGHT_EYE

# MPIIGaze's six-point model: subject's right eye outer, inner, left eye inner, outer, mouth right, left.
SIX_POINTS_MM = np.array(
    [
        [-45.096768, -0.483773, 2.397030],
        [-21.312858, 0.483773, -2.397030],
        [21.312858, 0.483773, -2.397030],
        [45.096768, -0.483773, 2.397030],
        [-26.299577, 68.595035, 0.0],
        [26.299577, 68.595035, 0.0],
    ]
)
SIX_POINTS_MM.setflags(write=False)

# MediaPipe's landmarks of the same six points. MediaPipe does not put them quite where MPIIFaceGaze's
# annotators did: its inner eye corners lie about 3.5 mm and its mouth corners about 2.5 mm nearer the middle,
# which turns a six-point pose by several degrees. Annotated points therefore go with SIX_POINTS_MM, and
# MediaPipe's with RIGID_POINTS_MM below.
SIX_POINT_LANDMARKS = (RIGHT_EYE.outer, RIGHT_EYE.inner, LEFT_EYE.inner, LEFT_EYE.outer, *MOUTH_CORNERS)

# MPIIFaceGaze's face centre: the mean of the six points.
FACE_CENTRE_HEAD_MM = SIX_POINTS_MM.mean(axis=0)
FACE_CENTRE_HEAD_MM.setflags(write=False)

# Landmarks that do not move with expression, and their mean place on a head: (midline or subject's right,
# left, x, y, z), x of the right one. The left one mirrors it. Measured here: 100 random identities of the
# ICT-FaceKit face model (MIT licence), five known poses each, were rendered, MediaPipe's landmarks of the
# pictures triangulated, made symmetric and moved by one similarity onto the six points above, so that both
# templates share the head frame and the scale. `gaze synthesize rigid-table` measures it anew: on 16
# heads it comes out 1.6 mm away on average and 4.7 mm at most, between the brows (docs/synthesis.md).
_RIGID_TABLE = (
    (168, 168, 0.0, -4.2, -14.6),  # nose root
    (6, 6, 0.0, 5.1, -19.1),
    (197, 197, 0.0, 12.8, -23.4),
    (195, 195, 0.0, 19.9, -27.4),
    (5, 5, 0.0, 27.5, -31.8),
    (4, 4, 0.0, 36.2, -35.2),
    (1, 1, 0.0, 42.4, -33.8),  # nose tip
    (8, 8, 0.0, -13.2, -15.1),
    (9, 9, 0.0, -21.8, -16.3),  # between the brows
    (151, 151, 0.0, -35.7, -15.6),
    (33, 263, -45.7, -1.7, 2.5),  # outer eye corners
    (133, 362, -17.7, 0.3, -2.5),  # inner eye corners
    (98, 327, -17.3, 45.3, -12.7),
    (115, 344, -15.4, 37.3, -23.9),
    (48, 278, -19.1, 39.2, -18.4),  # nostril wings
    (45, 275, -5.7, 36.2, -33.7),
    (122, 351, -5.7, 6.3, -17.2),
    (193, 417, -7.7, -5.1, -11.9),
    (174, 399, -9.7, 16.8, -18.3),
    (50, 280, -48.7, 32.2, 4.1),
    (117, 346, -53.7, 15.2, 7.6),  # cheek bones
    (116, 345, -65.2, 13.7, 21.3),
    (108, 337, -17.0, -36.6, -13.5),
    (69, 299, -32.2, -37.6, -8.8),  # forehead
)


def _unfolded() -> tuple[tuple[int, ...], np.ndarray]:
    indices, points = [], []
    for right, left, x, y, z in _RIGID_TABLE:
        indices.append(right)
        points.append((x, y, z))
        if left != right:
            indices.append(left)
            points.append((-x, y, z))
    return tuple(indices), np.array(points)


RIGID_LANDMARKS, RIGID_POINTS_MM = _unfolded()
RIGID_POINTS_MM.setflags(write=False)
