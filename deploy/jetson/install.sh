#!/usr/bin/env bash
# Install or update the service on a Jetson Orin with JetPack 6. Safe to run twice.
#
# ONNXRUNTIME_GPU=WHEEL_OR_URL puts NVIDIA's onnxruntime in place of the one from the package index, which has no
# CUDA for this architecture; see README.md for where the wheel is.
set -euo pipefail

RECIPE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source-path=SCRIPTDIR source=../recipes/install_common.sh
source "$RECIPE/../recipes/install_common.sh"

PACKAGES=(python3 python3-venv libgl1 libglib2.0-0 v4l-utils gstreamer1.0-tools gstreamer1.0-plugins-base
    gstreamer1.0-plugins-good)
GROUPS_NEEDED=(video render)

prepare_device() {
    [[ $(uname -m) == aarch64 ]] || fail "this is $(uname -m), not a Jetson"
    [[ -f /etc/nv_tegra_release ]] ||
        say "warning: /etc/nv_tegra_release is missing; is this a Jetson with JetPack?"
}

install_extras() {
    if [[ -n ${ONNXRUNTIME_GPU:-} ]]; then
        say "putting $ONNXRUNTIME_GPU in place of onnxruntime"
        "$1/bin/python" -m pip uninstall --quiet --yes onnxruntime
        "$1/bin/python" -m pip install --quiet "$ONNXRUNTIME_GPU"
    fi
    # TensorRT's Python package comes with JetPack, for the system's Python alone.
    local system_packages=/usr/lib/python3/dist-packages site
    if [[ -d $system_packages/tensorrt ]]; then
        site=$("$1/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
        find "$system_packages" -maxdepth 1 -name 'tensorrt*' -exec ln -sfn {} "$site/" \;
    fi
}

main "$@"
