#!/usr/bin/env bash
# Install or update the service on a NUC or another x86-64 Debian or Ubuntu machine. Safe to run twice.
set -euo pipefail

RECIPE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source-path=SCRIPTDIR source=../recipes/install_common.sh
source "$RECIPE/../recipes/install_common.sh"

PACKAGES=(python3 python3-venv libgl1 libegl1 libgles2 libglib2.0-0 v4l-utils)
GROUPS_NEEDED=(video render)

prepare_device() {
    [[ $(uname -m) == x86_64 ]] || fail "this is $(uname -m), not x86-64; see deploy/raspberrypi or deploy/jetson"
}

install_extras() { :; }

main "$@"
