"""Where the optional real material lies; tests that need it skip when it is absent."""

from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
SHARED = REPOSITORY.parent / "shared"


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """The folder of real samples and assets beside a development checkout."""
    if not SHARED.is_dir():
        pytest.skip("no ../shared beside the checkout: real samples and assets are absent")
    return SHARED
