"""The science: from a camera frame to a gaze ray."""
