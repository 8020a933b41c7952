#!/usr/bin/env bash
# Follow a recipe's Dockerfile without Docker: its steps as plain shell in a fresh Debian, then the image's command.
#
# usage: sudo deploy/recipes/test_dockerfile_steps.sh [RECIPE] [FOLDER]
#        deploy/recipes/test_dockerfile_steps.sh --list RECIPE       print the steps, run nothing
#
# RECIPE is nuc (the default) or raspberrypi, whose steps are run on this machine's processor; test_on_arm.sh is for
# the other one. FOLDER (default: a new one in /var/tmp) keeps the Debian for the next run, which begins with a new
# copy of it. Needs debootstrap, the network, and about 3 GB. What stands for the base image python:X-slim-SUITE is
# Debian's own Python of that SUITE with pip in /usr/local, so a Dockerfile must ask for the one that Debian has.
# pip's settings (PIP_*, /etc/pip.conf), the certificates and the folders named in BIND are carried into the root.
set -euo pipefail

FRAMES=5
MIRROR=${MIRROR:-http://deb.debian.org/debian}
REPOSITORY=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
LIST=no
if [[ ${1:-} == --list ]]; then
    LIST=yes
    shift
fi
RECIPE=${1:-nuc}
case $RECIPE in
    nuc | raspberrypi) ;;
    *)
        echo "$RECIPE: the recipes with a plain Python image are nuc and raspberrypi" >&2
        exit 2
        ;;
esac

# One line a step: the instruction, a tab, its words. A word of ENTRYPOINT, CMD and ENV is a step of its own.
steps() {
    python3 - "$REPOSITORY/deploy/$RECIPE/Dockerfile" <<'CODE'
import json, re, shlex, sys

text = "".join(line for line in open(sys.argv[1], encoding="utf-8") if not line.lstrip().startswith("#"))
for line in re.sub(r"\\\n", " ", text).splitlines():
    if not line.strip():
        continue
    name, value = line.split(maxsplit=1)
    words = [value.strip()]
    if name in ("ENTRYPOINT", "CMD"):
        words = json.loads(value)
    elif name == "ENV":
        words = shlex.split(value)
        if not all("=" in word for word in words):
            sys.exit(f"{line}: only ENV NAME=VALUE is understood")
    elif name not in ("FROM", "RUN", "COPY", "WORKDIR", "USER"):
        sys.exit(f"{line}: {name} is not understood; add it to test_dockerfile_steps.sh")
    if name != "RUN" and any("$" in word or word.startswith("--") and name == "COPY" for word in words):
        sys.exit(f"{line}: variables and options are not understood; add them to test_dockerfile_steps.sh")
    if name == "WORKDIR" and not value.startswith("/"):
        sys.exit(f"{line}: a folder below the present one is not understood")
    for word in words:
        print(name, re.sub(r"\s+", " ", word), sep="\t")
CODE
}

# A variable and not a pipe: a step that is not understood must end the script.
STEPS=$(steps)
if [[ $LIST == yes ]]; then
    printf '%s\n' "$STEPS"
    exit
fi
[[ $EUID -eq 0 ]] || { echo "run this as root" >&2; exit 1; }
command -v debootstrap >/dev/null || { echo "missing: debootstrap (apt-get install debootstrap)" >&2; exit 1; }
# What is mounted in here goes with the process, however it ends.
if [[ -z ${GAZE_OWN_MOUNTS:-} ]]; then
    GAZE_OWN_MOUNTS=yes exec unshare --mount --propagation private "${BASH_SOURCE[0]}" "$@"
fi

FOLDER=${2:-$(mktemp -d /var/tmp/gaze-dockerfile.XXXXXX)}
ROOT=$FOLDER/$RECIPE
IMAGE=$(sed -n 's/^FROM\t//p' <<<"$STEPS")
[[ $IMAGE =~ ^python:([0-9.]+)-slim-([a-z]+)$ ]] ||
    { echo "FROM $IMAGE: only python:VERSION-slim-SUITE is understood" >&2; exit 1; }
VERSION=${BASH_REMATCH[1]} SUITE=${BASH_REMATCH[2]}
BASE=$FOLDER/$SUITE.tar

if [[ ! -f $BASE ]]; then
    rm -rf "$FOLDER/base"
    mkdir -p "$FOLDER/base"
    debootstrap --variant=minbase --include=ca-certificates,python3,python3-venv "$SUITE" "$FOLDER/base" "$MIRROR"
    tar -C "$FOLDER/base" -cf "$BASE.new" .
    mv "$BASE.new" "$BASE"
    rm -rf "$FOLDER/base"
fi
rm -rf "$ROOT"
mkdir -p "$ROOT"
tar -C "$ROOT" -xf "$BASE"
cp /etc/resolv.conf "$ROOT/etc/resolv.conf"
if [[ -f /etc/pip.conf ]]; then cp /etc/pip.conf "$ROOT/etc/pip.conf"; fi
if [[ -f /etc/ssl/certs/ca-certificates.crt ]]; then
    cp /etc/ssl/certs/ca-certificates.crt "$ROOT/etc/ssl/certs/ca-certificates.crt"
fi
mount -t proc proc "$ROOT/proc"
for folder in ${BIND:-}; do
    mkdir -p "$ROOT$folder"
    mount --bind "$folder" "$ROOT$folder"
    mount -o remount,ro,bind "$ROOT$folder"
done

# The state of the build, as Docker keeps it.
DIRECTORY=/
USER_SPEC=0
ENTRYPOINT=()
DEFAULTS=()
IMAGE_ENV=(PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8)
BUILD_ENV=()
while IFS= read -r setting; do BUILD_ENV+=("$setting"); done < <(env | grep '^PIP_' || true)

# Run words in the image as its user, in its folder, with its environment and nothing of ours.
in_image() {
    local home
    home=$(chroot "$ROOT" getent passwd "$USER_SPEC" | cut -d: -f6)
    # shellcheck disable=SC2016
    chroot --userspec="$USER_SPEC" "$ROOT" /usr/bin/env -i HOME="${home:-/}" "${IMAGE_ENV[@]}" "${EXTRA_ENV[@]}" \
        /bin/sh -c 'cd "$0" && exec "$@"' "$DIRECTORY" "$@"
}

# COPY FROM... TO, from the files that git knows; of a folder its contents, as Docker does.
copy_into() {
    local words to name
    read -ra words <<<"$1"
    to=${words[-1]}
    unset 'words[-1]'
    [[ $to == /* ]] || to=${DIRECTORY%/}/$to
    for name in "${words[@]}"; do
        if [[ -d $REPOSITORY/$name ]]; then
            mkdir -p "$ROOT$to"
            (cd "$REPOSITORY/$name" && git ls-files -z | xargs -0 tar -cf -) | tar -xf - --no-same-owner -C "$ROOT$to"
        else
            install -D -m 0644 "$REPOSITORY/$name" "$ROOT$to/$(basename "$name")"
        fi
    done
}

EXTRA_ENV=("${BUILD_ENV[@]}")
in_image python3 -c "import sys; have = '%d.%d' % sys.version_info[:2]
sys.exit(have != '$VERSION' and f'$SUITE has Python {have}, the image asks for $VERSION')"
in_image python3 -m venv /usr/local
while IFS=$'\t' read -r instruction value; do
    printf '== %s %s\n' "$instruction" "$value"
    case $instruction in
        RUN) in_image /bin/sh -c "$value" </dev/null ;;
        COPY) copy_into "$value" ;;
        ENV) IMAGE_ENV+=("$value") ;;
        WORKDIR)
            DIRECTORY=$value
            mkdir -p "$ROOT$value"
            ;;
        USER) USER_SPEC=$value ;;
        ENTRYPOINT) ENTRYPOINT+=("$value") ;;
        CMD) DEFAULTS+=("$value") ;;
    esac
done <<<"$STEPS"

# As `docker run IMAGE --source CLIP --frames 5`: what is given stands in place of CMD.
EXTRA_ENV=()
printf '== the command, in place of its own %s\n' "${DEFAULTS[*]}"
clip=$(in_image python -c 'from deploy.demo import CLIP; print(CLIP)')
in_image id
in_image "${ENTRYPOINT[@]}" --source "$clip" --frames "$FRAMES" >"$FOLDER/$RECIPE.jsonl"
cat "$FOLDER/$RECIPE.jsonl"
lines=$(grep -c '"schema"' "$FOLDER/$RECIPE.jsonl" || true)
[[ $lines -eq $FRAMES ]] || { echo "$RECIPE: $lines of $FRAMES lines" >&2; exit 1; }
echo "passed: $RECIPE, $lines lines, $IMAGE as Debian $SUITE with Python $VERSION on $(uname -m)"
