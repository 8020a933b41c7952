#version 330
#include "light.glsl"
in vec3 P;
in vec3 N;
uniform vec3 albedo;
uniform float shadow;
out vec4 colour;

void main() {
    vec3 n = normalize(N);
    vec3 v = normalize(-P);
    if (dot(n, v) < 0.0) n = -n;
    vec3 c = albedo * diffuse_light(n, 0.6, vec3(0.6), vec3(0.1)) + specular_light(n, v, 0.3, 0.04, 0.5, vec3(0.6));
    colour = vec4(c * shadow, 1.0);
}
