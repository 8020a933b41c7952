import numpy as np
from gaze_people import laptop

from calibration.plan import Plan
from calibration.samples import condense
from calibration.session import Session
from calibration.simulated_person import FULL
from calibration.simulated_viewer import SimulatedViewer
from calibration.simulation import run_session


def test_condensing_all_looks_at_once_is_condensing_each():
    screen = laptop()
    session = Session(Plan(points=5, validation=0), screen)
    run_session(session, SimulatedViewer(3, screen, FULL))
    samples = session.samples
    looks = condense(samples, screen)
    assert len(looks) == len(np.unique(samples.look)) == 5
    for i, look in enumerate(np.unique(samples.look)):
        alone = samples.take(samples.look == look)
        single = condense(alone, screen)
        assert np.allclose(single.offset_rad[0], looks.offset_rad[i], atol=1e-12)
        assert single.frames[0] == looks.frames[i]
        assert single.place[0] == looks.place[i] == alone.place[0]
