#version 330
// Skin: painted albedo, bumps from a normal map, soft scattering, oil highlights over a broad sheen.
#include "light.glsl"
uniform usampler2D fact_map;   // written by surface.frag, one texel a pixel; 0 where there is no skin
uniform mat3 cam_from_px;      // ray through a pixel (x, y, 1), depth 1 along the view
uniform float px_mm;           // size of a pixel on the face
uniform sampler2D albedo_map;  // sRGB
uniform sampler2D detail_map;  // tangent-space normal xy, gloss
uniform vec3 body_albedo;      // linear, where the face's texture does not reach
uniform vec3 cloth_albedo;
uniform vec3 mouth_albedo;
uniform float bump;
uniform float oiliness;
out vec4 colour;

// Coarsest level of the painted maps: where neighbouring pixels show different parts, derivatives mean nothing.
const float COARSEST = 2.0;
// As surface.frag writes them; 1 is scalp and neck.
const uint FACE = 0u, CLOTHES = 2u, MOUTH = 3u, EYE_SOCKET = 4u;

vec2 pair(uint packed_) { return vec2(packed_ & 65535u, packed_ >> 16) / 65535.0; }

vec3 bumped(vec3 n, vec3 px, vec3 py, vec2 ux, vec2 uy, vec2 xy) {
    // Cotangent frame from screen derivatives (Schueler, ShaderX5): no tangents need to be stored.
    vec3 a = cross(py, n), b = cross(n, px);
    vec3 t = a * ux.x + b * uy.x;
    vec3 s = a * ux.y + b * uy.y;
    float scale = inversesqrt(max(max(dot(t, t), dot(s, s)), 1e-12));
    return normalize(n + bump * scale * (t * xy.x + s * xy.y));
}

void main() {
    ivec2 at = ivec2(gl_FragCoord.xy);
    uvec4 facts = texelFetch(fact_map, at, 0);
    vec3 P = cam_from_px * vec3(gl_FragCoord.xy - 0.5, 1.0) * uintBitsToFloat(facts.w & ~15u);
    vec3 px = dFdx(P), py = dFdy(P);
    vec2 U = pair(facts.x), ux = dFdx(U), uy = dFdy(U);
    uint kind = facts.w & 7u;
    vec4 V = vec4(facts.y & 255u, facts.y >> 8 & 255u, facts.y >> 16 & 255u, facts.y >> 24) / 255.0;
    vec3 n = vec3(pair(facts.z) * 2.0 - 1.0, 0.0);
    n.z = sqrt(max(1.0 - dot(n, n), 0.0)) * ((facts.w & 8u) == 0u ? -1.0 : 1.0);
    vec3 v = normalize(-P);
    if (dot(n, v) < 0.0 && kind != FACE) n = -n;
    vec3 albedo = body_albedo;
    float gloss = 0.35;
    float roughness = 0.55;
    if (kind == FACE) {
        vec2 texels = vec2(textureSize(albedo_map, 0));
        float spread = max(dot(ux * texels, ux * texels), dot(uy * texels, uy * texels));
        float level = clamp(0.5 * log2(max(spread, 1e-6)), 0.0, COARSEST);
        vec3 srgb = textureLod(albedo_map, U, level).rgb;
        albedo = srgb * (srgb * (srgb * 0.305306 + 0.682171) + 0.012523);  // sRGB to linear (Hejl)
        vec3 detail = textureLod(detail_map, U, level).rgb;
        // No bumps across the edge of a nose or a cheek.
        if (max(length(px), length(py)) < 8.0 * px_mm) n = bumped(n, px, py, ux, uy, detail.rg * 2.0 - 1.0);
        gloss = detail.b;
        roughness = mix(0.62, 0.34, gloss * oiliness);
    } else if (kind == CLOTHES) {
        albedo = cloth_albedo;
        gloss = 0.1;
        roughness = 0.9;
    } else if (kind == EYE_SOCKET) {
        albedo = body_albedo * vec3(0.72, 0.40, 0.36);
        gloss = 0.5;
    } else if (kind == MOUTH) {
        albedo = mouth_albedo * 0.6;
        gloss = 0.5;
    }
    // Light that bounces inside a fold tints it with the skin's own colour.
    float open = V.x;
    vec3 light = diffuse_light(n, open, V.yzw, vec3(0.22, 0.12, 0.08));
    vec3 bounce = environment_diffuse(n) * (1.0 - open) * mix(albedo, vec3(dot(albedo, vec3(0.33))), 0.3) * 0.8;
    vec3 c = albedo * (light + bounce);
    c += specular_light(n, v, roughness, 0.028, open, V.yzw) * mix(0.45, 1.25, gloss * oiliness);
    if (kind == MOUTH) c *= 0.35;
    colour = vec4(c, 1.0);
}
