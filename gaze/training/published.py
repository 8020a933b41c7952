"""Published results on MPIIFaceGaze, to stand beside ours with the label space they are in."""

from __future__ import annotations

from dataclasses import dataclass

from gaze.types import ROTATION_ONLY, SCALED


@dataclass(frozen=True, slots=True)
class Published:
    """A method's mean angular error in degrees. ``protocol`` says how it was tested."""

    method: str
    mean_deg: float
    label_space: str
    protocol: str = "leave one person out"


PUBLISHED = (
    Published("FullFace (AlexNet, spatial weights)", 4.8, ROTATION_ONLY),
    Published("hysts, AlexNet", 5.06, ROTATION_ONLY),
    Published("hysts, ResNet-14", 4.83, ROTATION_ONLY),
    Published("ResNet-18", 4.82, ROTATION_ONLY),
    Published("ResNet-50 (arXiv 2308.09593)", 4.50, ROTATION_ONLY),
    Published("FullFace, GazeHub labels", 4.93, SCALED),
    Published("RT-GENE", 4.66, SCALED),
    Published("Dilated-Net", 4.42, SCALED),
    Published("CA-Net", 4.27, SCALED),
    Published("Gaze360", 4.06, SCALED),
    Published("GazeTR-Hybrid", 4.00, SCALED),
    Published("L2CS-Net", 3.92, SCALED),
    Published("FGI-Net", 3.74, SCALED),
    Published("mean offset from 9 points", 2.55, ROTATION_ONLY, "leave one person out, then 9 samples"),
    Published("mean offset from 128 points", 2.42, ROTATION_ONLY, "leave one person out, then 128 samples"),
)
