"""Things held before the face for a moment: a hand at cheek, chin or mouth, a cup, a telephone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gaze.synthesis.accessory import SKIN, Accessory, Material, join
from gaze.synthesis.envelope import FaceEnvelope
from gaze.synthesis.hands import HandPose, make_hand
from gaze.synthesis.mesh import LANDMARKS_68
from gaze.synthesis.solids import Part, sweep

KINDS = ("cheek", "chin", "mouth", "temple", "cup", "telephone")


def sample_occluder(
    rng: np.random.Generator,
    vertices_mm: NDArray[np.floating],
    skin_rgb: tuple[float, float, float],
    kind: str | None = None,
) -> list[Accessory]:
    """A hand and what it holds, in the head frame; ``skin_rgb`` (linear) is the person's body skin."""
    kind = str(rng.choice(KINDS, p=(0.3, 0.12, 0.24, 0.06, 0.18, 0.1))) if kind is None else kind
    marks = np.asarray(vertices_mm, dtype=np.float64)[LANDMARKS_68]
    envelope = FaceEnvelope(vertices_mm)
    side = float(rng.choice([-1.0, 1.0]))
    skin = _skin(rng, skin_rgb)
    if kind == "cup":
        return _cup(rng, marks, side, skin)
    if kind == "telephone":
        return _telephone(rng, marks, side, skin)
    pose, wrist, along, palm = _hand_at(rng, kind, marks, side)
    parts = make_hand(pose, wrist, along, palm, float(rng.normal(0.97, 0.06)))
    parts = _moved_clear(parts, envelope)
    if kind in ("cheek", "temple"):
        parts = _moved_clear(_beside_the_eye(parts, marks, side), envelope)
    return [join("hand", parts, skin, kind=kind)]


def _skin(rng: np.random.Generator, rgb) -> Material:
    base = np.clip(np.asarray(rgb, dtype=np.float64) * rng.normal(0.95, 0.06), 0.01, 0.9)
    red = base * np.array([1.05, 0.78, 0.74])
    return Material(
        name="skin",
        albedo=tuple(base.tolist()),
        roughness=0.5,
        f0=(0.028, 0.028, 0.028),
        pattern=SKIN,
        second=tuple(red.tolist()),
        scale_mm=30.0,
        scatter=0.3,
    )


def _jitter(rng: np.random.Generator, vector, amount: float) -> NDArray[np.float64]:
    return np.asarray(vector, dtype=np.float64) + rng.normal(0.0, amount, 3)


def _hand_at(rng: np.random.Generator, kind: str, marks: NDArray, side: float):
    """Pose, wrist, finger direction and palm direction of a hand at a place of the face."""
    jaw = marks[12] if side > 0 else marks[4]
    mouth, chin = marks[62], marks[8]
    right = side < 0
    if kind == "cheek":
        curl = tuple(np.clip(rng.uniform(0.05, 0.35) + rng.normal(0, 0.08, 5) + [0, 0, 0.1, 0.15, 0], 0, 1))
        wrist = jaw + np.array([side * 8.0, rng.uniform(30.0, 65.0), -26.0])
        return (
            HandPose(curl, rng.uniform(0, 1), right),
            wrist,
            _jitter(rng, (-side * 0.1, -1, 0.08), 0.09),
            (-side * 0.75, 0, 0.65),
        )
    if kind == "chin":
        curl = tuple(np.clip(rng.uniform(0.6, 0.95) + rng.normal(0, 0.07, 5), 0, 1))
        wrist = chin + np.array([side * rng.uniform(0, 35), rng.uniform(55, 90), rng.uniform(-20, 5)])
        return (
            HandPose(curl, 0.2, right),
            wrist,
            _jitter(rng, (-side * 0.2, -1, 0.1), 0.1),
            (-side * 0.3, 0.1, 1.0),
        )
    if kind == "mouth":
        curl = tuple(np.clip(rng.uniform(0.1, 0.4) + rng.normal(0, 0.08, 5), 0, 1))
        wrist = mouth + np.array([side * rng.uniform(75, 105), rng.uniform(30, 85), -14.0])
        return (
            HandPose(curl, 0.3, right),
            wrist,
            _jitter(rng, (-side * 1.0, -0.55, -0.15), 0.1),
            (-side * 0.15, -0.1, 1.0),
        )
    curl = tuple(np.clip(np.array([0.12, 0.2, 0.75, 0.85, 0.3]) + rng.normal(0, 0.08, 5), 0, 1))
    brow = marks[26] if side > 0 else marks[17]
    wrist = brow + np.array([side * rng.uniform(35, 60), rng.uniform(120, 150), -25.0])
    return (
        HandPose(curl, 0.3, right),
        wrist,
        _jitter(rng, (-side * 0.2, -1, 0.1), 0.06),
        (-side * 0.7, 0, 0.7),
    )


def _beside_the_eye(parts: list[Part], marks: NDArray, side: float) -> list[Part]:
    """Move the hand outwards until it lies beside the eye's outer corner, as a rule."""
    corner = marks[45] if side > 0 else marks[36]
    points = np.concatenate([part.vertices for part in parts])
    level = points[np.abs(points[:, 1] - corner[1]) < 14.0]
    if not len(level):
        return parts
    inwards = abs(corner[0]) + 3.0 - float((side * level[:, 0]).min())
    shift = np.array([side * max(inwards, 0.0), 0.0, 0.0])
    return [Part(part.vertices + shift, part.triangles, part.coords) for part in parts]


def _moved_clear(parts: list[Part], envelope: FaceEnvelope) -> list[Part]:
    """Move the hand out of the face (or against it) until it dents the skin by 1.5 mm."""
    points = np.concatenate([part.vertices for part in parts])
    depth = envelope.depth_inside(points)
    for _ in range(4):
        deepest = int(depth.argmax())
        if depth[deepest] < -500.0:
            break
        outwards = points[deepest] * np.array([1.0, 0.0, 1.0]) - np.array([0.0, 0.0, -30.0])
        shift = (depth[deepest] - 1.5) * outwards / np.linalg.norm(outwards)
        points = points + shift
        parts = [Part(part.vertices + shift, part.triangles, part.coords) for part in parts]
        depth = envelope.depth_inside(points)
    return parts


def _cup(rng: np.random.Generator, marks: NDArray, side: float, skin: Material) -> list[Accessory]:
    """A mug or paper cup before the mouth, fingers round it."""
    radius, height = rng.uniform(34, 44), rng.uniform(80, 125)
    foot = radius * rng.uniform(0.68, 1.0)
    tip = rng.uniform(0.1, 0.9)
    axis = np.array([0.0, np.cos(tip), -np.sin(tip)])  # from the rim down to the foot
    lip = marks[62] + np.array([rng.normal(0, 4), rng.uniform(0, 18), -6.0])
    rim = lip + np.array([0.0, -radius * np.sin(tip) * 0.3, -radius * np.cos(tip)])
    t = np.array([0.0, 0.02, 0.5, 0.97, 1.0])
    radii = np.array([radius - 1.5, radius, 0.5 * (radius + foot), foot, foot - 3.0])
    body = sweep(rim + t[:, None] * height * axis, [1.0, 0.0, 0.0], radii, radii, sides=32, square=2.0)
    colour = tuple(
        float(c) for c in np.clip(np.exp(rng.normal(-1.0, 0.8)) * np.exp(rng.normal(0, 0.25, 3)), 0.01, 0.85)
    )
    cup = join("cup", [body], Material("ceramic", colour, float(rng.uniform(0.1, 0.5))))
    return [cup, join("hand", _grip(rng, rim + 0.5 * height * axis, axis, radius, side), skin, kind="cup")]


def _grip(rng: np.random.Generator, middle: NDArray, axis: NDArray, radius: float, side: float) -> list[Part]:
    """Four fingers lying round an upright thing, seen from the camera, and the hand's back beside."""
    across = np.array([side, 0.0, 0.0])
    front = np.cross(across, axis) * -side
    front = front if front[2] < 0 else -front
    parts = []
    for k in range(4):
        level = middle + (k - 1.5) * 18.5 * axis
        reach = np.deg2rad(rng.uniform(95, 125) - 6 * abs(k - 1))
        angle = np.linspace(np.deg2rad(-35.0), reach, 12)[:, None]
        thick = (8.8, 9.0, 8.5, 7.6)[k]
        path = level + (radius + 0.8 * thick) * (np.cos(angle) * across + np.sin(angle) * front)
        path = path + axis * (4.0 * np.sin(angle * 1.2))
        taper = np.linspace(1.15, 0.85, 12) * thick
        taper[-1] *= 0.5
        parts.append(sweep(path, axis, taper, taper, sides=12, square=2.0))
    back = middle + (radius + 14.0) * across - 18.0 * front
    arm = np.stack([back, back + 60.0 * across + 50.0 * axis, back + 100.0 * across + 180.0 * axis])
    parts.append(
        sweep(arm, axis, np.array([32.0, 30.0, 38.0]), np.array([18.0, 24.0, 30.0]), sides=16, square=2.0)
    )
    return parts


def _telephone(rng: np.random.Generator, marks: NDArray, side: float, skin: Material) -> list[Accessory]:
    """A telephone held before the chin or beside the face."""
    half_width, half_height = rng.uniform(34, 39), rng.uniform(70, 80)
    middle = marks[8] + np.array([side * rng.uniform(0, 70), rng.uniform(10, 55), -rng.uniform(60, 140)])
    lean = rng.normal(0.0, 0.25)
    axis = np.array([np.sin(lean), np.cos(lean), -rng.uniform(0.0, 0.5)])
    axis /= np.linalg.norm(axis)
    t = np.array([-1.0, -0.97, 0.97, 1.0])[:, None]
    side_half = half_width * np.array([0.9, 1.0, 1.0, 0.9])
    body = sweep(middle + t * half_height * axis, [1.0, 0.0, 0.0], side_half, 4.0, sides=20, square=9.0)
    colour = tuple(
        float(c) for c in np.clip(np.exp(rng.normal(-3.0, 1.2)) * np.exp(rng.normal(0, 0.2, 3)), 0.005, 0.8)
    )
    phone = join("telephone", [body], Material("glass", colour, float(rng.uniform(0.1, 0.3))))
    hand = _grip(rng, middle + 0.25 * half_height * axis, axis, half_width, side)
    return [phone, join("hand", hand, skin, kind="telephone")]
