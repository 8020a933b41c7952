"""A person's skin as texture maps: colour, brows, beard, make-up, relief and gloss.

Painted in layers (see SkinLayers), one part of the face after the other; the layers then become colour,
normals and gloss, and what lies on top of the skin is blended over the colour.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from gaze.synthesis.beard import beard_density, strand_layers
from gaze.synthesis.brows import brow_coverage
from gaze.synthesis.eye_skin import paint_eye_skin
from gaze.synthesis.face_regions import EyeField, FaceRegions, face_regions, smoothstep
from gaze.synthesis.pigment import GREY
from gaze.synthesis.skin_appearance import SkinAppearance
from gaze.synthesis.skin_marks import blemishes, freckles
from gaze.synthesis.skin_noise import noise_field, pore_bank
from gaze.synthesis.skin_tone import HAEMOGLOBIN_DENSITY, YELLOW_DENSITY, density_to_srgb8, skin_density
from gaze.synthesis.uv_atlas import UvAtlas
from gaze.synthesis.wrinkles import wrinkle_height

# What a layer of "blue" adds to the optical density of red, green and blue: veins and roots of hair shine
# bluish through skin, which scatters blue light back before it reaches them.
_BLUE_SHARES = (1.0, 0.62, 0.45)
_LINER_SRGB = (20.0, 16.0, 16.0)
# Gloss of dry skin without oil, and of a wet lid margin (see SkinMaps).
_DRY_GLOSS, _WET_GLOSS = 70.0, 250.0
# Brows and beards stand out of the skin by this much, mm.
_HAIR_RELIEF_MM = 0.25


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


@dataclass(eq=False)
class SkinLayers:
    """What the skin consists of while it is painted, (T, T) float32 each.

    melanin: 0 very light to 1 very dark; blood: multiples of HAEMOGLOBIN_DENSITY, 0 the mean; grey: optical
    density of all colours alike (shade, dirt, hair under the skin); blue: see _BLUE_SHARES; height_mm over
    the smooth face; gloss: see SkinMaps.
    """

    melanin: np.ndarray
    blood: np.ndarray
    grey: np.ndarray
    blue: np.ndarray
    height_mm: np.ndarray
    gloss: np.ndarray


@dataclass(frozen=True, eq=False)
class _Noise:
    """The random fields of one face, (T, T), mean 0, deviation 1 (see skin_noise).

    Two of each that melanin and blood follow, so that they vary independently; ``stripes`` run along the
    furrows of the lips.
    """

    low_melanin: np.ndarray
    low_blood: np.ndarray
    mottle_melanin: np.ndarray
    mottle_blood: np.ndarray
    fine: np.ndarray
    stripes: np.ndarray

    @classmethod
    def draw(cls, rng: np.random.Generator, size: int) -> _Noise:
        low, low2 = noise_field(rng, "low", size), noise_field(rng, "low", size)
        mottle, mottle2 = noise_field(rng, "mottle", size), noise_field(rng, "mottle", size)
        fine = noise_field(rng, "fine", size)
        # Few rows drawn out over the whole height: blotches become upright stripes.
        stripes = cv2.resize(mottle[: max(1, size // 6)], (size, size), interpolation=cv2.INTER_LINEAR)
        return cls(
            low_melanin=low,
            low_blood=low2,
            mottle_melanin=mottle,
            mottle_blood=mottle2,
            fine=fine,
            stripes=stripes,
        )


def paint_skin(atlas: UvAtlas, appearance: SkinAppearance, rng: np.random.Generator) -> SkinMaps:
    """Paint one person's maps; all chance comes from `rng`."""
    a, regions = appearance, face_regions(atlas)
    noise = _Noise.draw(rng, atlas.size)
    melanin, blood, grey = _pigment(atlas, regions, a, noise, rng)
    height_mm = np.zeros_like(melanin)
    layers = SkinLayers(
        melanin=melanin,
        blood=blood,
        grey=grey,
        blue=np.zeros_like(melanin),
        height_mm=height_mm,
        gloss=np.zeros_like(melanin),
    )
    _add_lips(layers, regions, a, noise)
    _add_relief(layers, atlas, regions, a, noise, rng)
    layers.gloss = _gloss(regions, a, noise, rng)
    make_up = [_add_eye(layers, eye, a, rng) for eye in regions.eyes]
    grown = _add_shaving_shadow(layers, atlas, regions, a, noise, rng) if a.beard is not None else None
    albedo = _albedo(layers, a)
    _blend_make_up(albedo, regions, a, noise, make_up)
    cover = np.zeros((atlas.size, atlas.size), np.float32)
    if a.beard is not None:
        _blend_beard(atlas, regions, a, grown, albedo, cover, rng)
    for window, coverage, tone in brow_coverage(atlas, a.brows, rng):
        _blend(albedo, window, coverage, np.array(a.brow_srgb) * (0.6 + 0.75 * tone[..., None]))
        cover[window] = np.maximum(cover[window], coverage)
    layers.height_mm += _HAIR_RELIEF_MM * cover
    layers.gloss *= 1.0 - 0.8 * np.clip(cover, 0, 1)
    return SkinMaps(
        albedo=albedo,
        normal=height_to_normal(layers.height_mm, atlas.mm_per_texel),
        gloss=np.clip(layers.gloss, 0, 255).astype(np.uint8),
        base_srgb=a.base_srgb,
    )


def _lightness(a: SkinAppearance) -> float:
    """How much of the blood and of hair under the skin shows through its melanin: 1 in very light skin."""
    return 1.0 - 0.55 * a.melanin


def _pigment(
    atlas: UvAtlas, regions: FaceRegions, a: SkinAppearance, noise: _Noise, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Melanin, blood and grey of bare skin, lips and lids aside; foundation evens them out."""
    uneven = (1.0 - 0.75 * a.foundation) * (0.45 + 0.8 * a.mottle)
    light = _lightness(a)
    melanin = (
        np.float32(a.melanin) + (0.015 * uneven) * noise.low_melanin + (0.022 * uneven) * noise.mottle_melanin
    )
    melanin += freckles(atlas, regions, a, rng)
    # Darker about mouth and eyes, the more so the darker the skin; foundation covers it.
    melanin += (
        (0.05 * (1 - a.foundation))
        * (a.melanin + 0.15)
        * (0.5 * regions["perioral"] + 0.6 * regions["orbit"])
    )
    # The sun browns forehead and temples and does not reach under the chin.
    melanin += (0.03 * a.melanin) * (regions["forehead"] + regions["temples"]) - 0.02 * regions["neck"]
    blood = (
        np.float32(a.haemoglobin * light)
        + (0.2 * uneven) * noise.low_blood
        + (0.38 * uneven) * noise.mottle_blood
    )
    blood += (
        _redness(regions, a, rng) * (light * (1.0 - 0.6 * a.foundation)) * (1.0 + 0.3 * noise.mottle_melanin)
    )
    blood += blemishes(atlas, regions, a, rng)
    grey = 0.022 * noise.fine * (0.4 + a.mottle)
    # Little light comes back out of the nostrils and of the inner corners of tired eyes.
    grey = (
        grey
        + 0.55 * np.clip(regions["nostrils"], 0, 1)
        + 0.08 * regions["inner_corner"] * (0.3 + a.eye_skin.dark)
    )
    return melanin, blood, grey


def _redness(regions: FaceRegions, a: SkinAppearance, rng: np.random.Generator) -> np.ndarray:
    """Extra haemoglobin of cheeks, nose, chin and ears, each of its own strength."""
    cheeks, nose, chin, ears = rng.uniform(0.4, 1.2, 4).tolist()
    total = cheeks * regions["cheeks"] + 1.1 * nose * regions["nose"] + 0.45 * chin * regions["chin"]
    total += 0.35 * regions["orbit"]
    total += 0.9 * ears * regions["ears"] + 0.35 * regions["under_nose"] + 0.3 * regions["inner_corner"]
    return (0.15 + 1.25 * a.redness) * total


def _add_lips(layers: SkinLayers, regions: FaceRegions, a: SkinAppearance, noise: _Noise) -> None:
    """Lips: redder and a little darker than skin, striped; the line between them in shade."""
    window = _window_of(regions["lips"] + regions["mouth_inner"])
    lips, mouth, stripes = (
        layer[window] for layer in (regions["lips"], regions["mouth_inner"], noise.stripes)
    )
    layers.blood[window] += lips * (a.lips * (0.75 + 0.25 * _lightness(a)) + 0.22 * stripes) + 0.5 * mouth
    layers.melanin[window] += lips * (a.lip_melanin - 0.05 * a.melanin + 0.006 * stripes)
    layers.grey[window] += 0.20 * mouth + 0.16 * lips


def _add_relief(
    layers: SkinLayers,
    atlas: UvAtlas,
    regions: FaceRegions,
    a: SkinAppearance,
    noise: _Noise,
    rng: np.random.Generator,
) -> None:
    """Wrinkles, pores and grain: their height in mm and the shade in their bottoms. Lips have furrows."""
    lips = regions["lips"]
    depth_mm, shade = wrinkle_height(atlas, a.age_years, rng)
    depth_mm *= 1.0 - np.clip(lips, 0, 1)
    layers.grey += 0.30 * shade
    layers.blood += 0.35 * shade
    height = -depth_mm
    pores = pore_bank(atlas.size)[rng.integers(4)]
    # Widest on the nose, then on cheeks and forehead; at most 0.05 mm deep times this weight.
    weight = (0.35 + regions["nose"] + 0.6 * regions["cheeks"] + 0.3 * regions["forehead"]) * (0.2 + a.pores)
    height -= (0.05 * weight) * pores * (1 - lips)
    layers.grey += (0.045 * weight * (1 - 0.7 * a.foundation)) * pores
    # Deviations in mm: grain from texel to texel, leathery unevenness that grows with age, lip furrows.
    height += (
        0.006 * noise.fine
        + 0.018 * (0.5 + a.age_years / 60.0) * noise_field(rng, "mid", atlas.size)
        + 0.05 * lips * noise.stripes
    )
    layers.height_mm = height


def _gloss(regions: FaceRegions, a: SkinAppearance, noise: _Noise, rng: np.random.Generator) -> np.ndarray:
    """Gloss of skin and lips, on SkinMaps' scale: oil shows most in the T zone, foundation dulls it."""
    gloss = (
        _DRY_GLOSS
        + 60.0 * a.oil * (0.35 + regions["t_zone"])
        + 9.0 * noise.mottle_melanin
        + 6.0 * noise.fine
        + 25.0 * regions["cheeks"] * a.oil
    )
    gloss *= 1.0 - 0.35 * a.foundation
    # Moist lips, and a lipstick from matt to glossy.
    gloss += regions["lips"] * (25.0 + 60.0 * rng.random() + 70.0 * (a.lipstick > 0) * rng.random())
    return gloss


def _add_eye(layers: SkinLayers, eye: EyeField, a: SkinAppearance, rng: np.random.Generator):
    """The skin about one eye; returns its window and the layers that hold its make-up."""
    window, painted = paint_eye_skin(eye, a.eye_skin, rng)
    # Foundation covers half of dark circles.
    shown = 1.0 - 0.5 * a.foundation
    layers.height_mm[window] += painted["height_mm"]
    layers.grey[window] += painted["grey"]
    layers.blue[window] += painted["blue"] * shown
    layers.melanin[window] += painted["melanin"] * shown
    layers.blood[window] += painted["haemoglobin"]
    wet = painted["wet"]
    layers.gloss[window] = layers.gloss[window] * (1 - wet) + _WET_GLOSS * wet
    return window, painted


def _add_shaving_shadow(
    layers: SkinLayers,
    atlas: UvAtlas,
    regions: FaceRegions,
    a: SkinAppearance,
    noise: _Noise,
    rng: np.random.Generator,
) -> np.ndarray:
    """Roots of a beard under the skin, dark hair in light skin most of all; returns the grown density."""
    grown, roots = beard_density(regions, atlas, a.beard, rng)
    darkness = 1.0 - float(np.mean(a.beard_srgb)) / 255.0
    shadow = roots * (0.10 + 0.45 * a.beard.shadow) * darkness**2 * (0.75 + 0.25 * _lightness(a))
    shadow = shadow * (1.0 + 0.10 * noise.fine)
    layers.grey += 0.55 * shadow
    layers.blue += 0.45 * shadow
    return grown


def _albedo(layers: SkinLayers, a: SkinAppearance) -> np.ndarray:
    """The colour (T, T, 3) uint8 sRGB of all pigment together: optical densities add (Beer's law)."""
    density = skin_density(layers.melanin)
    for channel, share in enumerate(_BLUE_SHARES):
        plane = density[channel]
        plane += HAEMOGLOBIN_DENSITY[channel] * layers.blood + YELLOW_DENSITY[channel] * np.float32(a.yellow)
        plane += layers.grey + share * layers.blue
    return cv2.merge([density_to_srgb8(plane) for plane in density])


def _blend_make_up(albedo: np.ndarray, regions: FaceRegions, a: SkinAppearance, noise: _Noise, eyes) -> None:
    """Lipstick, eye shadow and eyeliner over the colour; ``eyes`` as _add_eye returns them."""
    if a.lipstick > 0:
        window = _window_of(regions["lips"])
        stick = np.array(a.lipstick_srgb) * (1 + 0.05 * noise.stripes[window][..., None])
        _blend(albedo, window, regions["lips"][window] * a.lipstick, stick)
    for window, painted in eyes:
        _blend(albedo, window, painted["shadow"], np.array(a.eye_skin.shadow_srgb))
        _blend(albedo, window, 0.92 * painted["liner"], np.array(_LINER_SRGB))


def _blend_beard(atlas, regions, a: SkinAppearance, grown, albedo, cover, rng: np.random.Generator) -> None:
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
        white = 0.9 * a.grey * smoothstep(1.0 - a.grey - 0.15, 1.0 - a.grey + 0.15, tone)
        shade = 0.55 + 0.8 * tone
        strand = cv2.merge(
            [(own + (grey - own) * white) * shade for own, grey in zip(a.beard_srgb, GREY, strict=True)]
        )
        _blend(albedo, (rows, everything), coverage, strand)
        cover[rows] = np.maximum(cover[rows], coverage)


def height_to_normal(height_mm: np.ndarray, mm_per_texel: np.ndarray) -> np.ndarray:
    """Height (T, T) in mm to the normal's components along u and v times 127: (T, T, 2) int8."""
    slope_u = cv2.Sobel(height_mm, cv2.CV_32F, 1, 0, ksize=1, scale=0.5) / mm_per_texel[..., 0]
    slope_v = cv2.Sobel(height_mm, cv2.CV_32F, 0, 1, ksize=1, scale=0.5) / mm_per_texel[..., 1]
    length = cv2.sqrt(1.0 + slope_u * slope_u + slope_v * slope_v)
    return cv2.merge([(-127.0 * slope / length).astype(np.int8) for slope in (slope_u, slope_v)])


def _blend(image: np.ndarray, window, alpha: np.ndarray, colour: np.ndarray) -> None:
    """Blend a colour (3,), or one for each texel of the window, into its texels by ``alpha`` 0..1."""
    if not alpha.any():
        return
    covered = _window_of(alpha)
    if colour.ndim > 1:
        colour = colour[covered]
    texels = image[window][covered]
    part = texels.astype(np.float32)
    part += cv2.merge([alpha[covered]] * 3) * (colour.astype(np.float32) - part)
    texels[...] = np.clip(part, 0, 255, out=part).astype(np.uint8)


def _window_of(mask: np.ndarray) -> tuple[slice, slice]:
    """Rows and columns of a map between the first and the last that are not all 0."""
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)
