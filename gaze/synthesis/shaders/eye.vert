#version 330
// The mesh's ball only marks where the eye shows; it is drawn a little behind itself so that lids win.
in vec3 position;
in vec4 visibility;
uniform mat4 view_projection;
uniform float sink_mm;
out vec3 P;
out vec4 V;

void main() {
    P = position;
    V = visibility;
    gl_Position = view_projection * vec4(position, 1.0);
    vec4 sunk = view_projection * vec4(position * (1.0 + sink_mm / length(position)), 1.0);
    gl_Position.z = sunk.z / sunk.w * gl_Position.w;
}
