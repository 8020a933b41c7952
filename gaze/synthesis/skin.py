"""A person's skin as texture maps: colour, brows, beard, make-up, relief and gloss."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from gaze.synthesis.beard import BeardStyle, beard_density, strand_layers
from gaze.synthesis.brows import BrowShape, brow_coverage
from gaze.synthesis.eye_skin import EyeSkin, paint_eye_skin
from gaze.synthesis.face_regions import FaceRegions, face_regions, smoothstep
from gaze.synthesis.pigment import GREY, greyed, sample_hair_srgb
from gaze.synthesis.skin_detail import scatter_centres, spots, wrinkle_height
from gaze.synthesis.skin_noise import noise_field, pore_bank
from gaze.synthesis.skin_tone import (
    HAEMOGLOBIN_DENSITY,
    YELLOW_DENSITY,
    density_to_srgb8,
    skin_density,
    skin_srgb8,
)
from gaze.synthesis.uv_atlas import UvAtlas

_LIPSTICKS = (
    (150, 30, 44),
    (176, 60, 70),
    (120, 24, 40),
    (190, 96, 96),
    (160, 84, 76),
    (200, 60, 90),
    (96, 40, 46),
)


@dataclass(frozen=True)
class SkinAppearance:
    """Everything that makes one person's skin, apart from noise.

    melanin 0 very light .. 1 very dark; haemoglobin and yellow: undertone, about -1..2, 0 the mean;
    redness, mottle, freckles, blemishes, oil, pores 0..1; moles: count; lips: extra haemoglobin; lipstick
    0..1 with its colour; hair_srgb: natural colour 0..255; grey: share of grey hair in the scalp and beard;
    foundation 0..1.
    """

    age_years: float
    masculine: bool
    melanin: float
    haemoglobin: float
    yellow: float
    redness: float
    mottle: float
    freckles: float
    moles: int
    blemishes: float
    oil: float
    pores: float
    lips: float
    lip_melanin: float
    lipstick: float
    lipstick_srgb: tuple[float, float, float]
    foundation: float
    hair_srgb: tuple[float, float, float]
    brow_srgb: tuple[float, float, float]
    beard_srgb: tuple[float, float, float]
    grey: float
    eye_skin: EyeSkin
    brows: BrowShape
    beard: BeardStyle | None

    @classmethod
    def sample(cls, rng: np.random.Generator) -> SkinAppearance:
        """Draw one person; the range of skins is wider and flatter than any one country's."""
        age = float(
            np.clip(
                rng.choice([rng.uniform(7, 18), rng.normal(32, 11), rng.normal(58, 11)], p=[0.1, 0.65, 0.25]),
                6,
                88,
            )
        )
        masculine = bool(rng.random() < 0.52)
        melanin = float(np.clip(rng.beta(1.1, 1.25), 0.0, 1.0))
        made_up = not masculine and age > 14 and rng.random() < 0.5
        hair = sample_hair_srgb(rng, melanin)
        grey = float(np.clip(rng.beta(1.2, 1.2) * (age - 38) / 25, 0, 1)) if age > 38 else 0.0
        lightness = hair.mean()
        brow_tint = hair * (0.55 if lightness > 90 else 0.7) * rng.uniform(0.8, 1.15)
        beard_tint = hair * rng.uniform(0.7, 1.05) * np.array([1.06, 0.98, 0.93])
        stick = np.array(_LIPSTICKS[rng.integers(len(_LIPSTICKS))], float) * rng.uniform(0.75, 1.2)
        return cls(
            age_years=age,
            masculine=masculine,
            melanin=melanin,
            haemoglobin=float(np.clip(rng.normal(0.15, 0.45), -0.6, 1.3)),
            yellow=float(np.clip(rng.normal(0.0, 0.65), -1.5, 1.5)),
            redness=float(rng.beta(1.4, 1.8)),
            mottle=float(rng.beta(2.0, 2.5)),
            freckles=float(rng.beta(1.0, 2.0)) if rng.random() < (0.3 if melanin < 0.45 else 0.12) else 0.0,
            moles=int(rng.poisson(3.0)),
            blemishes=float(rng.beta(1.0, 2.5)) if rng.random() < (0.7 if age < 30 else 0.35) else 0.0,
            oil=float(rng.beta(1.6, 2.0)),
            pores=float(rng.beta(2.0, 2.5)),
            lips=float(np.clip(rng.normal(2.2, 0.65), 0.7, 3.8)),
            lip_melanin=float(rng.normal(0.03, 0.05) + 0.06 * melanin),
            lipstick=float(rng.uniform(0.4, 0.95)) if made_up and rng.random() < 0.55 else 0.0,
            lipstick_srgb=tuple(np.clip(stick, 0, 255).tolist()),
            foundation=float(rng.uniform(0.2, 0.85)) if made_up else 0.0,
            hair_srgb=tuple(hair.tolist()),
            brow_srgb=tuple(np.clip(greyed(brow_tint, 0.5 * grey), 0, 255).tolist()),
            beard_srgb=tuple(np.clip(beard_tint, 0, 255).tolist()),
            grey=grey,
            eye_skin=EyeSkin.sample(rng, age, made_up, melanin),
            brows=BrowShape.sample(rng, masculine, age),
            beard=BeardStyle.sample(rng) if masculine and age > 16 else None,
        )

    @property
    def base_srgb(self) -> np.ndarray:
        """The mean colour of the skin, (3,) uint8."""
        return skin_srgb8(self.melanin, self.haemoglobin * (1.0 - 0.55 * self.melanin), self.yellow)


@dataclass(frozen=True, eq=False)
class SkinMaps:
    """Texture maps over the face tile, row 0 at v = 0; size T.

    albedo: (T, T, 3) uint8 sRGB, RGB order. normal: (T, T, 2) int8, components of the unit normal along
    increasing u and increasing v, times 127. gloss: (T, T) uint8 strength of the specular reflection: about
    10 hair, 60 dry skin, 110 normal, 170 oily, 200 lips with gloss, 250 wet lid margin.
    base_srgb: (3,) uint8, the colour for skin outside the tile (neck, back of the head).
    """

    albedo: np.ndarray
    normal: np.ndarray
    gloss: np.ndarray
    base_srgb: np.ndarray


def paint_skin(atlas: UvAtlas, appearance: SkinAppearance, rng: np.random.Generator) -> SkinMaps:
    """Paint one person's maps; all chance comes from `rng`."""
    a, regions, size = appearance, face_regions(atlas), atlas.size
    low, low2 = noise_field(rng, "low", size), noise_field(rng, "low", size)
    mottle, mottle2 = noise_field(rng, "mottle", size), noise_field(rng, "mottle", size)
    fine = noise_field(rng, "fine", size)
    uneven = (1.0 - 0.75 * a.foundation) * (0.45 + 0.8 * a.mottle)
    light = 1.0 - 0.55 * a.melanin

    melanin = np.float32(a.melanin) + (0.015 * uneven) * low + (0.022 * uneven) * mottle
    melanin += _freckles(atlas, regions, a, rng)
    melanin += (
        (0.05 * (1 - a.foundation))
        * (a.melanin + 0.15)
        * (0.5 * regions["perioral"] + 0.6 * regions["orbit"])
    )
    melanin += (0.03 * a.melanin) * (regions["forehead"] + regions["temples"]) - 0.02 * regions["neck"]
    blood = np.float32(a.haemoglobin * light) + (0.2 * uneven) * low2 + (0.38 * uneven) * mottle2
    blood += _redness(regions, a, rng) * (light * (1.0 - 0.6 * a.foundation)) * (1.0 + 0.3 * mottle)
    blood += _blemishes(atlas, regions, a, rng)
    grey = 0.022 * fine * (0.4 + a.mottle)
    grey = (
        grey
        + 0.55 * np.clip(regions["nostrils"], 0, 1)
        + 0.08 * regions["inner_corner"] * (0.3 + a.eye_skin.dark)
    )
    blue = np.zeros((size, size), np.float32)

    lips = regions["lips"]
    stripes = cv2.resize(mottle[: max(1, size // 6)], (size, size), interpolation=cv2.INTER_LINEAR)
    blood += lips * (a.lips * (0.75 + 0.25 * light) + 0.22 * stripes) + 0.5 * regions["mouth_inner"]
    melanin += lips * (a.lip_melanin - 0.05 * a.melanin + 0.006 * stripes)
    grey += 0.20 * regions["mouth_inner"] + 0.16 * lips

    depth, shade = wrinkle_height(atlas, a.age_years, rng)
    depth *= 1.0 - np.clip(lips, 0, 1)
    grey += 0.30 * shade
    blood += 0.35 * shade
    height = -depth
    pores = pore_bank(size)[rng.integers(4)]
    pore_weight = (0.35 + regions["nose"] + 0.6 * regions["cheeks"] + 0.3 * regions["forehead"]) * (
        0.2 + a.pores
    )
    height -= (0.05 * pore_weight) * pores * (1 - lips)
    grey += (0.045 * pore_weight * (1 - 0.7 * a.foundation)) * pores
    height += (
        0.006 * fine
        + 0.018 * (0.5 + a.age_years / 60.0) * noise_field(rng, "mid", size)
        + 0.05 * lips * stripes
    )

    gloss = (
        70.0
        + 60.0 * a.oil * (0.35 + regions["t_zone"])
        + 9.0 * mottle
        + 6.0 * fine
        + 25.0 * regions["cheeks"] * a.oil
    )
    gloss *= 1.0 - 0.35 * a.foundation
    gloss += lips * (25.0 + 60.0 * rng.random() + 70.0 * (a.lipstick > 0) * rng.random())

    makeup = []
    for eye in regions.eyes:
        window, layer = paint_eye_skin(eye, a.eye_skin, rng)
        height[window] += layer["height_mm"]
        grey[window] += layer["grey"]
        blue[window] += layer["blue"] * (1.0 - 0.5 * a.foundation)
        melanin[window] += layer["melanin"] * (1.0 - 0.5 * a.foundation)
        blood[window] += layer["haemoglobin"]
        gloss[window] = gloss[window] * (1 - layer["wet"]) + 250.0 * layer["wet"]
        makeup.append((window, layer))

    grown = None
    if a.beard is not None:
        grown, roots = beard_density(regions, atlas, a.beard, rng)
        darkness = 1.0 - float(np.mean(a.beard_srgb)) / 255.0
        shadow = roots * (0.10 + 0.45 * a.beard.shadow) * darkness**2 * (0.75 + 0.25 * light)
        shadow = shadow * (1.0 + 0.10 * fine)
        grey += 0.55 * shadow
        blue += 0.45 * shadow

    density = skin_density(melanin)
    for channel, share in enumerate((1.0, 0.62, 0.45)):
        plane = density[..., channel]
        plane += HAEMOGLOBIN_DENSITY[channel] * blood + YELLOW_DENSITY[channel] * np.float32(a.yellow)
        plane += grey + share * blue
    albedo = density_to_srgb8(density)

    if a.lipstick > 0:
        _blend(
            albedo,
            (slice(None), slice(None)),
            lips * a.lipstick,
            np.array(a.lipstick_srgb) * (1 + 0.05 * stripes[..., None]),
        )
    for window, layer in makeup:
        _blend(albedo, window, layer["shadow"], np.array(a.eye_skin.shadow_srgb))
        _blend(albedo, window, 0.92 * layer["liner"], np.array([20.0, 16.0, 16.0]))
    cover = np.zeros((size, size), np.float32)
    if a.beard is not None:
        _beard(atlas, regions, a, grown, albedo, cover, rng)
    for window, coverage, tone in brow_coverage(atlas, a.brows, rng):
        _blend(albedo, window, coverage, np.array(a.brow_srgb) * (0.6 + 0.75 * tone[..., None]))
        cover[window] = np.maximum(cover[window], coverage)
    height += 0.25 * cover
    gloss *= 1.0 - 0.8 * np.clip(cover, 0, 1)
    return SkinMaps(
        albedo=albedo,
        normal=height_to_normal(height, atlas.mm_per_texel),
        gloss=np.clip(gloss, 0, 255).astype(np.uint8),
        base_srgb=a.base_srgb,
    )


def height_to_normal(height_mm: np.ndarray, mm_per_texel: np.ndarray) -> np.ndarray:
    """Height (T, T) in mm to the normal's components along u and v times 127: (T, T, 2) int8."""
    slope_u = cv2.Sobel(height_mm, cv2.CV_32F, 1, 0, ksize=1, scale=0.5) / mm_per_texel[..., 0]
    slope_v = cv2.Sobel(height_mm, cv2.CV_32F, 0, 1, ksize=1, scale=0.5) / mm_per_texel[..., 1]
    length = cv2.sqrt(1.0 + slope_u * slope_u + slope_v * slope_v)
    return np.stack([-127.0 * slope_u / length, -127.0 * slope_v / length], -1).astype(np.int8)


def _blend(image: np.ndarray, window, alpha: np.ndarray, colour: np.ndarray) -> None:
    part = image[window].astype(np.float32)
    part += alpha[..., None] * (colour.astype(np.float32) - part)
    image[window] = np.clip(part, 0, 255).astype(np.uint8)


def _freckles(
    atlas: UvAtlas, regions: FaceRegions, a: SkinAppearance, rng: np.random.Generator
) -> np.ndarray:
    """Extra melanin of freckles, moles and age spots."""
    size, scale = atlas.size, atlas.size / 512.0
    total = np.zeros((size, size), np.float32)
    if a.freckles > 0:
        weight = np.clip(
            regions["cheeks"] + 0.9 * regions["nose_bridge"] + 0.3 * regions["forehead"] + 0.06, 0, 1
        )
        at = scatter_centres(weight * regions.front, int(60 + 600 * a.freckles), rng)
        radii = rng.uniform(0.4, 1.5, len(at)) * scale
        total += 0.22 * spots(size, at, radii, rng.uniform(0.2, 1.0, len(at)), 0.8 * scale)
    at = scatter_centres(regions.front, a.moles, rng)
    total += 0.75 * spots(
        size, at, rng.uniform(0.8, 2.4, len(at)) * scale, rng.uniform(0.4, 1.0, len(at)), 0.7 * scale
    )
    if a.age_years > 50:
        at = scatter_centres(
            np.clip(regions["cheeks"] + regions["temples"] + 0.3, 0, 1) * regions.front,
            int(rng.integers(0, 14)),
            rng,
        )
        total += 0.12 * spots(
            size, at, rng.uniform(2, 8, len(at)) * scale, rng.uniform(0.3, 1, len(at)), 1.8 * scale
        )
    return total


def _redness(regions: FaceRegions, a: SkinAppearance, rng: np.random.Generator) -> np.ndarray:
    """Extra haemoglobin of cheeks, nose, chin and ears."""
    cheeks, nose, chin, ears = rng.uniform(0.4, 1.2, 4).tolist()
    total = cheeks * regions["cheeks"] + 1.1 * nose * regions["nose"] + 0.45 * chin * regions["chin"]
    total += 0.35 * regions["orbit"]
    total += 0.9 * ears * regions["ears"] + 0.35 * regions["under_nose"] + 0.3 * regions["inner_corner"]
    return (0.15 + 1.25 * a.redness) * total


def _blemishes(
    atlas: UvAtlas, regions: FaceRegions, a: SkinAppearance, rng: np.random.Generator
) -> np.ndarray:
    """Extra haemoglobin of pimples and small veins."""
    size, scale = atlas.size, atlas.size / 512.0
    count = int(28 * a.blemishes * (1 - 0.7 * a.foundation))
    if count == 0:
        return np.float32(0.0)
    weight = (
        np.clip(regions["cheeks"] + regions["chin"] + 0.7 * regions["forehead"] + 0.25, 0, 1) * regions.front
    )
    at = scatter_centres(weight, count, rng)
    return 2.4 * spots(
        size, at, rng.uniform(0.6, 2.2, len(at)) * scale, rng.uniform(0.2, 0.9, len(at)), 1.2 * scale
    )


def _beard(atlas, regions, a: SkinAppearance, grown, albedo, cover, rng: np.random.Generator) -> None:
    """Blend facial hair into the albedo and mark it in the cover."""
    style = a.beard
    if style.layout == "shaven":
        grown = grown * 0.25 * style.shadow
    layers = [(style.length_class, grown)]
    if style.length_class > 0:
        layers.insert(0, (style.length_class - 1, grown * 0.8))
    everything = slice(None)
    for length_class, density in layers:
        rows, coverage, tone = strand_layers(regions, atlas, density, length_class, rng)
        coverage = coverage * (0.55 + 0.12 * length_class)
        under = cv2.GaussianBlur(coverage, (0, 0), 2.0 * atlas.size / 512) * (0.15 + 0.17 * length_class)
        coverage = 1.0 - (1.0 - coverage) * (1.0 - under)
        # Some hairs are grey, the others keep their colour.
        white = (0.9 * a.grey * smoothstep(1.0 - a.grey - 0.15, 1.0 - a.grey + 0.15, tone))[..., None]
        strand = np.float32(a.beard_srgb) * (1.0 - white) + np.float32(GREY) * white
        _blend(albedo, (rows, everything), coverage, strand * (0.55 + 0.8 * tone[..., None]))
        cover[rows] = np.maximum(cover[rows], coverage)
