#version 330
// Skin: painted albedo, bumps from a normal map, soft scattering, oil highlights over a broad sheen.
#include "light.glsl"
uniform sampler2D place_map;   // written by surface.frag, one texel a pixel
uniform sampler2D facing_map;
uniform sampler2D lamp_map;
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
    vec4 place = texelFetch(place_map, at, 0);
    vec4 facing = texelFetch(facing_map, at, 0);
    vec4 lamps = texelFetch(lamp_map, at, 0);
    vec3 P = cam_from_px * vec3(gl_FragCoord.xy - 0.5, 1.0) * facing.w;
    vec3 px = dFdx(P), py = dFdy(P);
    vec2 U = place.xy, ux = dFdx(U), uy = dFdy(U);
    float K = place.z;
    if (K < -0.5) discard;
    vec4 V = vec4(place.w, lamps.xyz);
    vec3 n = normalize(facing.xyz);
    vec3 v = normalize(-P);
    if (dot(n, v) < 0.0 && K > 0.5) n = -n;
    vec3 albedo = body_albedo;
    float gloss = 0.35;
    float roughness = 0.55;
    if (K < 0.5) {
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
    } else if (K > 1.2 && K < 1.5) {
        albedo = cloth_albedo;
        gloss = 0.1;
        roughness = 0.9;
    } else if (K > 2.5) {
        albedo = body_albedo * vec3(0.72, 0.40, 0.36);
        gloss = 0.5;
    } else if (K > 1.5) {
        albedo = mouth_albedo * 0.6;
        gloss = 0.5;
    }
    // Light that bounces inside a fold tints it with the skin's own colour.
    float open = V.x;
    vec3 light = diffuse_light(n, open, V.yzw, vec3(0.22, 0.12, 0.08));
    vec3 bounce = environment_diffuse(n) * (1.0 - open) * mix(albedo, vec3(dot(albedo, vec3(0.33))), 0.3) * 0.8;
    vec3 c = albedo * (light + bounce);
    c += specular_light(n, v, roughness, 0.028, open, V.yzw) * mix(0.45, 1.25, gloss * oiliness);
    if (K > 1.5 && K < 2.5) c *= 0.35;
    colour = vec4(c, 1.0);
}
