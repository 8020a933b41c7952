"""The label of a raw row of MPIIFaceGaze: where its person looks and how the head is turned."""

from __future__ import annotations

from dataclasses import dataclass

from gaze.datasets.mpiifacegaze_annotations import Annotations
from gaze.geometry import FloatArray, angles_from_vector, head_angles_from_rotation
from gaze.normalization import normalize_direction, normalizing_rotation


@dataclass(frozen=True, slots=True)
class RawLabel:
    """Unit gaze ``gaze_norm`` (3,) and ``head_pitch_yaw_rad`` (2,) in the normalised frame of the face.

    The gaze is rotated only (gaze.types.ROTATION_ONLY).
    """

    gaze_norm: FloatArray
    head_pitch_yaw_rad: FloatArray

    @property
    def gaze_pitch_yaw_rad(self) -> FloatArray:
        """The gaze as angles (2,)."""
        return angles_from_vector(self.gaze_norm)


def raw_label(annotations: Annotations, row: int) -> RawLabel:
    """The label of a row: from its face centre to its target, and its head pose.

    Raises:
        ValueError: the geometry is degenerate (see gaze.normalization.normalizing_rotation).
    """
    centre_cam_mm, R_cam_head = annotations.centre_cam_mm[row], annotations.R_cam_head(row)
    R_norm_cam = normalizing_rotation(R_cam_head, centre_cam_mm)
    return RawLabel(
        normalize_direction(annotations.target_cam_mm[row] - centre_cam_mm, R_norm_cam),
        head_angles_from_rotation(R_norm_cam @ R_cam_head),
    )
