#version 330
#include "light.glsl"
// A spectacle lens over a copy of the picture so far: refraction, tint, reflections.
in vec3 point_cam;
in vec3 normal_cam;
in vec4 shifted;
in float height;
out vec4 colour;
uniform sampler2D scene;       // what was drawn so far, same size as the target
uniform vec3 tint;
uniform float tint_gradient;
uniform vec3 coating;
void main() {
    vec3 n = normalize(normal_cam);
    vec3 v = normalize(-point_cam);
    if (dot(n, v) < 0.0) n = -n;
    vec4 behind = textureLod(scene, shifted.xy / shifted.w * 0.5 + 0.5, 0.0);
    float f = fresnel(dot(n, v), 0.04);
    vec3 glass = mix(tint, vec3(0.9), tint_gradient * smoothstep(-8.0, 16.0, height));
    vec3 mirrored = reflection(point_cam, reflect(-v, n), 0.04);
    vec3 through = glass * (1.0 - f);
    float covered = 1.0 - (1.0 - behind.a) * dot(through, vec3(0.3333));  // colour is premultiplied by coverage
    colour = vec4(behind.rgb * through + mirrored * coating * (1.6 * f), covered);
}
