"""Soft masks of the parts of a face over its texture atlas, placed by the 68 landmarks."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from gaze.synthesis.uv_atlas import UvAtlas


@dataclass(frozen=True, eq=False)
class EyeField:
    """Where texels lie about one eye; all (size, size).

    rim_mm: distance from the edge of the lids (99 far away); upper: True above the eye's axis;
    along: 0 at the inner corner to 1 at the outer, beyond these outside the opening. window: the rows and
    columns about the eye outside of which rim_mm is not known.
    """

    rim_mm: np.ndarray
    upper: np.ndarray
    along: np.ndarray
    window: tuple[slice, slice]


@dataclass(frozen=True, eq=False)
class FaceRegions:
    """Masks 0..1 as (size, size) float32; x_mm, y_mm, z_mm are the atlas positions (head frame).

    ``eyes``: subject's right, left, as the 68 landmarks come; ``front``: 1 on the face's front, 0 behind.
    """

    x_mm: np.ndarray
    y_mm: np.ndarray
    z_mm: np.ndarray
    masks: dict[str, np.ndarray]
    eyes: tuple[EyeField, EyeField]
    front: np.ndarray

    def __getitem__(self, name: str) -> np.ndarray:
        return self.masks[name]


def smoothstep(low: float, high: float, value: np.ndarray) -> np.ndarray:
    """0 below `low`, 1 above `high`, smooth between."""
    t = np.clip((value - low) / (high - low), 0.0, 1.0)
    bend = 3.0 - 2.0 * t
    bend *= t
    bend *= t
    return bend


def smooth_curve(points: np.ndarray, per_segment: int = 6, closed: bool = False) -> np.ndarray:
    """Catmull-Rom curve through (K, D) points."""
    p = np.asarray(points, np.float64)
    p = np.vstack([p[-1:], p, p[:2]]) if closed else np.vstack([2 * p[0] - p[1], p, 2 * p[-1] - p[-2]])
    t = np.linspace(0.0, 1.0, per_segment, endpoint=False)[:, None]
    pieces = []
    for k in range(1, len(p) - 2):
        a, b, c, d = p[k - 1 : k + 3]
        pieces.append(
            0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
        )
    if not closed:
        pieces.append(p[-2:-1])
    return np.vstack(pieces)


def fill_soft(size: int, polygon_texel: np.ndarray, blur_texel: float) -> np.ndarray:
    """A filled polygon as a soft mask (size, size) float32."""
    mask = np.zeros((size, size), np.uint8)
    cv2.fillPoly(mask, [np.round(polygon_texel * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    return cv2.GaussianBlur(mask, (0, 0), blur_texel).astype(np.float32) / 255.0


def face_regions(atlas: UvAtlas) -> FaceRegions:
    """The regions of an atlas, made on first use and kept in its cache."""
    found = atlas.cache.get("regions")
    if found is None:
        found = _build(atlas)
        atlas.cache["regions"] = found
    return found


def _build(atlas: UvAtlas) -> FaceRegions:
    size, scale = atlas.size, atlas.size / 512.0
    x, y, z = (np.ascontiguousarray(atlas.position_mm[..., k]) for k in range(3))
    side_x = np.abs(x)
    lm = atlas.landmarks_mm
    eye_x, eye_y = float(np.abs(lm[36:48, 0]).mean()), float(lm[36:48, 1].mean())
    nose_y, base_y, mouth_y, chin_y = (
        float(v) for v in (lm[30, 1], lm[33, 1], lm[[48, 54], 1].mean(), lm[8, 1])
    )
    front = smoothstep(-20.0, -60.0, z)

    def spot(cx: float, cy: float, sx: float, sy: float) -> np.ndarray:
        return np.exp(-(((side_x - cx) / sx) ** 2) - ((y - cy) / sy) ** 2).astype(np.float32) * front

    masks = {
        "cheeks": spot(eye_x + 12, nose_y + 6, 19, 19),
        "nose": np.clip(spot(0, nose_y + 1, 13, 12) + spot(11, base_y - 7, 8, 9), 0, 1),
        "nose_bridge": spot(0, nose_y - 18, 9, 20),
        "chin": spot(0, chin_y - 12, 20, 13),
        "forehead": spot(0, eye_y - 42, 45, 20),
        "orbit": spot(eye_x - 1, eye_y - 9, 18, 8),
        "inner_corner": spot(eye_x - 15, eye_y - 1, 6, 9),
        "perioral": spot(0, mouth_y, 30, 20),
        "temples": spot(62, eye_y - 14, 10, 20),
        "under_nose": spot(0, base_y + 4, 14, 4),
        "ears": smoothstep(70, 74, side_x)
        * ((y > eye_y - 8) & (y < mouth_y - 6) & (z > -34)).astype(np.float32),
        "neck": smoothstep(chin_y + 2, chin_y + 22, y + 0.15 * z + 12),
    }
    masks["t_zone"] = np.clip(
        masks["nose"] + masks["nose_bridge"] + 0.8 * masks["forehead"] + 0.3 * masks["chin"], 0, 1
    )
    outer = smooth_curve(atlas.landmarks_texel[48:60], closed=True)
    masks["lips"] = fill_soft(size, outer, 1.1 * scale)
    masks["lips_wide"] = fill_soft(size, outer, 3.0 * scale)
    inner = smooth_curve(atlas.landmarks_texel[60:68], closed=True)
    masks["mouth_inner"] = fill_soft(size, inner, 1.2 * scale)
    columns = np.arange(size, dtype=np.float32)[None, :]
    rows = np.arange(size, dtype=np.float32)[:, None]
    nostrils = np.zeros((size, size), np.float32)
    for a, b in ((31, 32), (34, 35)):
        c, r = (atlas.landmarks_texel[a] + atlas.landmarks_texel[b]) / 2 + np.float32([0, 5.5 * scale])
        nostrils += np.exp(-(((columns - c) / (7.0 * scale)) ** 2) - ((rows - r) / (5.0 * scale)) ** 2)
    masks["nostrils"] = nostrils
    masks = {name: np.ascontiguousarray(mask, np.float32) for name, mask in masks.items()}
    eyes = (_eye_field(atlas, 0), _eye_field(atlas, 1))
    return FaceRegions(
        x_mm=x, y_mm=y, z_mm=z, masks=masks, eyes=eyes, front=np.ascontiguousarray(front, np.float32)
    )


def _eye_field(atlas: UvAtlas, side: int) -> EyeField:
    """Distances about the subject's right (0) or left (1) eye."""
    size, scale = atlas.size, atlas.size / 512.0
    points = slice(36, 42) if side == 0 else slice(42, 48)
    texels, corners_mm = atlas.landmarks_texel[points], atlas.landmarks_mm[points]
    rim_texel = smooth_curve(texels, 10, closed=True)
    rim_mm = smooth_curve(corners_mm, 10, closed=True)
    centre = texels.mean(0)
    half_c, half_r = 75 * scale, 55 * scale
    window = (
        slice(max(0, int(centre[1] - half_r)), int(centre[1] + half_r)),
        slice(max(0, int(centre[0] - half_c)), int(centre[0] + half_c)),
    )
    local = atlas.position_mm[window]
    squared = ((local[:, :, None, :] - rim_mm[None, None].astype(np.float32)) ** 2).sum(-1)
    distance = np.full((size, size), 99.0, np.float32)
    distance[window] = np.sqrt(squared.min(-1))
    inner, outer = (texels[3], texels[0]) if side == 0 else (texels[0], texels[3])
    columns = np.arange(size, dtype=np.float32)[None, :]
    rows = np.arange(size, dtype=np.float32)[:, None]
    along = np.broadcast_to((columns - inner[0]) / (outer[0] - inner[0]), (size, size)).astype(np.float32)
    axis = inner[1] + (outer[1] - inner[1]) * np.clip(along, -0.5, 1.5)
    hole = np.zeros((size, size), np.uint8)
    cv2.fillPoly(hole, [np.round(rim_texel * 16).astype(np.int32)], 255, cv2.LINE_8, 4)
    distance[(hole > 0) | ~atlas.inside & (distance < 6)] = 0.0
    return EyeField(distance, rows > axis, along, window)
