#version 330
in vec3 position;
in vec3 normal;
uniform mat4 view_projection;
out vec3 P;
out vec3 N;

void main() {
    P = position;
    N = normal;
    gl_Position = view_projection * vec4(position, 1.0);
}
