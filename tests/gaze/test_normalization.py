"""Normalisation against the golden MPIIFaceGaze example, OpenCV's own functions, and its own inverse.

The golden numbers are those of MPIIFaceGaze's own procedure for its example image day01_0087.
"""

import cv2
import numpy as np
import pytest
from made_faces import DISTORTED, PINHOLE, rotation

from gaze.camera import Camera
from gaze.face_model import SIX_POINTS_MM
from gaze.geometry import angles_from_vector, head_angles_from_rotation, mirror_angles
from gaze.head_pose import face_centre_cam_mm, head_pose_from_six_points
from gaze.normalization import (
    denormalize_direction,
    gaze_ray,
    normalize_direction,
    normalize_face,
    normalizing_rotation,
    normalizing_warp,
    resize_face,
    scale_direction,
    unscale_direction,
    warp_view,
)
from gaze.types import Frame, HeadPose, NormalizedCamera

LANDMARKS_PX = [[551, 408], [603, 405], [698, 398], [755, 393], [603, 566], [724, 557]]
TARGET_CAM_MM = np.array([-127.790719, 4.621111, -12.025310])
# EPNP, then iterative, by OpenCV 5.0.0; rounded: (-0.11659, 0.14520, -0.07826), (11.532, 16.153, 431.663).
RVEC = np.array([-0.1165924211, 0.1452031260, -0.0782581220])
TVEC = np.array([11.5316219642, 16.1530797228, 431.6626913744])
# centre name -> (model points averaged, centre mm, gaze vector, gaze pitch and yaw, head pitch and yaw, deg)
GOLDEN = {
    "right eye": (
        [0, 1],
        (-21.223, 19.014, 436.300),
        (-0.278078, -0.011553, -0.960489),
        (0.6619, 16.1467),
        (4.7632, 11.0113),
    ),
    "left eye": (
        [2, 3],
        (44.286, 13.292, 427.025),
        (-0.266877, -0.011293, -0.963665),
        (0.6471, 15.4795),
        (4.7632, 2.2820),
    ),
    "face": (
        [0, 1, 2, 3, 4, 5],
        (13.116, 38.793, 428.885),
        (-0.274599, -0.008020, -0.961525),
        (0.4595, 15.9386),
        (1.7106, 6.7055),
    ),
}
FACE_R = [(0.996816, -0.076170, -0.023594), (0.073701, 0.993021, -0.092074), (0.030443, 0.090042, 0.995473)]
FACE_W = [(0.735769, -0.045045, -342.278149), (0.057764, 0.737550, -253.718272), (3.2e-5, 9.6e-5, 1)]
FACE_CAMERA = NormalizedCamera(960.0, 600.0, 224)


def golden_camera(shared_dir):
    path = shared_dir / "real/mpiifacegaze/calibration/cameraCalib.xml"
    storage = cv2.FileStorage(str(path), cv2.FILE_STORAGE_READ)
    K = storage.getNode("camera_matrix").mat()
    distortion = storage.getNode("cam_distortion").mat()
    return Camera(K, distortion, 1280, 720)


GOLDEN_HEAD_R = cv2.Rodrigues(RVEC)[0]


@pytest.mark.parametrize("name", GOLDEN)
def test_golden_normalisation_to_the_printed_digits(name):
    points, centre_mm, gaze, gaze_deg, head_deg = GOLDEN[name]
    centre = GOLDEN_HEAD_R @ SIX_POINTS_MM[points].mean(axis=0) + TVEC
    np.testing.assert_allclose(centre, centre_mm, atol=5.1e-4)
    R = normalizing_rotation(GOLDEN_HEAD_R, centre)
    direction = normalize_direction(TARGET_CAM_MM - centre, R)
    np.testing.assert_allclose(direction, gaze, atol=5.1e-7)
    np.testing.assert_allclose(np.rad2deg(angles_from_vector(direction)), gaze_deg, atol=5.1e-5)
    np.testing.assert_allclose(
        np.rad2deg(head_angles_from_rotation(R @ GOLDEN_HEAD_R)), head_deg, atol=5.1e-5
    )


def test_golden_face_rotation_and_scaled_label():
    centre = face_centre_cam_mm(HeadPose(GOLDEN_HEAD_R, TVEC, 0.0))
    R = normalizing_rotation(GOLDEN_HEAD_R, centre)
    np.testing.assert_allclose(R, FACE_R, atol=5.1e-7)
    scale = FACE_CAMERA.distance_mm / np.linalg.norm(centre)
    scaled = scale_direction(normalize_direction(TARGET_CAM_MM - centre, R), scale)
    np.testing.assert_allclose(np.rad2deg(angles_from_vector(scaled)), (0.3361, 11.5889), atol=5.1e-5)


def test_golden_warp(shared_dir):
    centre = face_centre_cam_mm(HeadPose(GOLDEN_HEAD_R, TVEC, 0.0))
    R = normalizing_rotation(GOLDEN_HEAD_R, centre)
    W = normalizing_warp(golden_camera(shared_dir).K, R, centre, FACE_CAMERA)
    np.testing.assert_allclose(W / W[2, 2], FACE_W, atol=5.1e-7)


def test_golden_chain_from_landmarks(shared_dir):
    """Landmarks to labels with this OpenCV, whose refinement stops up to 0.001 mm from the golden pose's."""
    pose = head_pose_from_six_points(LANDMARKS_PX, golden_camera(shared_dir))
    np.testing.assert_allclose(cv2.Rodrigues(pose.R_cam_head)[0].ravel(), RVEC, atol=3e-5)
    np.testing.assert_allclose(pose.t_cam_mm, TVEC, atol=1.2e-3)
    for points, _, gaze, gaze_deg, head_deg in GOLDEN.values():
        centre = pose.R_cam_head @ SIX_POINTS_MM[points].mean(axis=0) + pose.t_cam_mm
        R = normalizing_rotation(pose.R_cam_head, centre)
        direction = normalize_direction(TARGET_CAM_MM - centre, R)
        np.testing.assert_allclose(direction, gaze, atol=3e-6)
        np.testing.assert_allclose(np.rad2deg(angles_from_vector(direction)), gaze_deg, atol=2e-4)
        np.testing.assert_allclose(
            np.rad2deg(head_angles_from_rotation(R @ pose.R_cam_head)), head_deg, atol=2e-3
        )


@pytest.mark.parametrize(("distance_mm", "read_deg"), [(400.0, 10.1), (700.0, 17.4)])
def test_scaled_labels_read_as_published(distance_mm, read_deg):
    """A true 15 degrees at 400 mm reads 10.1 in the scaled label space, at 700 mm 17.4 (d_n = 600 mm)."""
    true = np.array([-np.sin(np.deg2rad(15)), 0, -np.cos(np.deg2rad(15))])
    scale = 600.0 / distance_mm
    scaled = scale_direction(true, scale)
    assert np.rad2deg(angles_from_vector(scaled))[1] == pytest.approx(read_deg, abs=0.06)
    np.testing.assert_allclose(unscale_direction(scaled, scale), true, atol=1e-15)


def test_normalising_and_back_gives_the_same_direction():
    rng = np.random.default_rng(0)
    for _ in range(50):
        hR = rotation(*rng.uniform(-40, 40, 3))
        centre = rng.uniform([-200, -150, 300], [200, 150, 1200])
        R = normalizing_rotation(hR, centre)
        np.testing.assert_allclose(R @ R.T, np.eye(3), atol=1e-14)
        np.testing.assert_allclose(R @ centre, [0, 0, np.linalg.norm(centre)], atol=1e-10)
        assert abs((R @ hR)[1, 0]) < 1e-14  # no roll left
        g = rng.normal(size=3)
        g /= np.linalg.norm(g)
        np.testing.assert_allclose(denormalize_direction(normalize_direction(g, R), R), g, atol=1e-14)


def test_gaze_ray_starts_at_the_centre_and_points_at_the_target():
    centre, target = np.array([30.0, -20, 600]), np.array([-100.0, 50, 0])
    R = normalizing_rotation(rotation(5, -12, 8), centre)
    view = normalize_face(
        Frame(np.zeros((480, 640, 3), np.uint8)), PINHOLE, HeadPose(rotation(5, -12, 8), centre, 0.0), centre
    )
    ray = gaze_ray(normalize_direction(target - centre, R), view)
    np.testing.assert_allclose(ray.origin_cam_mm, centre)
    np.testing.assert_allclose(
        ray.direction_cam, (target - centre) / np.linalg.norm(target - centre), atol=1e-14
    )


def test_all_published_crops_cover_140_mm():
    for focal, distance, size in ((960, 600, 224), (1600, 1000, 224), (960, 300, 448), (480, 600, 112)):
        assert size * distance / focal == pytest.approx(140.0)
    assert NormalizedCamera(960.0, 600.0, 224).resized(112) == NormalizedCamera(480.0, 600.0, 112)


def test_degenerate_geometry_is_refused():
    with pytest.raises(ValueError, match="zero or not finite"):
        normalizing_rotation(np.eye(3), [0.0, 0, 0])
    with pytest.raises(ValueError, match="zero or not finite"):
        normalizing_rotation(rotation(yaw_deg=90) @ np.diag([-1, 1, -1]), [0, 0, np.nan])


def smooth_picture(width, height, seed=0):
    """A picture without fine detail, so that resampling it twice costs little."""
    noise = np.random.default_rng(seed).uniform(0, 255, (height // 40, width // 40, 3)).astype(np.float32)
    return cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC).clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize("camera", [DISTORTED, PINHOLE], ids=["distorted", "pinhole"])
def test_view_equals_undistorting_then_warping(camera):
    """One resampling must show what cv2.undistort followed by cv2.warpPerspective shows."""
    image = smooth_picture(640, 480)
    centre = np.array([60.0, 40, 620])
    R = normalizing_rotation(rotation(4, 10, -6), centre)
    W = normalizing_warp(camera.K, R, centre, NormalizedCamera(480.0, 600.0, 112))
    ours = warp_view(image, camera, W, 112)
    undistorted = image
    if camera.has_distortion:
        undistorted = cv2.undistort(image, camera.K, camera.distortion, None, camera.K)
    theirs = cv2.warpPerspective(undistorted, W, (112, 112))
    difference = np.abs(ours.astype(int) - theirs)
    assert difference.mean() < 0.6
    assert difference.max() <= 4


@pytest.mark.parametrize("distance_mm", [620.0, 250.0])
@pytest.mark.parametrize("camera", [DISTORTED, PINHOLE], ids=["distorted", "pinhole"])
def test_a_point_in_space_lands_where_the_virtual_camera_sees_it(camera, distance_mm):
    """A blurred dot drawn with Camera.project appears at the virtual camera's own projection of the point.

    At 250 mm the view is made by averaging several source pixels.
    """
    centre = np.array([40.0, -25, distance_mm])
    pose = HeadPose(rotation(-6, 14, 9), centre, 0.0)
    point = centre + np.array([12.0, -9.0, 3.0])
    x, y = camera.project(point[None])[0]
    sigma = 2200.0 / distance_mm
    v, u = np.mgrid[0:480, 0:640]
    dot = np.exp(-((u - x) ** 2 + (v - y) ** 2) / (2 * sigma**2))
    image = np.repeat((255 * dot).astype(np.uint8)[..., None], 3, axis=2)
    target = NormalizedCamera(480.0, 600.0, 112)
    view = normalize_face(Frame(image), camera, pose, centre, target)
    # Where the virtual camera at the same place, turned by R and scaled along z, sees the point.
    seen = view.R_norm_cam @ point * [1, 1, view.distance_scale]
    expected = (target.K @ seen)[:2] / seen[2]
    weight = view.image[..., 0].astype(float)
    v2, u2 = np.mgrid[0:112, 0:112]
    found = np.array([(weight * u2).sum(), (weight * v2).sum()]) / weight.sum()
    np.testing.assert_allclose(found, expected, atol=0.06)
    assert view.distance_scale == pytest.approx(600.0 / np.linalg.norm(centre))


def test_a_close_face_is_averaged_not_aliased():
    """Fine stripes of a face at 150 mm must come out grey, as area averaging gives, not as moire."""
    image = np.zeros((480, 640, 3), np.uint8)
    image[:, ::2] = 255
    centre = np.array([0.0, 0, 150])
    view = normalize_face(Frame(image), PINHOLE, HeadPose(np.eye(3), centre, 0.0), centre)
    # 140 mm at 150 mm are 560 px: five source px an output px; 480 rows fill the middle of the view.
    middle = view.image[20:92, 5:107].astype(float)
    assert middle.mean() == pytest.approx(127.5, abs=3)
    assert middle.std() < 35  # bilinear sampling alone gives above 60


def test_mirrored_picture_gives_the_mirrored_face_and_gaze():
    """Mirror picture, camera and head: the view mirrors (by one pixel, the principal point being S/2),
    and gaze angles that mirror give a ray that mirrors."""
    flip = np.diag([-1.0, 1, 1])
    image = smooth_picture(640, 480, seed=3)
    camera = PINHOLE
    mirrored_camera = Camera(
        [[600.0, 0, 639 - camera.K[0, 2]], [0, 600.0, camera.K[1, 2]], [0, 0, 1]], [], 640, 480
    )
    centre = np.array([50.0, 20, 640])
    hR = rotation(7, -15, 11)
    view = normalize_face(Frame(image), camera, HeadPose(hR, centre, 0.0), centre)
    mirrored = normalize_face(
        Frame(np.ascontiguousarray(image[:, ::-1])),
        mirrored_camera,
        HeadPose(flip @ hR @ flip, centre * [-1, 1, 1], 0.0),
        centre * [-1, 1, 1],
    )
    np.testing.assert_allclose(mirrored.R_norm_cam, flip @ view.R_norm_cam @ flip, atol=1e-12)
    difference = np.abs(mirrored.image[:, 1:].astype(int) - view.image[:, :0:-1])
    assert difference.max() <= 3
    head = head_angles_from_rotation(view.R_norm_cam @ hR)
    mirrored_head = head_angles_from_rotation(mirrored.R_norm_cam @ flip @ hR @ flip)
    np.testing.assert_allclose(mirrored_head, mirror_angles(head), atol=1e-12)
    direction = np.array([-0.3, 0.1, -0.9])
    ray = gaze_ray(direction, view)
    mirrored_ray = gaze_ray(direction * [-1, 1, 1], mirrored)
    np.testing.assert_allclose(mirrored_ray.direction_cam, ray.direction_cam * [-1, 1, 1], atol=1e-12)


def test_a_face_partly_outside_the_picture_is_black_there():
    image = np.full((480, 640, 3), 200, np.uint8)
    centre = PINHOLE_CORNER = np.array([-319.5, 0.0, 600.0])  # the left edge of the picture
    view = normalize_face(Frame(image), PINHOLE, HeadPose(np.eye(3), centre, 0.0), PINHOLE_CORNER)
    assert view.image[:, :40].max() == 0
    assert view.image[:, 72:].min() == 200


def test_resize_averages_when_it_shrinks():
    face = np.zeros((4, 4, 3), np.uint8)
    face[::2, ::2] = 200
    assert np.all(resize_face(face, 2) == 50)
    assert resize_face(face, 4) is face
