"""Calibration: the camera, the screen and the person; where on the screen they look."""
