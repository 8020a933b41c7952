#version 330
// Thin ribbons (lashes, stray hairs) already widened to at least a pixel; coverage makes up for it.
in vec3 position;
in vec4 strand;  // tangent (3), coverage
uniform mat4 view_projection;
out vec3 P;
out vec4 S;

void main() {
    P = position;
    S = strand;
    gl_Position = view_projection * vec4(position, 1.0);
}
