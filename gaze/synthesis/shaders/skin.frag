#version 330
// Skin: painted albedo, bumps from a normal map, soft scattering, oil highlights over a broad sheen.
#include "light.glsl"
in vec3 P;
in vec3 N;
in vec2 U;
in float K;
in vec4 V;
uniform sampler2D albedo_map;  // sRGB
uniform sampler2D detail_map;  // tangent-space normal xy, gloss
uniform vec3 body_albedo;      // linear, where the face's texture does not reach
uniform vec3 cloth_albedo;
uniform vec3 mouth_albedo;
uniform float bump;
uniform float oiliness;
out vec4 colour;

vec3 bumped(vec3 n, vec2 xy) {
    // Cotangent frame from screen derivatives (Schueler, ShaderX5): no tangents need to be stored.
    vec3 px = dFdx(P), py = dFdy(P);
    vec2 ux = dFdx(U), uy = dFdy(U);
    vec3 a = cross(py, n), b = cross(n, px);
    vec3 t = a * ux.x + b * uy.x;
    vec3 s = a * ux.y + b * uy.y;
    float scale = inversesqrt(max(max(dot(t, t), dot(s, s)), 1e-12));
    return normalize(n + bump * scale * (t * xy.x + s * xy.y));
}

void main() {
    vec3 n = normalize(N);
    vec3 v = normalize(-P);
    if (dot(n, v) < 0.0 && K > 0.5) n = -n;
    vec3 albedo = body_albedo;
    float gloss = 0.35;
    float roughness = 0.55;
    if (K < 0.5) {
        vec3 srgb = texture(albedo_map, U).rgb;
        albedo = srgb * (srgb * (srgb * 0.305306 + 0.682171) + 0.012523);  // sRGB to linear (Hejl)
        vec3 detail = texture(detail_map, U).rgb;
        n = bumped(n, detail.rg * 2.0 - 1.0);
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
