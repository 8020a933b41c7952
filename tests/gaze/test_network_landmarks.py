"""The network's landmarks: places that are exact, order under mirroring, a start that changes nothing."""

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
from small_networks import faces, small

from gaze.learned_landmarks import EYE_COUNT, FACE_68, LEARNED_COUNT, MIRROR_ORDER, mirror_landmarks
from gaze.network import FacePreprocess
from gaze.network_landmarks import LANDMARK_ROWS, TAPPED_BLOCKS
from gaze.training import cpu_features


def test_sizes_and_what_a_network_without_lacks():
    net = small(landmarks=True, predict_sigma=True).eval()
    answers = net.all_answers(torch.zeros(2, 3, 64, 64))
    assert answers.pitch_yaw.shape == answers.log_sigma.shape == answers.geometry[0].shape == (2, 2)
    assert answers.landmarks.places.shape == (2, LEARNED_COUNT, 2)
    assert answers.landmarks.log_spread.shape == (2, LEARNED_COUNT)
    plain = small().eval()
    assert plain.all_answers(torch.zeros(2, 3, 64, 64))[3:] == (None, None)


@pytest.mark.parametrize("size", [64, 112, 160, 224])
def test_every_size_finds_all_landmarks_within_the_rows_of_eyes(size):
    net = small(input_size=size, landmarks=True).eval()
    with torch.no_grad():
        places = net.all_answers(torch.randn(2, 3, size, size)).landmarks.places
    assert places.shape == (2, LEARNED_COUNT, 2)
    rows = places[:, : 2 * EYE_COUNT, 1]
    assert rows.min() > LANDMARK_ROWS[0] - 2 / size
    assert rows.max() < LANDMARK_ROWS[1] + 2 / size


def test_maps_are_read_where_their_sides_are_a_half_to_a_sixteenth():
    net = small(landmarks=True).eval()
    (end,), taps = net.features(torch.zeros(1, 3, 64, 64))
    assert [each.shape[-1] for each in taps] == [32, 16, 8, 4]
    assert len(taps) == len(TAPPED_BLOCKS)
    torch.testing.assert_close(end, net.backbone(torch.zeros(1, 3, 64, 64)))


def test_a_peak_of_heat_lies_where_its_cell_lies():
    net = small(input_size=160, landmarks=True)
    top_px = 4 * net.landmarks.eye_rows[0]
    rows, columns = 2 * (net.landmarks.eye_rows[1] - net.landmarks.eye_rows[0]), 80
    eye_heat = torch.full((1, 2 * EYE_COUNT, rows, columns), -50.0)
    eye_heat[0, 3, 5, 47] = 50.0
    eye_heat[0, 25, 7, 20:22] = 50.0  # between two cells
    face_heat = torch.full((1, LEARNED_COUNT - 2 * EYE_COUNT, 20, 20), -50.0)
    face_heat[0, 4, 19, 0] = 50.0
    (places, log_spread), _ = net.landmarks.places(eye_heat, face_heat)
    torch.testing.assert_close(places[0, 3] * 160, torch.tensor([94.0, top_px + 10.0]), atol=1e-4, rtol=0)
    torch.testing.assert_close(places[0, 25] * 160, torch.tensor([41.0, top_px + 14.0]), atol=1e-4, rtol=0)
    torch.testing.assert_close(places[0, 44] * 160, torch.tensor([0.0, 152.0]), atol=1e-4, rtol=0)
    # Two equal cells of two px each: a deviation of one px.
    assert float(log_spread[0, 25].exp() * 160) == pytest.approx(1.0, rel=1e-3)


def test_places_are_exact_to_a_thousandth_of_a_pixel_in_float32():
    net = small(input_size=160, landmarks=True)
    generator = torch.Generator().manual_seed(0)
    heats = [
        torch.randn(4, 2 * EYE_COUNT, 36, 80, generator=generator) * 8,
        torch.randn(4, LEARNED_COUNT - 2 * EYE_COUNT, 20, 20, generator=generator) * 8,
    ]
    (places, _), _ = net.landmarks.places(*heats)
    probability = heats[0].double().flatten(2).softmax(-1).reshape(heats[0].shape)
    x = (probability.sum(2) * torch.arange(0, 160, 2)).sum(-1)
    y = (probability.sum(3) * torch.arange(16, 88, 2)).sum(-1)
    exact = torch.stack([x, y], -1)
    assert (places[:, : 2 * EYE_COUNT].double() * 160 - exact).abs().max() < 1e-3


def test_an_untrained_branch_changes_no_answer():
    plain, net = small(predict_sigma=True).eval(), small(predict_sigma=True, landmarks=True).eval()
    missing = net.load_state_dict(plain.state_dict(), strict=False).missing_keys
    assert {name.split(".")[0] for name in missing} == {"landmarks", "geometry_head", "fc_geometry"}
    x = FacePreprocess()(faces(3, 64))
    with torch.no_grad():
        own, other = net.all_answers(x), plain.all_answers(x)
    for name in ("pitch_yaw", "log_sigma", "weight_map"):
        torch.testing.assert_close(getattr(own, name), getattr(other, name))


def test_the_gaze_learns_through_the_landmarks():
    net = small(landmarks=True, predict_sigma=True)
    torch.nn.init.normal_(net.fc_geometry.weight, std=0.1)
    answers = net.all_answers(FacePreprocess()(faces(4, 64)))
    answers.pitch_yaw.square().sum().backward()
    assert float(net.landmarks.eye_heat.weight.grad.abs().max()) > 0
    assert float(net.landmarks.face_heat.weight.grad.abs().max()) > 0


def test_the_fast_backbone_gives_the_same_maps():
    if not cpu_features.available_fp32():
        pytest.skip("torch has no oneDNN here")
    net = small(landmarks=True).eval()
    x = FacePreprocess()(faces(2, 64)).contiguous(memory_format=torch.channels_last)
    with torch.no_grad():
        fast, plain = net.features(x, cpu_features.features_fp32), net.features(x)
    assert len(fast.taps) == len(TAPPED_BLOCKS)
    torch.testing.assert_close(fast.ends + fast.taps, plain.ends + plain.taps, atol=1e-3, rtol=1e-3)


def test_not_with_the_eyes_apart():
    with pytest.raises(ValueError, match="not both"):
        small(input_size=128, eyes=True, landmarks=True)


def test_mirrored_twice_is_as_before_and_sides_change():
    landmarks = np.random.default_rng(0).uniform(0, 100, (2, LEARNED_COUNT, 2))
    mirrored = mirror_landmarks(landmarks, 101)
    np.testing.assert_allclose(mirror_landmarks(mirrored, 101), landmarks)
    np.testing.assert_array_equal(MIRROR_ORDER[MIRROR_ORDER], np.arange(LEARNED_COUNT))
    # The left eye's outer corner is the right eye's; the chin stays; a jaw's end goes to the other side.
    np.testing.assert_allclose(mirrored[0, 14], [100 - landmarks[0, 34, 0], landmarks[0, 34, 1]])
    chin, ear, other_ear = (40 + FACE_68.index(number) for number in (8, 0, 16))
    np.testing.assert_allclose(mirrored[0, chin], [100 - landmarks[0, chin, 0], landmarks[0, chin, 1]])
    np.testing.assert_allclose(mirrored[0, ear, 1], landmarks[0, other_ear, 1])
