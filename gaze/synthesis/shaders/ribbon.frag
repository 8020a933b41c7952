#version 330
in vec4 lit;
out vec4 colour;

void main() { colour = lit; }
