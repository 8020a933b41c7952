#version 330
// What skin.frag needs to know of the skin seen in a pixel. The shading itself is done once a pixel, not once
// for each small triangle: a software rasteriser shades blocks of sixteen pixels for a triangle of four. For
// the same reason the facts are packed: what such a triangle costs is mostly the writing of them.
in vec3 N;
in vec2 U;
in float K;
in vec4 V;
out uvec4 facts;  // uv; openness and share of each lamp that is seen; normal's x and y; depth, facing, kind

uint pair(vec2 unit) {
    uvec2 whole = uvec2(clamp(unit, 0.0, 1.0) * 65535.0 + 0.5);
    return whole.x | whole.y << 16;
}

void main() {
    vec3 n = normalize(N);
    uvec4 seen = uvec4(clamp(V, 0.0, 1.0) * 255.0 + 0.5);
    uint kind = K < 0.5 ? 0u : K < 1.2 ? 1u : K < 1.5 ? 2u : K < 2.5 ? 3u : 4u;
    // Depth along the view in mm; a float does without its last four bits.
    uint depth = floatBitsToUint(1.0 / gl_FragCoord.w) + 8u & ~15u;
    facts = uvec4(
        pair(U),
        seen.x | seen.y << 8 | seen.z << 16 | seen.w << 24,
        pair(n.xy * 0.5 + 0.5),
        depth | (n.z > 0.0 ? 8u : 0u) | kind);
}
