"""The stages of `gaze calibrate`: camera, board, screen, person and what looks at the result."""
