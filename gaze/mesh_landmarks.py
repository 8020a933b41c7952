"""MediaPipe's landmarks by name: which of its 478 numbers lies where on a face.

Drawn in its repository, mediapipe/modules/face_geometry/data/canonical_face_model_uv_visualization.png; the
ten of the irises come behind the 468 of the mesh. Right and left are the subject's own.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EyeMarks:
    """The landmarks of an eye.

    ``outer`` and ``inner``: its corners; ``upper`` and ``lower``: three on each lid about the iris, one above
    the other, from left to right in a picture; ``iris``: its middle; ``rim``: four on the edge of the iris;
    ``cheek``: the middle of the cheek below.
    """

    outer: int
    inner: int
    upper: tuple[int, int, int]
    lower: tuple[int, int, int]
    iris: int
    rim: tuple[int, int, int, int]
    cheek: int


RIGHT_EYE = EyeMarks(33, 133, (160, 159, 158), (144, 145, 153), 468, (469, 470, 471, 472), 50)
LEFT_EYE = EyeMarks(263, 362, (385, 386, 387), (380, 374, 373), 473, (474, 475, 476, 477), 280)
EYES = (RIGHT_EYE, LEFT_EYE)
# Right, left.
MOUTH_CORNERS = (61, 291)
FACE_SIDES = (234, 454)
