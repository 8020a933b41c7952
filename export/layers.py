"""Groups of layers by parts of the names of their nodes in the exported graph."""

from __future__ import annotations

# The spatial weights and the fully connected layers.
HEAD = ("/fc", "/Conv1/", "/Conv2/", "/Conv3/")
# The layers that give the angles and their deviation.
OUTPUTS = ("/fc_",)


def blocks(*numbers: int) -> tuple[str, ...]:
    """Blocks of the backbone: 0 the first convolution, 18 the last, between them the residual ones."""
    return tuple(f"/backbone.{number}/" for number in numbers)
