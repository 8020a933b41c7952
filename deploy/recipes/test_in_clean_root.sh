#!/usr/bin/env bash
# Follow a recipe in a fresh Debian that is booted in a container: install, lines, health, watchdog, update, roll back.
#
# usage: sudo deploy/recipes/test_in_clean_root.sh [RECIPE] [FOLDER]
#
# RECIPE is nuc (the default); FOLDER (default: a new one in /var/tmp) keeps the root for the next run. SUITE is the
# Debian (bookworm, which is 12, by default; trixie is 13, with Python 3.13). Needs debootstrap and systemd-container,
# the network, and about 3 GB. pip's settings (PIP_*, /etc/pip.conf), the certificates and the folders named in BIND are
# carried into the container, and LANDMARK_MODEL, a face_landmarker.task, where the container cannot fetch it.
set -euo pipefail

RECIPE=${1:-nuc}
FOLDER=${2:-$(mktemp -d /var/tmp/gaze-clean-root.XXXXXX)}
SUITE=${SUITE:-bookworm}
ROOT=$FOLDER/$RECIPE-$SUITE
MIRROR=${MIRROR:-http://deb.debian.org/debian}
REPOSITORY=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

[[ $EUID -eq 0 ]] || { echo "run this as root" >&2; exit 1; }
for program in debootstrap systemd-nspawn; do
    command -v "$program" >/dev/null || { echo "missing: $program (apt-get install debootstrap systemd-container)" >&2; exit 1; }
done

if [[ ! -f $ROOT/.made ]]; then
    mkdir -p "$ROOT"
    debootstrap --variant=minbase --include=systemd,systemd-sysv,dbus,ca-certificates,python3,python3-venv \
        "$SUITE" "$ROOT" "$MIRROR"
    touch "$ROOT/.made"
fi

rm -rf "$ROOT/root/webcam-gaze" "$ROOT/root/result.log" "$ROOT/root/passed"
mkdir -p "$ROOT/root/webcam-gaze"
(cd "$REPOSITORY" && git ls-files -z | xargs -0 tar -cf -) | tar -xf - -C "$ROOT/root/webcam-gaze"
cp /etc/resolv.conf "$ROOT/etc/resolv.conf"
if [[ -f /etc/pip.conf ]]; then cp /etc/pip.conf "$ROOT/etc/pip.conf"; fi
if [[ -f /etc/ssl/certs/ca-certificates.crt ]]; then
    cp /etc/ssl/certs/ca-certificates.crt "$ROOT/etc/ssl/certs/ca-certificates.crt"
fi
if [[ -n ${LANDMARK_MODEL:-} ]]; then cp "$LANDMARK_MODEL" "$ROOT/root/face_landmarker.task"; fi
(env | grep '^PIP_' || true) | sed -e "s/=\(.*\)/='\1'/" >"$ROOT/root/pip.env"

# There is no camera in a container: the bundled clip stands in for it, for ever.
cat >"$ROOT/root/steps.sh" <<STEPS
#!/usr/bin/env bash
set -euxo pipefail
set -a; . /root/pip.env; set +a
cd /root/webcam-gaze
recipe=deploy/$RECIPE
STEPS
cat >>"$ROOT/root/steps.sh" <<'STEPS'
lines() { journalctl -u webcam-gaze -o cat --since "$1" | grep -c '"schema"' || true; }
wait_for_lines() {
    local since=$1 wanted=$2
    for _ in $(seq 120); do
        [[ $(lines "$since") -ge $wanted ]] && return
        sleep 1
    done
    systemctl status webcam-gaze --no-pager; journalctl -u webcam-gaze --no-pager | tail -40
    return 1
}

model=()
if [[ -f /root/face_landmarker.task ]]; then model=(--landmark-model /root/face_landmarker.task); fi

# What an earlier run has left in this root.
systemctl disable --now webcam-gaze 2>/dev/null || true
rm -rf /opt/webcam-gaze /etc/webcam-gaze

mkdir -p /etc/webcam-gaze
cp "$PWD/deploy/assets/demo.mp4" /etc/webcam-gaze/clip.mp4
sed -e 's|^source = .*|source = "/etc/webcam-gaze/clip.mp4"\nloop = true|' -e '/^size = /d' -e '/^wait = /d' \
    "$recipe/gaze.toml" >/etc/webcam-gaze/gaze.toml
# It plays as fast as it can be worked on: the unit of this test leaves room for others.
mkdir -p /etc/systemd/system/webcam-gaze.service.d
printf '[Service]\nNice=10\nCPUQuota=50%%\n' >/etc/systemd/system/webcam-gaze.service.d/90-test.conf
before=$(date '+%F %T')
"$recipe/install.sh" "${model[@]}"
wait_for_lines "$before" 50
systemctl is-active webcam-gaze
grep -q '"state": "running"' /run/webcam-gaze/status.json
cat /run/webcam-gaze/status.json
journalctl -u webcam-gaze -o cat | grep '"schema"' | tail -1
first=$(readlink /opt/webcam-gaze/current)

# A second run changes nothing.
"$recipe/install.sh" "${model[@]}" | tee /root/second.log
grep -q 'is there already' /root/second.log
grep -q 'is kept as it is' /root/second.log
[[ $(readlink /opt/webcam-gaze/current) == "$first" ]]

# It ends within a second or so when asked to, and stays ended.
sleep 5
begin=$(date +%s%N); systemctl stop webcam-gaze; ended=$(date +%s%N)
echo "stopped after $(( (ended - begin) / 1000000 )) ms"
[[ $(( (ended - begin) / 1000000 )) -lt 2500 ]]
systemctl start webcam-gaze

# A loop that hangs is ended by the watchdog and started again.
wait_for_lines "$(date '+%F %T')" 5
kill -STOP "$(systemctl show -p MainPID --value webcam-gaze)"
for _ in $(seq 90); do
    if [[ $(systemctl show -p NRestarts --value webcam-gaze) -ge 1 ]]; then break; fi
    sleep 1
done
[[ $(systemctl show -p NRestarts --value webcam-gaze) -ge 1 ]]
wait_for_lines "$(date '+%F %T')" 5

# An update is another release; rolling back returns to the first.
echo '# changed' >>gaze/__init__.py
"$recipe/install.sh" "${model[@]}"
second=$(readlink /opt/webcam-gaze/current)
[[ $second != "$first" ]]
"$recipe/install.sh" --rollback
[[ $(readlink /opt/webcam-gaze/current) == "$first" ]]
wait_for_lines "$(date '+%F %T')" 5

# A release that does not work is not switched to.
echo 'raise SystemExit("broken")' >>gaze/__init__.py
if "$recipe/install.sh" "${model[@]}"; then exit 1; fi
[[ $(readlink /opt/webcam-gaze/current) == "$first" ]]
systemctl is-active webcam-gaze
systemd-analyze security webcam-gaze --no-pager | tail -1
touch /root/passed
STEPS
cat >"$ROOT/etc/systemd/system/recipe-test.service" <<'UNIT'
[Unit]
Description=Steps of the recipe
After=multi-user.target
[Service]
Type=oneshot
TimeoutStartSec=infinity
ExecStart=/bin/bash -c '/bin/bash /root/steps.sh >/root/result.log 2>&1'
ExecStopPost=/bin/systemctl --no-block poweroff
[Install]
WantedBy=multi-user.target
UNIT
mkdir -p "$ROOT/etc/systemd/system/multi-user.target.wants"
ln -sf ../recipe-test.service "$ROOT/etc/systemd/system/multi-user.target.wants/recipe-test.service"

BINDS=()
for folder in ${BIND:-}; do BINDS+=("--bind-ro=$folder"); done
systemd-nspawn --directory="$ROOT" --machine="gaze-$RECIPE" --register=no --keep-unit --boot --quiet \
    "${BINDS[@]}" --console=read-only || true
tail -n 60 "$ROOT/root/result.log"
[[ -f $ROOT/root/passed ]] && echo "passed: $RECIPE on $SUITE"
