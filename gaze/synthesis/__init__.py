"""The renderer: people with exact gaze labels from one integer seed."""
