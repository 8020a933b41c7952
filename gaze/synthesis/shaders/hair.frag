#version 330
// Strands over a shell or a ribbon, or cloth. The texture holds the strands' height (red) and tone (green).
#include "light.glsl"
in vec3 point_cam;
in vec3 normal_cam;
in vec3 tangent_cam;
in vec2 strand;
in vec2 covering;
uniform sampler2D strand_map;
uniform vec3 albedo;  // linear
uniform float gloss;
uniform bool cloth;
out vec4 colour;

void main() {
    vec2 s = texture(strand_map, strand).rg;
    float alpha = cloth ? 1.0 : smoothstep(1.0 - covering.x, 1.35 - covering.x, s.r);
    if (alpha < 0.12) discard;
    vec3 v = normalize(-point_cam);
    vec3 n = normalize(normal_cam);
    if (dot(n, v) < 0.0) n = -n;
    float tone = covering.y * (0.5 + s.g);
    if (cloth) {
        colour = vec4(albedo * tone * diffuse_light(n, 0.8, vec3(1.0), vec3(0.15)), 1.0);
        return;
    }
    // Hairs tilt away from the shell's normal from strand to strand, which breaks its highlight up.
    vec3 t = normalize(tangent_cam);
    vec3 across = cross(t, n);
    vec3 tilted = normalize(n + across * (s.g - 0.45) * 1.2 + t * (s.r - 0.6) * 0.5);
    vec3 lit = albedo * tone * diffuse_light(tilted, 0.75, vec3(0.9), vec3(0.35));
    lit += gloss * tone * 0.8 * specular_light(tilted, v, 0.45, 0.045, 0.6, vec3(0.9)) * mix(vec3(1.0), albedo * 4.0, 0.35);
    colour = vec4(lit, alpha);
}
