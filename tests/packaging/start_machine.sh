#!/bin/sh
# start_machine.sh CGROUP: becomes init of a Debian machine of its own, in namespaces of its own but the
# network's. Its root is the host's, with whatever is written kept in memory; its processes are in the
# cgroup CGROUP. Gone, with all that runs in it, when this process is killed.
set -eu

case $1 in
  --in-cgroup) ;;
  *)
    # A mount of the unified hierarchy for this script alone, wherever the host has it.
    hierarchy=$(mktemp -d)
    mount -t cgroup2 cgroup2 "$hierarchy"
    # Of tests that were killed: bypath-machine-PID-NODE.
    for left in "$hierarchy"/bypath-machine-*; do
      pid=${left#"$hierarchy"/bypath-machine-}
      [ -d "$left" ] && [ ! -d "/proc/${pid%%-*}" ] || continue
      find "$left" -depth -type d -exec rmdir {} + 2>/dev/null || true
    done
    mkdir "$hierarchy/$1"
    echo $$ >"$hierarchy/$1/cgroup.procs"
    umount "$hierarchy"
    rmdir "$hierarchy"
    exec unshare --mount --pid --fork --uts --ipc --cgroup --kill-child "$0" --in-cgroup
    ;;
esac

root=/mnt
mount -t tmpfs tmpfs "$root"
mkdir "$root/upper" "$root/work" "$root/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$root/upper,workdir=$root/work" "$root/root"
cd "$root/root"
mount -t proc proc proc
# Read-only as in any container: what is set there is the host's.
mount --bind proc/sys proc/sys
mount -o remount,bind,ro proc/sys
mount -t sysfs -o ro sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs tmpfs run
mount -t tmpfs tmpfs tmp
mount -t tmpfs -o mode=755 tmpfs dev
mknod -m 666 dev/null c 1 3
mknod -m 666 dev/zero c 1 5
mknod -m 666 dev/full c 1 7
mknod -m 666 dev/random c 1 8
mknod -m 666 dev/urandom c 1 9
mknod -m 666 dev/tty c 5 0
mkdir dev/net dev/pts dev/shm
mknod -m 666 dev/net/tun c 10 200
mount -t devpts -o newinstance,ptmxmode=666 devpts dev/pts
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
# Nothing of the host's starts in here, and nothing keeps services from starting.
rm -rf etc/systemd/system/*.wants usr/sbin/policy-rc.d
pivot_root . mnt
exec env -i container=test PATH=/usr/sbin:/usr/bin:/sbin:/bin chroot . sh -c \
  'umount -l /mnt && exec /lib/systemd/systemd --unit=basic.target systemd.unified_cgroup_hierarchy=1'
