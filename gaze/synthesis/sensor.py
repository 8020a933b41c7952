"""The camera behind the lens: from linear light to the 8-bit picture a webcam or a studio camera gives.

Order: lens blur and veil, sampling on the sensor, exposure and white balance, saturation, noise as denoising
leaves it, tone curve, smear, sharpening, compression, and the crop's resampling to its final size.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from gaze.synthesis.video_compression import predicted_frame

LUMA = np.array([0.2126, 0.7152, 0.0722], dtype=np.float32)
# Fewest and most sensor pixels across a face crop.
GRID_PX = (55, 480)
LEAST_SMEAR_PX = 1.2
# Share of a video's frames that are predicted from the one before; the others are coded like photos.
PREDICTED_SHARE = 0.9
# The quantiser's step of a predicted frame, times the quality of a whole one of like bandwidth.
_STEP_OF_QUALITY = 1000.0
# Deviation of the blur that stands for a good lens and the pixels' area: the renderer takes one sample a
# pixel. A coarser sensor gathers its light from several.
_PIXEL_BLUR_PX = 0.45
_TABLE = 4096
_BANK = 640


@dataclass(frozen=True)
class SensorSettings:
    """One camera in one place. Lengths in pixels of the final picture unless said otherwise.

    Lens: ``grid_px`` is how many sensor pixels the crop covers; ``defocus_px`` the deviation of its blur;
    ``motion_px`` the length of what a point is smeared to and ``motion_rad`` the direction, from x towards y
    (down); ``veil`` the share of the light that is spread over the whole picture, ``vignette`` the share
    that is lost in the corners.

    Exposure: ``metering`` 0 keeps the light's own scale, 1 brings the middle of the picture to ``target``,
    its mean in linear light (1 is white); ``exposure_stops`` is added, in powers of two; ``gains`` (3,) are
    the white balance's errors, factors on linear RGB; ``saturation`` 0 is grey, 1 leaves the colours alone.

    Noise: ``iso`` sets it (100 is nearly clean, 0 has none); ``denoise`` 0 to 1 trades it for smear.

    Tone curve: ``gamma`` is that of the encoding; ``contrast`` 0 to 1 bends it to an S; ``shoulder`` is the
    linear light above which highlights are compressed, 1 none; ``levels`` how many values a channel has (256
    is no banding).

    Picture: ``sharpen`` is the factor on the detail that is added once more, ``sharpen_px`` the deviation of
    the blur which tells detail, in sensor px, less where these are coarse; ``jpeg_quality`` 1 to 100, 0 means
    no compression; ``video``: of that quality, but as a frame of a video.
    """

    grid_px: int = 4096
    defocus_px: float = 0.0
    motion_px: float = 0.0
    motion_rad: float = 0.0
    veil: float = 0.0
    vignette: float = 0.0
    metering: float = 0.5
    target: float = 0.22
    exposure_stops: float = 0.0
    gains: tuple[float, float, float] = (1.0, 1.0, 1.0)
    saturation: float = 1.0
    iso: float = 100.0
    denoise: float = 0.3
    gamma: float = 2.2
    contrast: float = 0.0
    shoulder: float = 0.8
    sharpen: float = 0.0
    sharpen_px: float = 1.0
    jpeg_quality: int = 0
    video: bool = False
    levels: int = 256

    @property
    def smear_px(self) -> float:
        """What is drawn of ``motion_px``: a smear within a pixel is none."""
        return self.motion_px if self.motion_px >= LEAST_SMEAR_PX else 0.0

    @classmethod
    def sample(cls, rng: np.random.Generator, lux: float = 300.0) -> SensorSettings:
        """Draw a camera for a place of ``lux``: a quarter (an eighth in dim light) are clean and sharp."""
        warm = rng.normal(0.012, 0.035)
        green = rng.normal(0.0, 0.015)
        if rng.random() < (0.25 if lux > 50.0 else 0.12):
            return cls(
                metering=float(rng.uniform(0.15, 0.7)),
                target=float(rng.uniform(0.2, 0.36)),
                exposure_stops=float(rng.normal(0.0, 0.25)),
                gains=tuple(np.exp([warm, green, -warm]).tolist()),
                saturation=float(rng.normal(1.0, 0.08)),
                iso=float(rng.uniform(50, 200)),
                denoise=0.2,
                gamma=float(rng.normal(2.2, 0.08)),
                contrast=float(rng.uniform(0.1, 0.7)),
                shoulder=float(rng.uniform(0.7, 0.95)),
                sharpen=float(rng.uniform(0.0, 0.5)),
                sharpen_px=float(rng.uniform(0.6, 1.0)),
                jpeg_quality=int(rng.integers(88, 99)),
            )
        error = (
            rng.normal(-0.05, 0.33)
            if rng.random() < 0.92
            else rng.choice([-1.0, 1.0]) * rng.uniform(0.7, 1.5)
        )
        video = rng.random() < 0.35
        blurred = rng.random() < 0.3
        moving = rng.random() < (0.25 if lux < 100 else 0.1)
        return cls(
            grid_px=int(
                np.exp(rng.uniform(np.log(85 if rng.random() < 0.88 else GRID_PX[0]), np.log(GRID_PX[1])))
            ),
            defocus_px=float(rng.uniform(0.3, 1.3) if blurred else rng.uniform(0.0, 0.4)),
            motion_px=float(rng.uniform(1.5, 6.0)) if moving else 0.0,
            motion_rad=float(rng.normal(0.0, 0.7)),
            veil=float(rng.exponential(0.012)),
            vignette=float(rng.uniform(0.0, 0.12)),
            metering=float(rng.uniform(0.2, 0.85)),
            target=float(rng.uniform(0.17, 0.36)),
            exposure_stops=float(error),
            gains=tuple(np.exp([warm * 1.6, green * 1.6, -warm * 1.6]).tolist()),
            saturation=float(np.clip(rng.normal(0.98, 0.15), 0.5, 1.4)) if rng.random() > 0.015 else 0.0,
            iso=float(np.clip(100.0 * (350.0 / lux) * np.exp(rng.normal(0.2, 0.6)), 80.0, 4000.0)),
            denoise=float(rng.uniform(0.1, 1.0)),
            gamma=float(rng.normal(2.2, 0.12)),
            contrast=float(rng.uniform(0.0, 0.75)),
            shoulder=float(rng.uniform(0.6, 0.97)),
            sharpen=float(min(rng.exponential(0.4), 1.2)),
            sharpen_px=float(rng.uniform(0.7, 1.5)),
            jpeg_quality=int(rng.integers(22, 60) if video else rng.integers(55, 97)),
            video=bool(video),
            levels=int(rng.choice([256, 256, 256, 256, 256, 96, 64])) if video else 256,
        )


def expose(
    linear_rgb: NDArray[np.float32], settings: SensorSettings, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Picture (S, S, 3) uint8 BGR of linear light (S, S, 3) RGB."""
    size = linear_rgb.shape[0]
    light = np.ascontiguousarray(linear_rgb, dtype=np.float32)
    grid = int(np.clip(settings.grid_px, 16, size))
    scale = grid / size
    light = _lens(light, settings, _PIXEL_BLUR_PX if grid == size else 0.0)
    if grid != size:
        light = cv2.resize(light, (grid, grid), interpolation=cv2.INTER_AREA)
    gains = exposure_gain(light, settings) * np.asarray(settings.gains, np.float32)
    light = cv2.transform(light, _saturation(settings.saturation) * gains)
    # Sensor pixels finer than the picture average out: their noise shrinks with the share.
    light = _with_noise(light, settings, rng, fine=max(1.0, min(settings.grid_px, 2048) / size))
    root = np.sqrt(np.clip(light, 0.0, 2.0, out=light), out=light)
    root *= _TABLE / 1.4143
    picture = _table(settings).take(root.astype(np.intp))
    picture = _finish(picture, settings, rng, scale)
    if grid != size:
        picture = cv2.resize(
            picture, (size, size), interpolation=cv2.INTER_LINEAR if scale > 0.6 else cv2.INTER_CUBIC
        )
    return picture


def exposure_gain(light: NDArray[np.float32], settings: SensorSettings) -> np.float32:
    """Factor on linear light: the middle of the picture towards ``target`` as far as ``metering`` says."""
    h, w = light.shape[:2]
    middle = light[h // 5 : h - h // 5, w // 5 : w - w // 5]
    mean = float(cv2.mean(middle)[:3] @ LUMA.astype(np.float64))
    automatic = settings.target / max(mean, 0.004)
    fixed = 2.6 * settings.target  # white in the reference light just below the shoulder
    gain = automatic**settings.metering * fixed ** (1.0 - settings.metering) * 2.0**settings.exposure_stops
    return np.float32(np.clip(gain, 0.02, 40.0))


def _lens(light: NDArray[np.float32], settings: SensorSettings, pixel_blur_px: float) -> NDArray[np.float32]:
    """Defocus, motion, veil and vignette, in linear light; the pixels' own blur together with the defocus."""
    if settings.smear_px > 0.0:
        light = cv2.filter2D(light, -1, _line(settings.smear_px, settings.motion_rad))
    blur_px = float(np.hypot(settings.defocus_px, pixel_blur_px))
    if blur_px > 0.25:
        light = cv2.GaussianBlur(light, (0, 0), blur_px, borderType=cv2.BORDER_REFLECT_101)
    if settings.veil > 0.0:
        light = light * np.float32(1.0 - settings.veil) + np.float32(settings.veil) * np.float32(
            np.minimum(np.mean(cv2.mean(light)[:3]), 2.0)
        )
    if settings.vignette > 0.0:
        light = light * (1.0 - np.float32(settings.vignette) * _corner(light.shape[0], light.shape[1]))
    return light


@lru_cache(maxsize=8)
def _corner(height: int, width: int) -> NDArray[np.float32]:
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    x = np.linspace(-1, 1, width, dtype=np.float32)[None]
    return cv2.merge([0.5 * (x * x + y * y)] * 3)


def _line(length_px: float, angle_rad: float) -> NDArray[np.float32]:
    half = int(np.ceil(length_px / 2.0))
    y, x = np.mgrid[-half : half + 1, -half : half + 1].astype(np.float32)
    along = x * np.cos(angle_rad) + y * np.sin(angle_rad)
    across = -x * np.sin(angle_rad) + y * np.cos(angle_rad)
    kernel = np.clip(length_px / 2.0 + 0.5 - np.abs(along), 0, 1) * np.clip(1.0 - np.abs(across), 0, 1)
    return (kernel / kernel.sum()).astype(np.float32)


def _saturation(amount: float) -> NDArray[np.float32]:
    return (amount * np.eye(3) + (1.0 - amount) * np.tile(LUMA, (3, 1))).astype(np.float32)


@lru_cache(maxsize=1)
def _noise_bank() -> tuple[tuple[NDArray[np.float32], NDArray[np.float32]], ...]:
    """(luma (B, B), colour (B, B, 3)) fields of unit deviation, from crisp to heavily denoised."""
    rng = np.random.default_rng(20)
    fields = []
    for luma_px, colour_px in ((0.35, 0.6), (0.6, 1.2), (0.9, 2.2), (1.3, 3.5)):
        luma = cv2.GaussianBlur(rng.standard_normal((_BANK, _BANK), dtype=np.float32), (0, 0), luma_px)
        colour = cv2.GaussianBlur(rng.standard_normal((_BANK, _BANK, 3), dtype=np.float32), (0, 0), colour_px)
        colour -= colour.mean(-1, keepdims=True)
        fields.append((luma / luma.std(), colour / colour.std()))
    return tuple(fields)


def _with_noise(
    light: NDArray[np.float32], settings: SensorSettings, rng: np.random.Generator, fine: float
) -> NDArray[np.float32]:
    """Add correlated shot and read noise of variance ``x / electrons + (read / electrons)^2``."""
    if settings.iso <= 0.0:
        return light
    h, w = light.shape[:2]
    electrons = 4000.0 * 100.0 / settings.iso * fine * fine
    read = 3.0 * fine
    luma, colour = _noise_bank()[min(int(settings.denoise * 4.0), 3)]
    y, x = rng.integers(0, _BANK - min(h, _BANK) + 1), rng.integers(0, _BANK - min(w, _BANK) + 1)
    luma, colour = _cut(luma, y, x, h, w), _cut(colour, x % max(_BANK - h, 1), y % max(_BANK - w, 1), h, w)
    variance = np.maximum(cv2.transform(light, LUMA[None]), 0.0).reshape(h, w)
    variance /= electrons
    variance += (read / electrons) ** 2
    deviation = np.sqrt(variance, out=variance)
    strength = 1.0 - 0.65 * settings.denoise
    # Planes are spread over the colours first: arrays of three columns make short loops.
    noise = (0.75 * strength * (1.0 - 0.4 * settings.denoise)) * colour
    noise += cv2.merge([(0.8 * strength) * luma] * 3)
    noise *= cv2.merge([deviation] * 3)
    noise += light
    return noise


def _cut(field: NDArray[np.float32], y: int, x: int, h: int, w: int) -> NDArray[np.float32]:
    """A window of the noise field, repeated when the picture is larger than the bank."""
    if h <= _BANK and w <= _BANK:
        return field[y : y + h, x : x + w]
    return field[np.arange(y, y + h) % _BANK][:, np.arange(x, x + w) % _BANK]


def _table(settings: SensorSettings) -> NDArray[np.uint8]:
    """8-bit value by the square root of linear light 0..2: shoulder, gamma, contrast, banding."""
    x = (np.arange(_TABLE + 1) * (1.4143 / _TABLE)) ** 2
    knee = settings.shoulder
    rest = 1.0 - knee
    over = np.maximum(x - knee, 0.0)
    y = np.where(x < knee, x, knee + rest * (1.0 - np.exp(-over / max(rest, 1e-3))))
    y = np.clip(y / (knee + rest * (1.0 - np.exp(-1.0))) if knee < 1 else y, 0.0, 1.0) ** (
        1.0 / settings.gamma
    )
    y = y + settings.contrast * (y * y * (3.0 - 2.0 * y) - y)
    y = np.clip(y, 0.0, 1.0)
    if settings.levels < 256:
        y = np.round(y * (settings.levels - 1)) / (settings.levels - 1)
    return np.round(y * 255.0).astype(np.uint8)


def _finish(
    picture: NDArray[np.uint8], settings: SensorSettings, rng: np.random.Generator, scale: float
) -> NDArray[np.uint8]:
    """Smear, sharpen and compress the 8-bit picture; RGB in, BGR out."""
    picture = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    if settings.denoise > 0.85:
        picture = cv2.medianBlur(picture, 3)
    if settings.sharpen > 0.02:
        soft = cv2.GaussianBlur(picture, (0, 0), max(settings.sharpen_px * min(1.0, scale * 1.5), 0.5))
        picture = cv2.addWeighted(picture, 1.0 + settings.sharpen, soft, -settings.sharpen, 0.0)
    if settings.jpeg_quality > 0:
        dy, dx = (int(v) for v in rng.integers(0, 8, 2))  # the crop starts anywhere in a block
        framed = cv2.copyMakeBorder(picture, dy, 0, dx, 0, cv2.BORDER_REPLICATE)
        if settings.video and rng.random() < PREDICTED_SHARE:
            picture = predicted_frame(framed, _STEP_OF_QUALITY / settings.jpeg_quality, rng)[dy:, dx:]
        else:
            coded = cv2.imencode(".jpg", framed, [cv2.IMWRITE_JPEG_QUALITY, settings.jpeg_quality])[1]
            picture = cv2.imdecode(coded, cv2.IMREAD_COLOR)[dy:, dx:]
            if settings.video:
                picture = cv2.GaussianBlur(picture, (3, 3), 0.5)
    return np.ascontiguousarray(picture)
