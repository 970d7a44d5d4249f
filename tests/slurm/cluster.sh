#!/usr/bin/env bash
# Usage: tests/slurm/cluster.sh start|stop FOLDER
# A Slurm cluster of this machine alone, for tests: runs as root, keeps its
# keys, ports, logs and state in FOLDER and touches nothing else. Clients find
# it with SLURM_CONF=FOLDER/slurm.conf. The user munge has to reach FOLDER.
set -euo pipefail

usage() {
    echo "usage: $0 start|stop FOLDER" >&2
    exit 2
}
[ $# -eq 2 ] || usage
action=$1
mkdir -p "$2"
folder=$(cd "$2" && pwd)
export PATH=$PATH:/usr/sbin SLURM_CONF=$folder/slurm.conf

free_ports() {
    python3 - <<'PYTHON'
import socket
sockets = [socket.socket() for _ in range(2)]
for one in sockets:
    one.bind(('127.0.0.1', 0))
print(*(one.getsockname()[1] for one in sockets))
PYTHON
}

write_conf() {
    read -r ctld_port d_port <<<"$(free_ports)"
    # cred_expire is also how long a requeued job waits before it starts.
    # config_overrides: two slots, whatever the machine has.
    cat >"$SLURM_CONF" <<CONF
ClusterName=mmvis
SlurmctldHost=$host(127.0.0.1)
SlurmUser=root
SlurmctldPort=$ctld_port
SlurmdPort=$d_port
AuthType=auth/munge
AuthInfo=socket=$folder/munge/socket,cred_expire=10
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.pid
SlurmctldLogFile=$folder/slurmctld.log
SlurmdLogFile=$folder/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
MpiDefault=none
ReturnToService=2
KillWait=60
SlurmdParameters=config_overrides
NodeName=$host NodeAddr=127.0.0.1 CPUs=2 State=UNKNOWN
PartitionName=test Nodes=$host Default=YES State=UP
CONF
}

start_munge() {
    # munged insists on a key and a socket that nobody else can replace
    chmod 0755 "$folder"
    mkdir -p "$folder/munge"
    head -c 128 /dev/urandom >"$folder/munge/key"
    chmod 0400 "$folder/munge/key"
    chmod 0755 "$folder/munge"
    chown -R munge: "$folder/munge"
    runuser -u munge -- munged --key-file="$folder/munge/key" \
        --socket="$folder/munge/socket" --seed-file="$folder/munge/seed" \
        --pid-file="$folder/munge/pid" --log-file="$folder/munge/log"
}

start() {
    host=$(hostname -s)
    mkdir -p "$folder/state" "$folder/spool"
    write_conf
    start_munge
    slurmctld
    slurmd
    for _ in $(seq 120); do
        if sinfo --noheader --format=%t 2>/dev/null | grep -qx idle; then
            return
        fi
        sleep 1
    done
    echo "error: no idle node after 120 s; see the logs in $folder" >&2
    tail -n 20 "$folder"/*.log >&2
    exit 1
}

stop() {
    for name in slurmd.pid slurmctld.pid munge/pid; do
        [ -s "$folder/$name" ] || continue
        pid=$(cat "$folder/$name")
        kill "$pid" 2>/dev/null || continue
        # it still writes into the folder; a zombie does not
        for _ in $(seq 100); do
            grep -q '^State:.[^Z]' "/proc/$pid/status" 2>/dev/null || break
            sleep 0.1
        done
    done
}

case $action in
start) start ;;
stop) stop ;;
*) usage ;;
esac
