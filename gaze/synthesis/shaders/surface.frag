#version 330
// What skin.frag needs to know of the skin seen in a pixel. The shading itself is done once a pixel, not once
// for each small triangle: a software rasteriser shades blocks of sixteen pixels for a triangle of four.
in vec3 N;
in vec2 U;
in float K;
in vec4 V;
layout(location = 0) out vec4 place;     // uv, kind, openness
layout(location = 1) out vec4 facing;    // normal, depth along the view in mm
layout(location = 2) out vec4 lamp_view; // share of each lamp that is seen

void main() {
    place = vec4(U, K, V.x);
    facing = vec4(N, 1.0 / gl_FragCoord.w);
    lamp_view = vec4(V.yzw, 1.0);
}
