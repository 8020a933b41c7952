#!/usr/bin/env bash
# Run the test suite and the demo on 64-bit Arm without the hardware: a Debian arm64 root under user emulation.
#
# usage: sudo deploy/raspberrypi/test_on_arm.sh [FOLDER]
#
# FOLDER (default: a new one in /var/tmp) keeps the root for the next run. Needs debootstrap, qemu-user-static,
# binfmt_misc (where it is missing, qemu is named explicitly), the network, about 6 GB and an hour or more.
# pip's settings (PIP_*, /etc/pip.conf) and the certificates are carried in. The result is printed and kept in
# FOLDER/result.txt.
set -euo pipefail

FOLDER=${1:-$(mktemp -d /var/tmp/gaze-arm.XXXXXX)}
ROOT=$FOLDER/root
SUITE=bookworm
MIRROR=${MIRROR:-http://deb.debian.org/debian}
QEMU=$(command -v qemu-aarch64-static || true)
REPOSITORY=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

[[ $EUID -eq 0 ]] || { echo "run this as root" >&2; exit 1; }
command -v debootstrap >/dev/null || { echo "missing: debootstrap" >&2; exit 1; }
[[ $(uname -m) == aarch64 || -n $QEMU ]] || { echo "missing: qemu-user-static" >&2; exit 1; }

mount_binfmt() {
    [[ $(uname -m) == aarch64 ]] && return
    mountpoint -q /proc/sys/fs/binfmt_misc || mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc
    [[ -e /proc/sys/fs/binfmt_misc/qemu-aarch64 ]] && return
    # As of qemu's own registration: the ELF header of AArch64; F keeps the interpreter open across the chroot.
    local magic='\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00'
    local mask='\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff'
    printf ':qemu-aarch64:M::%s:%s:%s:F' "$magic" "$mask" "$QEMU" >/proc/sys/fs/binfmt_misc/register
}

in_root() {
    chroot "$ROOT" /usr/bin/env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 OMP_NUM_THREADS=1 \
        /bin/bash -euo pipefail -c "set -a; . /root/pip.env; set +a; cd /root/webcam-gaze; $1"
}

unmount_all() {
    local place
    for place in proc dev sys; do
        if mountpoint -q "$ROOT/$place"; then umount -l "$ROOT/$place"; fi
    done
}
trap unmount_all EXIT

mount_binfmt
if [[ ! -f $ROOT/.made ]]; then
    mkdir -p "$ROOT"
    debootstrap --arch=arm64 --foreign --variant=minbase \
        --include=ca-certificates,python3,python3-venv,python3-dev,libgl1,libglib2.0-0,git "$SUITE" "$ROOT" "$MIRROR"
    if [[ -n $QEMU ]]; then cp "$QEMU" "$ROOT/usr/bin/"; fi
    chroot "$ROOT" /debootstrap/debootstrap --second-stage
    touch "$ROOT/.made"
fi
mount -t proc proc "$ROOT/proc"
mount --rbind /dev "$ROOT/dev"
mount --make-rslave "$ROOT/dev"
mount --rbind /sys "$ROOT/sys"
mount --make-rslave "$ROOT/sys"

rm -rf "$ROOT/root/webcam-gaze"
mkdir -p "$ROOT/root/webcam-gaze"
(cd "$REPOSITORY" && git ls-files -z | xargs -0 tar -cf -) | tar -xf - -C "$ROOT/root/webcam-gaze"
cp /etc/resolv.conf "$ROOT/etc/resolv.conf"
if [[ -f /etc/pip.conf ]]; then cp /etc/pip.conf "$ROOT/etc/pip.conf"; fi
if [[ -f /etc/ssl/certs/ca-certificates.crt ]]; then
    cp /etc/ssl/certs/ca-certificates.crt "$ROOT/etc/ssl/certs/ca-certificates.crt"
fi
(env | grep '^PIP_' || true) | sed -e "s/=\(.*\)/='\1'/" >"$ROOT/root/pip.env"

result=$FOLDER/result.txt
{
    echo "commit $(git -C "$REPOSITORY" rev-parse --short HEAD), $(date -u +%F), Debian $SUITE arm64 under emulation"
    in_root 'test -d /root/venv || python3 -m venv /root/venv
        /root/venv/bin/pip install --quiet --upgrade pip
        /root/venv/bin/pip install --quiet . "pytest>=8" "pytest-timeout>=2.3" "onnx>=1.17"
        uname -m
        /root/venv/bin/python --version
        /root/venv/bin/pip list --format=freeze | grep -iE "^(mediapipe|onnxruntime|openvino|numpy|opencv.*)="
        /root/venv/bin/gaze doctor || true'
    echo "== demo on the bundled clip"
    in_root 'cd /tmp && /root/venv/bin/gaze run --demo --no-window --no-progress --jsonl /tmp/demo.jsonl --frames 60
        wc -l /tmp/demo.jsonl'
    echo "== suite"
    in_root '/root/venv/bin/python -m pytest -q --timeout 3000 -p no:cacheprovider || echo "SUITE FAILED"'
} 2>&1 | tee "$result"
if grep -q 'SUITE FAILED' "$result"; then exit 1; fi
echo "passed on arm64; kept in $result"
