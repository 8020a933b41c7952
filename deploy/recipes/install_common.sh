# shellcheck shell=bash
# What the install scripts of all devices share. A script sets the variables below and calls main "$@".
#
#   PACKAGES      packages of the system
#   GROUPS_NEEDED groups whose devices the service may open
#   RECIPE        folder of the device, with its gaze.toml and device.conf (what it adds to the unit)
#   prepare_device, install_extras   functions, called as root before and after the program is installed

set -euo pipefail
# The service's user must read what root installs, whatever root's own mask is.
umask 022

NAME=webcam-gaze
USER_NAME=gaze
PREFIX=/opt/$NAME
CONFIG=/etc/$NAME/gaze.toml
UNIT=/etc/systemd/system/$NAME.service
KEEP_RELEASES=3

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
REPOSITORY=$(cd "$HERE/../.." && pwd)
START=yes
SYSTEM_PACKAGES=yes
LANDMARK_MODEL=

say() { printf '%s: %s\n' "$NAME" "$*"; }
fail() {
    printf '%s: %s\n' "$NAME" "$*" >&2
    exit 1
}

usage() {
    cat <<TEXT
usage: sudo $0 [--no-start] [--no-packages] [--landmark-model FILE] [--rollback]

Installs this checkout as the service $NAME. Running it again changes nothing unless the checkout has changed;
then it is an update. The last $KEEP_RELEASES releases are kept.

  --no-start     install, but do not enable or start the service
  --no-packages  leave the packages of the system alone
  --landmark-model FILE
                 with Python 3.13: take this face_landmarker.task instead of fetching it
  --rollback     go back to the release before the present one
TEXT
}

systemd_runs() { [[ -d /run/systemd/system ]]; }

python_for_wheels() {
    local candidate
    # Up to 3.12 MediaPipe has its models built in, and nothing else need be fetched.
    for candidate in python3.12 python3.11 python3.10 python3.13 python3; do
        if command -v "$candidate" >/dev/null &&
            "$candidate" -c 'import sys; raise SystemExit(not (3, 10) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null
        then
            command -v "$candidate"
            return
        fi
    done
    fail "no Python 3.10 to 3.13 found, which MediaPipe has wheels for; install one"
}

# The same sources give the same name, so that a second run finds the release that it would build.
release_name() {
    local sum
    sum=$(cd "$REPOSITORY" && find pyproject.toml cam_demo.py gaze calibration deploy export \
        -type f -not -path '*/__pycache__/*' -print0 | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum)
    printf '%s' "${sum:0:16}"
}

# Whether a package is installed, be it as the one with 64-bit times: since Ubuntu 24.04 and Debian 13 such a library
# is called NAMEt64, and its old name, which other packages provide, is never installed.
is_installed() {
    local name
    for name in "$1" "$1t64"; do
        if dpkg-query -W -f='${Status}' "$name" 2>/dev/null | grep -q 'ok installed'; then return; fi
    done
    return 1
}

install_system_packages() {
    local missing=() package
    for package in "${PACKAGES[@]}"; do
        is_installed "$package" || missing+=("$package")
    done
    [[ ${#missing[@]} -eq 0 ]] && return
    [[ $SYSTEM_PACKAGES == yes ]] || fail "packages are missing: ${missing[*]}; leave --no-packages out"
    say "installing ${missing[*]}"
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"
}

make_user() {
    local group
    if ! id "$USER_NAME" >/dev/null 2>&1; then
        useradd --system --user-group --home-dir "/var/lib/$NAME" --shell /usr/sbin/nologin "$USER_NAME"
        say "made the user $USER_NAME"
    fi
    for group in "${GROUPS_NEEDED[@]}"; do
        getent group "$group" >/dev/null || groupadd --system "$group"
        usermod --append --groups "$group" "$USER_NAME"
    done
}

build_release() {
    local release=$PREFIX/releases/$1 python
    if [[ -f $release/.complete ]]; then
        say "release $1 is there already"
        return
    fi
    python=$(python_for_wheels)
    say "building release $1 with $python"
    rm -rf "$release"
    mkdir -p "$PREFIX/releases"
    "$python" -m venv "$release"
    "$release/bin/python" -m pip install --quiet --upgrade pip
    # Installed from a copy: pip leaves build folders in the sources.
    local copy
    copy=$(mktemp -d)
    (cd "$REPOSITORY" && tar --exclude=__pycache__ -cf - pyproject.toml README.md LICENSE cam_demo.py \
        gaze calibration deploy export) | tar -xf - -C "$copy"
    "$release/bin/python" -m pip install --quiet "$copy"
    rm -rf "$copy"
    install_landmark_model "$release"
    install_extras "$release"
    check_release "$release"
    touch "$release/.complete"
}

# From Python 3.13 on MediaPipe has no models in its wheel. The file lies in the release, as the service has a user of
# its own, with a cache that may be deleted.
install_landmark_model() {
    local fetched=()
    if "$1/bin/python" -c 'import mediapipe; raise SystemExit(not hasattr(mediapipe, "solutions"))' 2>/dev/null; then
        return
    fi
    [[ -n $LANDMARK_MODEL ]] && fetched=(--file "$LANDMARK_MODEL")
    "$1/bin/gaze" download-models --output "$1/share/$NAME/face_landmarker.task" "${fetched[@]}"
}

# A release that cannot estimate gaze on the bundled clip is not switched to.
check_release() {
    local lines
    say "trying the release on the bundled clip"
    lines=$(cd / && "$1/bin/python" -c 'from deploy.demo import CLIP; print(CLIP)' |
        xargs -I{} "$1/bin/gaze" run --source {} --no-window --no-progress --frames 5 --jsonl - | grep -c '"schema"')
    [[ $lines -eq 5 ]] || fail "the release gave $lines of 5 lines on the bundled clip; it is not used"
}

switch_to() {
    local release=$PREFIX/releases/$1
    [[ -f $release/.complete ]] || fail "release $1 is not complete"
    if [[ -L $PREFIX/current && $(readlink "$PREFIX/current") != "$release" ]]; then
        readlink "$PREFIX/current" >"$PREFIX/previous"
    fi
    # Renaming replaces the link in one step; a loss of power leaves the old one or the new one.
    ln -sfn "$release" "$PREFIX/current.new"
    mv -T "$PREFIX/current.new" "$PREFIX/current"
    say "current release: $1"
}

remove_old_releases() {
    local kept=0 release
    while read -r release; do
        kept=$((kept + 1))
        if [[ $kept -gt $KEEP_RELEASES && $release != "$(readlink "$PREFIX/current")" &&
            $release != "$(cat "$PREFIX/previous" 2>/dev/null)" ]]; then
            rm -rf "$release"
            say "removed ${release##*/}"
        fi
    done < <(find "$PREFIX/releases" -mindepth 1 -maxdepth 1 -type d -printf '%T@ %p\n' | sort -rn | cut -d' ' -f2-)
}

# A network camera's address may hold its password: root writes the settings, the service reads them, nobody else.
install_configuration() {
    mkdir -p "$(dirname "$CONFIG")"
    if [[ -e $CONFIG ]]; then
        say "$CONFIG is kept as it is"
        if [[ -n $(find -L "$CONFIG" -perm -o=r) ]] && grep -Eq '://[^/@[:space:]]*:[^/@[:space:]]+@' "$CONFIG"; then
            say "warning: every user can read the password in $CONFIG;" \
                "run: sudo chown root:$USER_NAME $CONFIG && sudo chmod 0640 $CONFIG" >&2
        fi
    else
        install -m 0640 -o root -g "$USER_NAME" "$RECIPE/gaze.toml" "$CONFIG"
        say "wrote $CONFIG: set source and field of view there"
    fi
}

install_unit() {
    install -m 0644 "$HERE/webcam-gaze.service" "$UNIT"
    mkdir -p "$UNIT.d"
    install -m 0644 "$RECIPE/device.conf" "$UNIT.d/10-device.conf"
}

restart_service() {
    if ! systemd_runs; then
        say "systemd does not run here; the service was not started"
        return
    fi
    systemctl daemon-reload
    if [[ $START == yes ]]; then
        systemctl enable --quiet "$NAME"
        systemctl restart "$NAME"
        say "started; see its lines with: sudo journalctl -u $NAME -o cat -f"
    fi
}

rollback() {
    local previous
    previous=$(cat "$PREFIX/previous" 2>/dev/null) || fail "there is no earlier release to go back to"
    [[ -f $previous/.complete ]] || fail "the earlier release $previous is gone"
    switch_to "${previous##*/}"
    restart_service
}

main() {
    local action=install release
    while [[ $# -gt 0 ]]; do
        case $1 in
            --no-start) START=no ;;
            --no-packages) SYSTEM_PACKAGES=no ;;
            --landmark-model)
                [[ $# -ge 2 ]] || fail "--landmark-model needs a FILE"
                LANDMARK_MODEL=$2
                shift
                ;;
            --rollback) action=rollback ;;
            -h | --help)
                usage
                exit 0
                ;;
            *)
                usage >&2
                exit 2
                ;;
        esac
        shift
    done
    [[ $EUID -eq 0 ]] || fail "run this as root: sudo $0"
    if [[ $action == rollback ]]; then
        rollback
        return
    fi
    install_system_packages
    prepare_device
    make_user
    release=$(release_name)
    build_release "$release"
    switch_to "$release"
    remove_old_releases
    install_configuration
    install_unit
    restart_service
}
