"""A head of four vertices in the OBJ format of ICT-FaceKit, and the same with one vertex moved."""

SMALL = b"""# a comment with v and f in it
mtllib x.mtl
v 0 0 0.5
v 1 0 0
v 1 1 0
v 0 1 -2e-1
vt 0.25 0.5
vt 1 0
usemtl M_Skin
f 1/1 2/2 3/1 4/2
usemtl M_Eye
f 3/2 2/1 1/1
"""
MOVED = SMALL.replace(b"v 1 1 0", b"v 1 1.25 0")
