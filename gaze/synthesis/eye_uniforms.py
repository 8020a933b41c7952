"""The numbers that eye.frag needs for one eye of a posed head."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gaze.geometry import cross
from gaze.synthesis.mesh import HeadMesh
from gaze.synthesis.person import Person
from gaze.synthesis.posed_head import PosedHead

_LID_SAMPLES = np.linspace(0.0, 1.0, 9)


def eye_uniforms(mesh: HeadMesh, person: Person, head: PosedHead, side: int) -> dict[str, object]:
    """Uniform values of the left (0) or right (1) eye; lengths in mm, camera frame."""
    rings = mesh.eyelids[side]
    upper = head.vertices_cam_mm[rings.inner_upper].astype(np.float64)
    lower = head.vertices_cam_mm[rings.inner_lower].astype(np.float64)
    inner, outer = 0.5 * (upper[0] + lower[0]), 0.5 * (upper[-1] + lower[-1])
    along = outer - inner
    slit_mm = float(np.linalg.norm(along))
    along /= slit_mm
    up = -head.R_cam_head[:, 1]
    up = up - along * (up @ along)
    up /= np.linalg.norm(up)
    axis = head.axes_cam[side]
    # Listing's law, to first order: no roll of the eye against the head.
    right = cross(-head.R_cam_head[:, 1], axis)
    right /= np.linalg.norm(right)
    eyes = person.eyes
    return {
        "rotation_centre": tuple(head.centres_cam_mm[side]),
        "axis": tuple(axis),
        "axis_right": tuple(right),
        "axis_up": tuple(cross(axis, right)),
        "corner_inner": tuple(inner),
        "corner_along": tuple(along),
        "corner_up": tuple(up),
        "slit_mm": slit_mm,
        "lid_upper": _heights(upper, inner, along, up, slit_mm),
        "lid_lower": _heights(lower, inner, along, up, slit_mm),
        "iris_radius": eyes.iris_radius_mm,
        "pupil_radius": float(min(head.pupil_radius_mm, eyes.iris_radius_mm - 1.5)),
        "iris_contrast": eyes.iris_contrast,
        "limbal_ring": eyes.limbal_ring,
        "limbus_mm": eyes.limbus_mm,
        "texture_seed": eyes.texture_seed + 0.37 * side,
        "iris_outer": eyes.iris_outer,
        "iris_inner": eyes.iris_inner,
        "sclera_colour": eyes.sclera,
        "veins": eyes.veins,
        "pinkness": eyes.pinkness,
        "wetness": eyes.wetness,
        "sink_mm": 0.25,
    }


def _heights(ring: NDArray[np.float64], inner, along, up, slit_mm: float) -> NDArray[np.float32]:
    offset = ring - inner
    place = offset @ along / slit_mm
    order = np.argsort(place)
    return np.interp(_LID_SAMPLES, place[order], (offset @ up)[order]).astype(np.float32)
