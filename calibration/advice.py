"""What to do about that which kept targets from being taken."""

from __future__ import annotations

from calibration.look import TOO_SLOW

GENERAL = "light the face, open the eyes, sit alone in front of the camera, and run it again"
# By how the reason begins.
MENDS = {
    "no face in view": "sit in front of the camera with light on the face, and see that --source is the "
    "camera at this screen",
    "two people in view": "sit alone in front of the camera",
    "several people in view": "sit alone in front of the camera",
    "eyes closed": "open the eyes, and raise the screen, so that the lids do not cover them",
    "the picture is blurred": "give more light, wipe the lens and sit still",
    "the eyes are not clear to see": "take off sunglasses, light the face from the front and come nearer",
    "the camera stands still": "see that no other program holds the camera, or plug it in again",
    "no picture from the camera": "see that no other program holds the camera, or plug it in again",
    "the head is not clear to see": "face the screen, with light from the front",
    "no key was pressed": "press the space bar while you look at the target, or leave out --confirm",
    TOO_SLOW: "this machine or camera is too slow: give --model gaze_mobilenetv2_112 or --no-average-mirror, "
    "give more light (in the dark cameras take longer for a picture), and close other programs",
}


def advice(reason: str) -> str:
    """What to do about a reason, or several in one text; what helps in general where none is known."""
    found = [mend for start, mend in MENDS.items() if start in reason]
    return "; ".join(dict.fromkeys(found)) or GENERAL
