#version 330
#include "light.glsl"
in vec3 P;
in vec4 S;
uniform vec3 strand_colour;
uniform float shine;
out vec4 colour;

void main() {
    vec3 t = normalize(S.xyz);
    vec3 v = normalize(-P);
    // Kajiya and Kay: hair is lit by the normal nearest to the viewer, and shines along a cone.
    vec3 n = normalize(v - t * dot(t, v));
    vec3 c = strand_colour * diffuse_light(n, 0.7, vec3(0.8), vec3(0.2)) + shine * specular_light(n, v, 0.5, 0.03, 0.6, vec3(0.7));
    colour = vec4(c, clamp(S.w, 0.0, 1.0));
}
