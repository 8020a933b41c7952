"""What `gaze bench` measures: the loop, exported models, a long run."""
