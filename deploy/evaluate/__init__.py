"""The kinds of `gaze evaluate`: fold runs, face crops, rendered people, clips."""
