#version 330
// Hair and headwear: head frame in, camera frame out.
in vec3 position;
in vec3 normal;
in vec3 tangent;
in vec2 texcoord;
in vec2 cover;  // coverage, tone
uniform mat4 view_projection;
uniform mat4 cam_from_head;
out vec3 point_cam;
out vec3 normal_cam;
out vec3 tangent_cam;
out vec2 strand;
out vec2 covering;

void main() {
    vec4 placed = cam_from_head * vec4(position, 1.0);
    point_cam = placed.xyz;
    normal_cam = mat3(cam_from_head) * normal;
    tangent_cam = mat3(cam_from_head) * tangent;
    strand = texcoord;
    covering = cover;
    gl_Position = view_projection * placed;
}
