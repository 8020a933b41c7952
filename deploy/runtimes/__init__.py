"""One file per inference engine, all with the same face: a batch of normalised faces in, angles out."""
