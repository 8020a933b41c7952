#version 330
// One eye, traced: cornea (refracting), iris and pupil, sclera, lids' shade and tears. Camera frame, mm.
#include "light.glsl"
in vec3 P;
in vec4 V;
uniform vec3 rotation_centre, axis, axis_up, axis_right;
uniform float sclera_radius, cornea_radius, cornea_to_rotation, iris_to_rotation;  // of gaze.synthesis.eyes
uniform float index_ratio, mirroring;  // of the air over what is behind the cornea; 0 without reflections
uniform vec3 corner_inner, corner_along, corner_up;  // the slit's frame: origin, unit axes
uniform float slit_mm;
uniform float lid_upper[9], lid_lower[9];  // heights over the line of the corners, mm, inner to outer
uniform float iris_radius, pupil_radius, iris_contrast, limbal_ring, limbus_mm, texture_seed;
uniform vec3 iris_outer, iris_inner, sclera_colour;
uniform float veins, pinkness, wetness, lid_shade, lash_shade;
uniform sampler2D noise_map;
out vec4 colour;

const float TEAR_LINE = 0.28;
// Lashes, brow and nose take the place of part of what a cornea would mirror.
const float FACE_SHADE = 0.65;
// The panoramas hold no desk, camera or screen, which are what a cornea mirrors most of, darker than the room.
const float SURROUNDINGS = 0.12;

float lid(float heights[9], float s) {
    float x = clamp(s, 0.0, 1.0) * 8.0;
    int i = int(min(floor(x), 7.0));
    return mix(heights[i], heights[i + 1], x - float(i));
}

// Nearest hit of the ray from the camera along d with a sphere, or -1.
float sphere(vec3 d, vec3 centre, float radius) {
    float b = dot(d, centre);
    float disc = b * b - dot(centre, centre) + radius * radius;
    return disc > 0.0 ? b - sqrt(disc) : -1.0;
}

void main() {
    vec3 d = normalize(P);
    // Sclera: the real ball where the ray meets it, the mesh's surface in the corners.
    float ts = sphere(d, rotation_centre, sclera_radius);
    vec3 ns = normalize(P - rotation_centre);
    if (ts > 0.0) ns = normalize(mix(ns, normalize(d * ts - rotation_centre), 0.7));

    float along = dot(P - corner_inner, corner_along) / slit_mm;
    float height = dot(P - corner_inner, corner_up);
    float below_upper = lid(lid_upper, along) - height;
    float above_lower = height - lid(lid_lower, along);

    float v1 = texture(noise_map, P.xy * 0.035 + texture_seed * 0.13).r;
    float v2 = texture(noise_map, vec2(height * 0.11 + v1 * 0.08, along * 0.35 + texture_seed * 0.21)).g;
    vec3 sclera = sclera_colour * (0.92 + 0.16 * v1);
    float edge = smoothstep(0.16, 0.5, abs(along - 0.5));
    sclera *= mix(vec3(1.0), vec3(1.0, 0.70, 0.64), clamp(veins * smoothstep(0.58, 0.8, v2) * (0.3 + edge)
        + pinkness * 0.30 * (0.35 + edge), 0.0, 0.9));
    float caruncle = 1.0 - smoothstep(0.05, 0.15, along);
    sclera = mix(sclera, vec3(0.42, 0.17, 0.14) * (0.8 + 0.4 * v1), caruncle * 0.85);
    // Blood shows through where the ball meets the lids.
    sclera *= mix(vec3(0.80, 0.55, 0.52), vec3(1.0), smoothstep(-0.2, 0.9, min(above_lower, below_upper)));

    // Lids and lashes keep light off the ball beneath them.
    float shade = (1.0 - lid_shade * exp(-max(below_upper, 0.0) / 2.2))
        * (1.0 - 0.35 * lid_shade * exp(-max(above_lower, 0.0) / 0.8))
        * mix(1.0, 0.50, lid_shade * smoothstep(0.22, 0.52, 0.5 - along))
        * mix(1.0, 0.36, lid_shade * smoothstep(0.22, 0.39, along - 0.5));
    shade *= 1.0 - lash_shade * exp(-max(below_upper - 0.2, 0.0) / 0.9);
    vec3 scatter = vec3(0.20, 0.14, 0.12);
    vec3 c = sclera * diffuse_light(ns, V.x, V.yzw, scatter);

    float tc = sphere(d, rotation_centre + axis * cornea_to_rotation, cornea_radius);
    vec3 nc = ns;
    float on_cornea = 0.0;
    if (tc > 0.0) {
        vec3 hit = d * tc;
        nc = normalize(hit - rotation_centre - axis * cornea_to_rotation);
        // The cornea ends where it meets the sclera.
        float rim = dot(hit - rotation_centre, axis);
        on_cornea = smoothstep(10.25, 10.75, rim);
        vec3 inside = refract(d, nc, index_ratio);
        float ti = dot(rotation_centre + axis * iris_to_rotation - hit, axis) / dot(inside, axis);
        vec3 q = hit + inside * ti - rotation_centre;
        vec2 xy = vec2(dot(q, axis_right), dot(q, axis_up));
        float r = length(xy);
        float angle = atan(xy.y, xy.x) * 0.15915494;
        float f1 = texture(noise_map, vec2(angle * 3.0 + texture_seed, r * 0.045)).r;
        float f2 = texture(noise_map, vec2(angle * 11.0 + texture_seed * 2.0, r * 0.03 + 0.37)).g;
        float t = clamp((r - pupil_radius) / (iris_radius - pupil_radius), 0.0, 1.0);
        float collarette = smoothstep(0.15, 0.5, t + (f1 - 0.5) * 0.35);
        vec3 iris = mix(iris_inner, iris_outer, collarette);
        iris *= 1.0 + iris_contrast * (0.9 * (f2 - 0.5) + 0.7 * (f1 - 0.5));
        iris *= 1.0 - limbal_ring * smoothstep(0.70, 1.0, t) * 0.8;
        vec3 ni = normalize(axis + 0.35 * (axis_right * xy.x + axis_up * xy.y) / iris_radius);
        // The iris bowl gathers light on the side away from the lamp (a soft caustic).
        iris *= diffuse_light(normalize(mix(ni, nc, 0.35)), V.x, V.yzw, vec3(0.25));
        float pupil = 1.0 - smoothstep(pupil_radius - 0.10, pupil_radius + 0.14, r + (f1 - 0.5) * 0.10);
        iris = mix(iris, vec3(0.0025), pupil);
        float inside_limbus = 1.0 - smoothstep(iris_radius - limbus_mm, iris_radius + limbus_mm, r);
        c = mix(c, iris, inside_limbus * smoothstep(9.7, 10.5, rim));
    }
    c *= clamp(shade, 0.0, 1.0);

    // Tears: a mirror on the cornea, a duller one on the sclera, a bright line along the lower lid.
    vec3 n = normalize(mix(ns, nc, on_cornea));
    float open = smoothstep(-0.1, 0.6, below_upper);
    vec3 r = reflect(d, n);
    float f = fresnel(dot(n, -d), 0.025);
    float blocked = mix(1.0, 0.25, clamp((0.8 - below_upper) * 0.8 - r.y * 0.4, 0.0, 1.0));
    vec3 mirrored = environment_mirror(r) * mix(1.0, SURROUNDINGS, on_cornea)
        + lamp_reflection(P, r, mix(0.35, 0.12, on_cornea));
    c += mirroring * mirrored * f * mix(0.35 * wetness, 1.0, on_cornea) * open * blocked
        * mix(1.0, V.x, 0.6) * FACE_SHADE;
    // No thinner than a pixel, or it breaks up into dots.
    float line_mm = max(TEAR_LINE, 0.6 * fwidth(above_lower));
    float line = exp(-pow((above_lower - 0.25) / line_mm, 2.0)) * TEAR_LINE / line_mm * wetness
        * smoothstep(0.02, 0.2, along) * mirroring;
    vec3 nw = normalize(ns + 0.9 * corner_up);
    c += (specular_light(nw, -d, 0.25, 0.03, V.x, V.yzw)) * line;
    colour = vec4(max(c, vec3(0.0)), 1.0);
}
