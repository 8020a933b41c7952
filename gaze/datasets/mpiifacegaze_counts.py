"""How many pictures each person of the published MPIIFaceGaze has: 37,667 in all, or 3000 list entries."""

_COUNTS = (2927, 2904, 2916, 2929, 2860, 2870, 2877, 2843, 2767, 2719, 2194, 2262, 1601, 1498, 1500)
PUBLISHED_COUNTS = {f"p{index:02d}": count for index, count in enumerate(_COUNTS)}
EVALUATION_COUNT = 3000
