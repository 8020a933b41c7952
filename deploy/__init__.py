"""Everything that runs on the device: runtimes, sources, gates, overlay, sinks and the live loop."""
