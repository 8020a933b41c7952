"""Readers of gaze data sets, one per format, all giving the same sample type."""
