#version 330
// Spectacle lenses: head frame in. shifted is where the scene behind a point is looked up (see glasses.Lenses).
in vec3 position;
in vec3 normal;
in vec3 from_centre;
uniform mat4 view_projection;  // camera frame to clip space
uniform mat4 cam_from_head;
uniform float shift;
out vec3 point_cam;
out vec3 normal_cam;
out vec4 shifted;
out float height;
void main() {
    vec4 placed = cam_from_head * vec4(position, 1.0);
    point_cam = placed.xyz;
    normal_cam = mat3(cam_from_head) * normal;
    shifted = view_projection * cam_from_head * vec4(position + shift * from_centre, 1.0);
    height = from_centre.y;
    gl_Position = view_projection * placed;
}
