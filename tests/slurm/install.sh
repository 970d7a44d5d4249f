#!/usr/bin/env bash
# Usage: tests/slurm/install.sh
# Installs Debian's slurm-wlm and munge where they are missing (as root).
# No configuration is written and no Slurm is started: cluster.sh does that.
set -euo pipefail

export PATH=$PATH:/usr/sbin
for tool in munged slurmctld slurmd srun sbatch scancel; do
    command -v "$tool" >/dev/null || missing=1
done
if [ "$(id -u)" -ne 0 ]; then
    echo 'error: a test cluster of Slurm needs root; use a container' >&2
    exit 1
fi
[ -n "${missing:-}" ] || exit 0
command -v apt-get >/dev/null || {
    echo 'error: no apt-get; install Slurm and munge of your distribution' >&2
    exit 1
}
export DEBIAN_FRONTEND=noninteractive
apt-get update --quiet
apt-get install --quiet --yes --no-install-recommends slurm-wlm munge
