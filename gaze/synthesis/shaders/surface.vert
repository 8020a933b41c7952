#version 330
// Positions and normals arrive in the camera frame, mm; view_projection takes them to the crop.
in vec3 position;
in vec3 normal;
in vec2 uv;
in float kind;
in vec4 visibility;
uniform mat4 view_projection;
out vec3 N;
out vec2 U;
out float K;
out vec4 V;

void main() {
    N = normal;
    U = uv;
    K = kind;
    V = visibility;
    gl_Position = view_projection * vec4(position, 1.0);
}
