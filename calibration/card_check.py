"""How large is a pixel? A bank card held against the screen tells (ISO/IEC 7810 ID-1: 85.60 x 53.98 mm)."""

from __future__ import annotations

from calibration.scene import WHITE, Rectangle, Scene, Text
from gaze.errors import CalibrationError

CARD_MM = (85.60, 53.98)
# A card is held on with this error at most.
AGREE_PART = 0.03
# px of the outline that a key changes: fine and coarse.
KEYS = {"left": -1, "right": 1, "down": -10, "up": 10, "-": -1, "+": 1, "=": 1, "_": -1}


class CardCheck:
    """An outline that keys make larger and smaller until a card covers it exactly.

    Pixels are taken to be square. ``press`` a key, draw ``scene``; after "enter" or "space" it is ``done``
    and ``size_mm`` is the size of the screen.
    """

    def __init__(self, size_px: tuple[int, int], width_mm_guess: float = 0.0) -> None:
        guess = CARD_MM[0] / width_mm_guess * size_px[0] if width_mm_guess > 0 else size_px[0] / 4
        self.size_px = size_px
        self.card_px = round(min(max(guess, 40), size_px[0] * 0.9))
        self.done = False

    def press(self, key: str | None) -> None:
        """Take a key: arrows, + and - change the outline, space or enter accept it."""
        if key in ("space", "enter"):
            self.done = True
        elif key in KEYS:
            self.card_px = min(max(self.card_px + KEYS[key], 40), round(self.size_px[0] * 0.95))

    @property
    def size_mm(self) -> tuple[float, float]:
        """Width and height of the screen by the outline."""
        mm_per_px = CARD_MM[0] / self.card_px
        return self.size_px[0] * mm_per_px, self.size_px[1] * mm_per_px

    def scene(self) -> Scene:
        """The outline and what to do."""
        width, height = self.size_px
        w, h = float(self.card_px), self.card_px * CARD_MM[1] / CARD_MM[0]
        x, y = (width - w) / 2, height * 0.55 - h / 2
        size = "x".join(f"{side:.0f}" for side in self.size_mm)
        texts = (
            Text("Hold a bank card flat against the screen.", width / 2, height * 0.08),
            Text("Arrow keys until the outline is exactly as large as the card,", width / 2, height * 0.13),
            Text("then press the space bar.", width / 2, height * 0.18),
            Text(f"The screen is then {size} mm", width / 2, height * 0.95, 0.8),
        )
        return Scene(self.size_px, (), texts, (Rectangle(x, y, w, h, WHITE),))


def agree(card_mm: tuple[float, float], stated_mm: tuple[float, float]) -> None:
    """Compare the card's answer with what the display says of itself.

    Raises:
        CalibrationError: they differ by more than AGREE_PART.
    """
    if abs(card_mm[0] / stated_mm[0] - 1.0) > AGREE_PART:
        raise CalibrationError(
            f"the card says the screen is {card_mm[0]:.0f} mm wide, the display says {stated_mm[0]:.0f} mm; "
            "measure the lit area with a ruler and give --size-mm WxH"
        )
