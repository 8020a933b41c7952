"""A second reader of raw MPIIFaceGaze, written from the format's description alone.

It shares no code with the project: own parsing, own rotations, own projection, own warp. Angles in degrees.
"""

import math
import pathlib

import cv2
import numpy
import scipy.io

MODEL = numpy.array(
    [
        [-45.0968, -21.3129, 21.3129, 45.0968, -26.2996, 26.2996],
        [-0.4838, 0.4838, 0.4838, -0.4838, 68.5950, 68.5950],
        [2.3970, -2.3970, -2.3970, 2.3970, 0.0, 0.0],
    ]
)


def rotation(v):
    """Rodrigues' formula."""
    angle = math.sqrt(sum(float(x) ** 2 for x in v))
    if angle < 1e-12:
        return numpy.eye(3)
    x, y, z = (float(c) / angle for c in v)
    cross = numpy.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return numpy.eye(3) + math.sin(angle) * cross + (1 - math.cos(angle)) * cross @ cross


def _unit(v):
    return v / math.sqrt(float(v @ v))


def _distort(x, y, d):
    k1, k2, p1, p2, k3 = d
    r2 = x * x + y * y
    radial = 1 + k1 * r2 + k2 * r2**2 + k3 * r2**3
    return (
        x * radial + 2 * p1 * x * y + p2 * (r2 + 2 * x * x),
        y * radial + p1 * (r2 + 2 * y * y) + 2 * p2 * x * y,
    )


def _undistort_points(points, K, d):
    result = []
    for u, v in points:
        x0, y0 = (u - K[0, 2]) / K[0, 0], (v - K[1, 2]) / K[1, 1]
        x, y = x0, y0
        for _ in range(100):
            xd, yd = _distort(x, y, d)
            x, y = x + x0 - xd, y + y0 - yd
        result.append([x * K[0, 0] + K[0, 2], y * K[1, 1] + K[1, 2]])
    return numpy.array(result)


def _angles(g):
    return [math.degrees(math.asin(-g[1])), math.degrees(math.atan2(-g[0], -g[2]))]


def read(root, size, only="p"):
    """A list of dictionaries, one per row of every pXX.txt, with pictures normalised at ``size`` px."""
    rows = []
    for folder in sorted(p for p in pathlib.Path(root).iterdir() if p.is_dir() and p.name.startswith(only)):
        calibration = folder / "Calibration"
        camera = scipy.io.loadmat(str(calibration / "Camera.mat"))
        pose = scipy.io.loadmat(str(calibration / "monitorPose.mat"))
        screen = {k: float(v[0, 0]) for k, v in scipy.io.loadmat(str(calibration / "screenSize.mat")).items()
                  if not k.startswith("_")}  # fmt: skip
        K, d = camera["cameraMatrix"], camera["distCoeffs"].flatten()
        R_screen, t_screen = rotation(pose["rvects"].flatten()), pose["tvecs"].flatten()
        for line in (folder / (folder.name + ".txt")).open():
            rows.append(_row(folder, line.split(), K, d, screen, R_screen, t_screen, size))
    return rows


def _row(folder, columns, K, d, screen, R_screen, t_screen, size):
    number = [None, None] + [float(c) for c in columns[1:27]]  # 1-based, as the description counts
    row = {
        "person": folder.name,
        "image": columns[0],
        "day": columns[0].split("/")[0],
        "eye": columns[27],
        "screen_px": number[2:4],
        "landmarks_px": numpy.array(number[4:16]).reshape(6, 2),
        "rvec": number[16:19],
        "tvec": number[19:22],
        "centre": numpy.array(number[22:25]),
        "target": numpy.array(number[25:28]),
    }
    u, v = row["screen_px"]
    on_plane = numpy.array(
        [u * screen["width_mm"] / screen["width_pixel"], v * screen["height_mm"] / screen["height_pixel"], 0]
    )
    row["screen_target"] = R_screen @ on_plane + t_screen
    row["off_screen"] = not (0 <= u <= screen["width_pixel"] and 0 <= v <= screen["height_pixel"])
    hR = rotation(row["rvec"])
    row["model_centre"] = hR @ MODEL.mean(axis=1) + row["tvec"]
    c = row["centre"]
    z = _unit(c)
    y = _unit(numpy.cross(z, hR[:, 0]))
    x = _unit(numpy.cross(y, z))
    R = numpy.array([x, y, z])
    scale = 600.0 / math.sqrt(float(c @ c))
    focal = 960.0 * size / 224
    Kn = numpy.array([[focal, 0, size / 2], [0, focal, size / 2], [0, 0, 1]])
    W = Kn @ numpy.diag([1, 1, scale]) @ R @ numpy.linalg.inv(K)
    g = _unit(R @ (row["target"] - c))
    head = (R @ hR)[:, 2]
    row["R"], row["scale"] = R, scale
    row["gaze_deg"] = _angles(g)
    row["scaled_gaze_deg"] = _angles(_unit(numpy.diag([1, 1, scale]) @ R @ (row["target"] - c)))
    row["head_deg"] = [math.degrees(math.asin(head[1])), math.degrees(math.atan2(head[0], head[2]))]
    pinhole = _undistort_points(row["landmarks_px"], K, d)
    warped = numpy.array([W @ [px, py, 1] for px, py in pinhole])
    row["landmarks_norm_px"] = warped[:, :2] / warped[:, 2:]
    picture = cv2.imread(str(folder / row["image"]))
    flat = cv2.undistort(picture, K, d)
    row["face"] = cv2.warpPerspective(flat, W, (size, size), flags=cv2.INTER_LINEAR)
    return row
