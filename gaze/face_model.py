"""The 3-D face templates, in mm, and which landmarks they belong to.

Head frame: origin midway between the eyes, x towards the subject's left, y down, z away from the camera
that looks at a frontal face; a frontal face therefore has the identity rotation.
"""

from __future__ import annotations

import numpy as np

# MPIIGaze's six-point model: subject's right eye outer, inner, left eye inner, outer, mouth right, left.
SIX_POINTS_MM = np.array(
    [
        [-45.0968, -0.4838, 2.3970],
        [-21.3129, 0.4838, -2.3970],
        [21.3129, 0.4838, -2.3970],
        [45.0968, -0.4838, 2.3970],
        [-26.2996, 68.5950, 0.0],
        [26.2996, 68.5950, 0.0],
    ]
)
SIX_POINTS_MM.setflags(write=False)

# MediaPipe face mesh indices of the same six points.
SIX_POINT_LANDMARKS = (33, 133, 362, 263, 61, 291)

# MPIIFaceGaze's face centre: the mean of the six points.
FACE_CENTRE_HEAD_MM = SIX_POINTS_MM.mean(axis=0)
FACE_CENTRE_HEAD_MM.setflags(write=False)
