#version 330
// Things that people wear: head frame in, camera frame out. Uniforms: the renderer's matrices.
in vec3 position;
in vec3 normal;
in vec2 coords;
uniform mat4 view_projection;  // camera frame to clip space
uniform mat4 cam_from_head;
out vec3 point_cam;
out vec3 normal_cam;
out vec3 point_head;
out vec2 surface;
void main() {
    vec4 placed = cam_from_head * vec4(position, 1.0);
    point_cam = placed.xyz;
    normal_cam = mat3(cam_from_head) * normal;
    point_head = position;
    surface = coords;
    gl_Position = view_projection * placed;
}
