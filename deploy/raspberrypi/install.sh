#!/usr/bin/env bash
# Install or update the service on a Raspberry Pi 4 or 5 with a 64-bit system. Safe to run twice.
set -euo pipefail

RECIPE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source-path=SCRIPTDIR source=../recipes/install_common.sh
source "$RECIPE/../recipes/install_common.sh"

PACKAGES=(python3 python3-venv libgl1 libegl1 libgles2 libglib2.0-0 v4l-utils gstreamer1.0-tools gstreamer1.0-plugins-base
    gstreamer1.0-plugins-good)
GROUPS_NEEDED=(video render)

prepare_device() {
    [[ $(uname -m) == aarch64 ]] ||
        fail "this is $(uname -m); MediaPipe needs the 64-bit system (aarch64): choose it in the Imager"
    # The element that reads the camera of the ribbon cable; absent on systems other than Raspberry Pi OS.
    if [[ $SYSTEM_PACKAGES == yes ]] && apt-cache show gstreamer1.0-libcamera >/dev/null 2>&1; then
        PACKAGES+=(gstreamer1.0-libcamera)
        install_system_packages
    fi
}

install_extras() { :; }

main "$@"
