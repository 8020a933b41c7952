"""What is drawn into: the picture, and the facts of the skin before it is lit (a G-buffer)."""

from __future__ import annotations

from dataclasses import dataclass

import moderngl


@dataclass(frozen=True, slots=True)
class RenderTargets:
    """For squares of one size. ``skin`` fills ``skin_facts``, what is known of the skin in each pixel before
    it is lit; it has the depth of ``picture``.
    """

    picture: moderngl.Framebuffer
    skin: moderngl.Framebuffer
    skin_facts: moderngl.Texture

    @classmethod
    def make(cls, context: moderngl.Context, size_px: int) -> RenderTargets:
        """New ones of ``size_px`` squared, on the GPU."""
        size = (size_px, size_px)
        colour, depth = context.texture(size, 4, dtype="f4"), context.depth_renderbuffer(size)
        facts = context.texture(size, 4, dtype="u4")
        facts.filter = (moderngl.NEAREST, moderngl.NEAREST)
        return cls(context.framebuffer([colour], depth), context.framebuffer([facts], depth), facts)
