// Light of one picture: a distant environment (harmonics and a prefiltered atlas) and up to three lamps with shapes.
// All directions and points are in the camera frame (x right, y down, z forward, mm). Light is linear RGB.
// Included after #version; written by gaze.synthesis.light.LightRig.write.

const int LAMPS = 3;
const int LAMP_RECTANGLE = 0, LAMP_DISC = 1, LAMP_RING = 2, LAMP_WINDOW = 3, LAMP_SCREEN = 4;

uniform vec3 light_sh[9];             // irradiance / pi of the environment: 1 x y z xx-zz yy-zz xy xz yz
uniform sampler2D light_atlas;        // octahedral tiles: mirror level, then rough levels
uniform mat3 light_env_from_cam;
uniform vec3 light_env_gain;
uniform int lamp_count;
uniform vec3 lamp_direction[LAMPS];   // from the head to the lamp, unit
uniform vec3 lamp_irradiance[LAMPS];  // perpendicular irradiance at the head / pi
uniform float lamp_softness[LAMPS];   // sine of the angular radius
uniform vec3 lamp_centre[LAMPS];      // mm
uniform vec3 lamp_across[LAMPS];      // unit axis / half width
uniform vec3 lamp_upward[LAMPS];      // unit axis / half height
uniform vec3 lamp_normal[LAMPS];
uniform vec3 lamp_radiance[LAMPS];
uniform int lamp_kind[LAMPS];
uniform vec2 lamp_detail[LAMPS];      // window: bar half width, cross bar position; ring: inner radius; screen: content row

vec3 environment_diffuse(vec3 n) {
    vec3 e = light_sh[0] + light_sh[1] * n.x + light_sh[2] * n.y + light_sh[3] * n.z
        + light_sh[4] * (n.x * n.x) + light_sh[5] * (n.y * n.y)
        + light_sh[6] * (n.x * n.y) + light_sh[7] * (n.x * n.z) + light_sh[8] * (n.y * n.z);
    return max(e, vec3(0.0));
}

// Diffuse light of lamp i on normal n. Below the angular radius the lamp sets softly behind the horizon;
// scatter (per colour, 0 for hard matter, about (0.3, 0.12, 0.06) for skin) carries light beyond it.
vec3 lamp_diffuse(int i, vec3 n, vec3 scatter) {
    float d = dot(n, lamp_direction[i]);
    vec3 w = vec3(lamp_softness[i] + 0.02) + scatter;
    vec3 s = clamp(d + w, vec3(0.0), 2.0 * w);
    return lamp_irradiance[i] * (s * s / (4.0 * w) + max(vec3(d) - w, vec3(0.0))) / (1.0 + 0.25 * scatter);
}

// Light that a matt albedo multiplies (irradiance / pi). env_visibility: share of the hemisphere that is open;
// lamp_visibility: share of each lamp that is seen (0..1).
vec3 diffuse_light(vec3 n, float env_visibility, vec3 lamp_visibility, vec3 scatter) {
    vec3 light = environment_diffuse(n) * env_visibility;
    for (int i = 0; i < LAMPS; i++) {
        if (i >= lamp_count) break;
        light += lamp_diffuse(i, n, scatter) * lamp_visibility[i];
    }
    return light;
}

vec2 _octahedral(vec3 d) {
    d /= abs(d.x) + abs(d.y) + abs(d.z);
    vec2 folded = (1.0 - abs(d.zx)) * vec2(d.x >= 0.0 ? 1.0 : -1.0, d.z >= 0.0 ? 1.0 : -1.0);
    return (d.y > 0.0 ? folded : d.xz) * 0.5 + 0.5;
}

const vec2 ATLAS_SIZE = vec2(164.0, 136.0);

// Environment radiance along r, mirror sharp: one fetch.
vec3 environment_mirror(vec3 r) {
    vec2 t = _octahedral(light_env_from_cam * r) * 128.0 + 1.0;
    return textureLod(light_atlas, t / ATLAS_SIZE, 0.0).rgb * light_env_gain;
}

// Environment radiance along r blurred by GGX of perceptual roughness 0.2 to 1: two fetches.
vec3 environment_specular(vec3 r, float roughness) {
    vec2 t = _octahedral(light_env_from_cam * r) * 32.0 + vec2(131.0, 1.0);
    float level = roughness < 0.4 ? (roughness - 0.2) / 0.2 : roughness < 0.7 ? 1.0 + (roughness - 0.4) / 0.3
        : 2.0 + (roughness - 0.7) / 0.3;
    level = clamp(level, 0.0, 3.0);
    float low = min(floor(level), 2.0);
    vec3 a = textureLod(light_atlas, (t + vec2(0.0, 34.0 * low)) / ATLAS_SIZE, 0.0).rgb;
    vec3 b = textureLod(light_atlas, (t + vec2(0.0, 34.0 * low + 34.0)) / ATLAS_SIZE, 0.0).rgb;
    return mix(a, b, level - low) * light_env_gain;
}

float fresnel(float cosine, float f0) {
    float m = 1.0 - clamp(cosine, 0.0, 1.0);
    float m2 = m * m;
    return f0 + (1.0 - f0) * m2 * m2 * m;
}

// Highlight of a rough surface: n normal, v unit vector to the eye, f0 0.028 for skin, 0.04 for plastic.
// GGX lobes widened by each lamp's size; environment by split sum (Karis 2014's fit of the second factor).
vec3 specular_light(vec3 n, vec3 v, float roughness, float f0, float env_visibility, vec3 lamp_visibility) {
    float nv = clamp(dot(n, v), 0.02, 1.0);
    vec3 r = 2.0 * nv * n - v;
    vec4 k = roughness * vec4(-1.0, -0.0275, -0.572, 0.022) + vec4(1.0, 0.0425, 1.04, -0.04);
    float a004 = min(k.x * k.x, exp2(-9.28 * nv)) * k.x + k.y;
    vec2 ab = vec2(-1.04, 1.04) * a004 + k.zw;
    vec3 light = environment_specular(r, roughness) * max(f0 * ab.x + ab.y, 0.0) * env_visibility;
    for (int i = 0; i < LAMPS; i++) {
        if (i >= lamp_count) break;
        vec3 l = lamp_direction[i];
        float nl = dot(n, l);
        if (nl <= 0.0) continue;
        vec3 h = normalize(l + v);
        float nh = max(dot(n, h), 0.0);
        float alpha = min(roughness * roughness + 0.4 * lamp_softness[i], 1.0);
        float a2 = alpha * alpha;
        float q = nh * nh * (a2 - 1.0) + 1.0;
        float visible = 0.5 / (mix(2.0 * nl * nv, nl + nv, alpha) + 1e-4);
        light += lamp_irradiance[i] * (a2 / (q * q)) * visible * fresnel(dot(v, h), f0) * nl * lamp_visibility[i];
    }
    return light;
}

// How much of lamp i a ray from point p along unit r meets (0..1), blur: softening of its edges in half sizes.
float lamp_shape(int i, vec3 p, vec3 r, float blur) {
    float down = dot(r, lamp_normal[i]);
    if (down > -0.02) return 0.0;
    vec3 h = p + r * (dot(lamp_centre[i] - p, lamp_normal[i]) / down) - lamp_centre[i];
    if (dot(h - (p - lamp_centre[i]), r) <= 0.0) return 0.0;
    vec2 q = vec2(dot(h, lamp_across[i]), dot(h, lamp_upward[i]));
    vec2 a = abs(q);
    if (max(a.x, a.y) > 1.0 + blur) return 0.0;
    int kind = lamp_kind[i];
    float round_edge = 1.0 - smoothstep(1.0 - blur, 1.0 + blur, length(q));
    if (kind == LAMP_DISC) return round_edge;
    if (kind == LAMP_RING) return round_edge * smoothstep(-blur, blur, length(q) - lamp_detail[i].x);
    vec2 edge = 1.0 - smoothstep(vec2(1.0 - blur), vec2(1.0 + blur), a);
    float shape = edge.x * edge.y;
    if (kind == LAMP_WINDOW) {
        vec2 bar = smoothstep(vec2(lamp_detail[i].x - blur), vec2(lamp_detail[i].x + blur),
            vec2(a.x, abs(q.y - lamp_detail[i].y)));
        shape *= mix(0.12, 1.0, bar.x * bar.y);
    }
    if (kind == LAMP_SCREEN) shape *= q.y > lamp_detail[i].x ? 0.55 : (q.x < lamp_detail[i].y ? 0.8 : 1.1);
    return shape;
}

// Lamps mirrored at p along r. blur 0.1 to 0.3 keeps small catchlights from flickering.
vec3 lamp_reflection(vec3 p, vec3 r, float blur) {
    vec3 light = vec3(0.0);
    for (int i = 0; i < LAMPS; i++) {
        if (i >= lamp_count) break;
        light += lamp_radiance[i] * lamp_shape(i, p, r, blur);
    }
    return light;
}

// Mirror-like reflection seen at p along r: environment and sharp lamps. Multiply by fresnel(dot(n, v), 0.025) for the
// cornea, 0.04 (two faces, less with coating) for lenses.
vec3 reflection(vec3 p, vec3 r, float blur) {
    return environment_mirror(r) + lamp_reflection(p, r, blur);
}
