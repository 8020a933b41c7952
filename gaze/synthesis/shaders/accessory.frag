#version 330
#include "light.glsl"
// Matter of accessories: metal, plastic, cloth, skin of a hand.
in vec3 point_cam;
in vec3 normal_cam;
in vec3 point_head;
in vec2 surface;
out vec4 colour;
uniform vec3 albedo;
uniform vec3 second;
uniform vec3 f0;
uniform float roughness;
uniform float scatter;
uniform float scale_mm;
uniform int pattern;   // as in gaze.synthesis.accessory: plain, tortoise, cloth, skin, print

float blotches(vec3 p) {
    vec3 q = p + 1.7 * sin(p.yzx * 1.3 + 0.6);
    return 0.5 + 0.5 * sin(q.x) * sin(q.y + 0.8 * sin(q.z)) + 0.25 * sin(2.3 * q.z + q.x) * sin(2.9 * q.y);
}

void main() {
    vec3 n = normalize(normal_cam);
    vec3 v = normalize(-point_cam);
    if (dot(n, v) < 0.0) n = -n;
    vec3 matt = albedo;
    vec3 p = point_head * (6.2832 / scale_mm);
    if (pattern == 1) matt = mix(albedo, second, smoothstep(0.45, 0.75, blotches(p)));
    else if (pattern == 2) matt *= 1.0 + 0.07 * sin(surface.x * 9.0) * sin(surface.y * 9.0) + 0.05 * (blotches(p * 0.3) - 0.5);
    else if (pattern == 3) matt = mix(albedo, second, clamp(blotches(p * 0.35) * 0.5, 0.0, 1.0));
    else if (pattern == 4) matt = mix(albedo, second, step(0.6, blotches(p)));
    float shine = max(f0.r, max(f0.g, f0.b));
    vec3 gloss = specular_light(n, v, roughness, shine, 0.7, vec3(1.0)) * (f0 / shine);
    colour = vec4(matt * diffuse_light(n, 1.0, vec3(1.0), vec3(1.0, 0.4, 0.2) * scatter) + gloss, 1.0);
}
