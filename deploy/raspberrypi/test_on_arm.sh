#!/usr/bin/env bash
# Run the test suite and the demo on 64-bit Arm without the hardware: a Debian arm64 root under user emulation.
#
# usage: sudo deploy/raspberrypi/test_on_arm.sh [FOLDER [PYTEST ARGUMENT...]]
#
# FOLDER (default: a new one in /var/tmp) keeps the root for the next run. SUITE is the Debian: bookworm (12, Python
# 3.11, the default) or trixie (13, Python 3.13; with LANDMARK_MODEL, a face_landmarker.task). What follows goes to pytest, such as the
# folders of tests to run instead of all. Needs debootstrap, qemu-user-static, binfmt_misc, the network, 5 GB, and a
# Python 3.11 (PYTHON=...) with pip and packaging: it fetches and unpacks the wheels for Arm outside of the emulation,
# where that takes a minute and not hours. CPU=... names the processor that is emulated. The result is printed and kept
# in FOLDER/result.txt.
set -euo pipefail

FOLDER=${1:-$(mktemp -d /var/tmp/gaze-arm.XXXXXX)}
shift || true
ROOT=$FOLDER/root
SUITE=${SUITE:-bookworm}
case $SUITE in
    bookworm) GLIBC=36 VERSION=3.11 GLIB=libglib2.0-0 ;;
    trixie) GLIBC=41 VERSION=3.13 GLIB=libglib2.0-0t64 ;;
    *) echo "SUITE is $SUITE; it must be bookworm or trixie" >&2; exit 1 ;;
esac
MIRROR=${MIRROR:-http://deb.debian.org/debian}
PYTHON=${PYTHON:-python3}
# The Raspberry Pi 4's: what runs on it runs on the newer ones.
CPU=${CPU:-cortex-a72}
# The project's torch brings gigabytes of GPU packages on Arm; this is the last one that does not.
TORCH=2.8.0
QEMU=$(command -v qemu-aarch64-static || true)
REPOSITORY=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
PACKAGES=$ROOT/root/venv/lib/python$VERSION/site-packages

[[ $EUID -eq 0 ]] || { echo "run this as root" >&2; exit 1; }
command -v debootstrap >/dev/null || { echo "missing: debootstrap" >&2; exit 1; }
[[ $(uname -m) == aarch64 || -n $QEMU ]] || { echo "missing: qemu-user-static" >&2; exit 1; }
"$PYTHON" -c 'import sys, pip, packaging; raise SystemExit(sys.version_info[:2] != (3, 11))' ||
    { echo "missing: Python 3.11 with pip and packaging; name one with PYTHON=..." >&2; exit 1; }

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
    # On the one processor that show_processor shows: OpenVINO refuses to start on another.
    taskset -c 0 chroot "$ROOT" /usr/bin/env -i HOME=/root PATH=/root/venv/bin:/usr/sbin:/usr/bin:/sbin:/bin \
        LC_ALL=C.UTF-8 OMP_NUM_THREADS=1 QEMU_CPU="$CPU" /bin/bash -euo pipefail -c "cd /root/webcam-gaze; $1" bash "${@:2}"
}

unmount_all() {
    local place
    for place in proc/cpuinfo proc dev sys; do
        if mountpoint -q "$ROOT/$place"; then umount -l "$ROOT/$place"; fi
    done
}

# The kernel shows the processors of this machine; OpenVINO crashes without an Arm one, named and with a topology.
show_processor() {
    local cpus=$ROOT/sys/devices/system/cpu name
    mkdir -p "$cpus/cpu0/regs/identification" "$cpus/cpu0/topology" "$ROOT/sys/devices/system/node/node0"
    echo 0x00000000410fd083 >"$cpus/cpu0/regs/identification/midr_el1"
    for name in online possible present; do echo 0 >"$cpus/$name"; done
    for name in physical_package_id core_id thread_siblings_list core_siblings_list; do
        echo 0 >"$cpus/cpu0/topology/$name"
    done
    for name in thread_siblings core_siblings; do echo 1 >"$cpus/cpu0/topology/$name"; done
    printf 'processor\t: 0\nBogoMIPS\t: 108.00\nFeatures\t: fp asimd evtstrm crc32 cpuid\nCPU implementer\t: 0x41
CPU architecture: 8\nCPU variant\t: 0x0\nCPU part\t: 0xd08\nCPU revision\t: 3\n' >"$ROOT/root/cpuinfo"
    mount --bind "$ROOT/root/cpuinfo" "$ROOT/proc/cpuinfo"
}

# What pyproject.toml asks for on 64-bit Arm, and what the tests need besides: pip reads the conditions of a
# requirement for the machine it runs on, so they are settled here.
requirements() {
    "$PYTHON" - "$REPOSITORY/pyproject.toml" "$VERSION" <<'CODE'
import sys, tomllib
from packaging.requirements import Requirement
project = tomllib.load(open(sys.argv[1], "rb"))["project"]
extras = [line for name in ("train", "synthesis", "export", "reports")
          for line in project["optional-dependencies"][name]]
arm = {"platform_machine": "aarch64", "platform_system": "Linux", "sys_platform": "linux",
       "python_version": sys.argv[2], "python_full_version": sys.argv[2] + ".2", "extra": ""}
for line in [*project["dependencies"], *extras, "openvino", "pytest>=8", "pytest-timeout>=2.3"]:
    wanted = Requirement(line)
    # moderngl has no wheel for Arm, nncf needs the torch of the project.
    if wanted.name not in ("torch", "nncf", "moderngl") and (wanted.marker is None or wanted.marker.evaluate(arm)):
        print(f"{wanted.name}{wanted.specifier}")
for line in ("filelock", "fsspec", "jinja2", "networkx", "setuptools", "sympy", "typing-extensions"):
    print(line)  # what torch needs
CODE
}

install_wheels() {
    local options=(--quiet --no-warn-conflicts --only-binary=:all: --python-version "$VERSION" --implementation cp
        --upgrade --target "$PACKAGES" --platform manylinux2014_aarch64) wanted minor
    for minor in $(seq "$GLIBC" -1 17); do options+=(--platform "manylinux_2_${minor}_aarch64"); done
    wanted=$(requirements)
    if [[ $(cat "$FOLDER/installed.txt" 2>/dev/null) != "$wanted torch==$TORCH" ]]; then
        mapfile -t wanted_lines <<<"$wanted"
        "$PYTHON" -m pip install "${options[@]}" "${wanted_lines[@]}"
        "$PYTHON" -m pip install "${options[@]}" --no-deps "torch==$TORCH"
        printf '%s torch==%s' "$wanted" "$TORCH" >"$FOLDER/installed.txt"
    fi
    # Built from a copy: pip leaves build folders in the sources.
    local copy=$FOLDER/copy
    rm -rf "$copy"
    cp -r "$ROOT/root/webcam-gaze" "$copy"
    "$PYTHON" -m pip wheel --quiet --no-deps --wheel-dir "$copy/wheel" "$copy"
    "$PYTHON" -m pip install "${options[@]}" --no-deps "$copy"/wheel/*.whl
    rm -rf "$copy"
    printf '#!/root/venv/bin/python\nfrom gaze.cli import main\nraise SystemExit(main())\n' >"$ROOT/root/venv/bin/gaze"
    chmod +x "$ROOT/root/venv/bin/gaze"
}

trap unmount_all EXIT
mount_binfmt
if [[ -f $ROOT/.made ]] && ! grep -q "VERSION_CODENAME=$SUITE" "$ROOT/etc/os-release"; then
    echo "$FOLDER holds another Debian than $SUITE; name another FOLDER" >&2
    exit 1
fi
if [[ ! -f $ROOT/.made ]]; then
    mkdir -p "$ROOT"
    debootstrap --arch=arm64 --foreign --variant=minbase \
        --include=ca-certificates,python3,python3-venv,libgl1,libegl1,libgles2,"$GLIB",git "$SUITE" "$ROOT" "$MIRROR"
    if [[ -n $QEMU ]]; then cp "$QEMU" "$ROOT/usr/bin/"; fi
    chroot "$ROOT" /debootstrap/debootstrap --second-stage
    touch "$ROOT/.made"
fi
unmount_all
mount -t proc proc "$ROOT/proc"
mount --rbind /dev "$ROOT/dev"
mount --make-rslave "$ROOT/dev"
show_processor

rm -rf "$ROOT/root/webcam-gaze"
mkdir -p "$ROOT/root/webcam-gaze"
(cd "$REPOSITORY" && git ls-files -z | xargs -0 tar -cf -) | tar -xf - -C "$ROOT/root/webcam-gaze"
in_root 'test -d /root/venv || python3 -m venv --without-pip /root/venv'
install_wheels
if [[ -n ${LANDMARK_MODEL:-} ]]; then
    install -D -m 0644 "$LANDMARK_MODEL" "$ROOT/root/venv/share/webcam-gaze/face_landmarker.task"
fi

result=$FOLDER/result.txt
{
    echo "commit $(git -C "$REPOSITORY" rev-parse --short HEAD), $(date -u +%F), Debian $SUITE arm64, emulated $CPU"
    in_root 'uname -m
        python --version
        python -c "
from importlib.metadata import distributions
names = (\"mediapipe\", \"onnxruntime\", \"openvino\", \"numpy\", \"opencv-contrib-python\", \"torch\")
print(*sorted({d.name + \" \" + d.version for d in distributions() if d.name in names}), sep=\"\n\")"
        cd /tmp
        gaze doctor || true'
    echo "== demo on the bundled clip"
    in_root 'cd /tmp
        gaze run --demo --no-window --no-progress --jsonl /tmp/demo.jsonl --frames 60
        wc -l /tmp/demo.jsonl
        tail -n 1 /tmp/demo.jsonl'
    echo "== suite: ${*:-tests}"
    # The renderer's OpenGL binding has no wheel for Arm.
    in_root 'python -m pytest -q -rs --timeout 3000 -p no:cacheprovider --ignore tests/gaze/synthesis "$@" ||
        echo "SUITE FAILED"' "${@:-tests}"
} 2>&1 | tee "$result"
if grep -q 'SUITE FAILED' "$result"; then exit 1; fi
echo "passed on arm64; kept in $result"
