"""Errors that a caller can act on; each message names the value and the mend."""


class GazeError(Exception):
    """A broken set-up or input. The message says what is wrong and how to mend it."""


class UsageError(GazeError):
    """The call itself is wrong: an unknown option, a value out of range (exit code 2)."""


class SourceError(GazeError):
    """A camera, video, image or stream cannot be opened or read."""


class ModelError(GazeError):
    """A model file is missing, altered, truncated or of another kind."""


class RuntimeUnavailableError(GazeError):
    """An inference engine or device that was asked for cannot be used here."""


class DataError(GazeError):
    """A data set or label file does not hold what its format promises."""


class CalibrationError(GazeError):
    """A calibration cannot be made, or does not fit the present set-up."""
