#version 330
// Thin ribbons (lashes, stray hairs) already widened to at least a pixel; coverage makes up for it. They are lit
// at their vertices: few pixels lie between two of them, and fewer in each block that a software rasteriser shades.
#include "light.glsl"
in vec3 position;
in vec4 strand;  // tangent (3), coverage
uniform mat4 view_projection;
uniform vec3 strand_colour;
uniform float shine;
out vec4 lit;

void main() {
    vec3 t = normalize(strand.xyz);
    vec3 v = normalize(-position);
    // Kajiya and Kay: hair is lit by the normal nearest to the viewer, and shines along a cone.
    vec3 n = normalize(v - t * dot(t, v));
    vec3 c = strand_colour * diffuse_light(n, 0.7, vec3(0.8), vec3(0.2)) + shine * specular_light(n, v, 0.5, 0.03, 0.6, vec3(0.7));
    lit = vec4(c, clamp(strand.w, 0.0, 1.0));
    gl_Position = view_projection * vec4(position, 1.0);
}
