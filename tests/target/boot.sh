#!/usr/bin/env bash
# The way from the caller's namespaces to the machine's PID 1.
#
#   boot.sh supervise DIR   one a machine: boots it, and again when it asks for a reboot
#   boot.sh init DIR        PID 1 of the new namespaces: furnishes the root directory, becomes systemd
set -euo pipefail
PATH=$PATH:/usr/sbin:/sbin
self=${BASH_SOURCE[0]} dir=$2 root=$2/rootfs run=$2/run

supervise() {
  local status enter=()
  trap '' HUP INT
  mount --make-rprivate /
  mkdir -p "$run/cg"
  mount -t cgroup2 none "$run/cg"
  mkdir -p "$run/cg/$(cat "$run/cgroup")"
  echo $BASHPID > "$run/cg/$(cat "$run/cgroup")/cgroup.procs"
  [ ! -s "$run/netns" ] || enter=(nsenter --net="/run/netns/$(cat "$run/netns")")
  while :; do
    status=0
    "${enter[@]}" unshare --cgroup --uts --ipc --pid --mount --propagation private --fork --kill-child \
      "$BASH" "$self" init "$dir" &
    wait $! || status=$?
    [ $status = 129 ] || break  # reboot() ends a pid namespace with SIGHUP
    echo "--- reboot"
  done
  echo "--- ended with $status"
}

init() {
  mount --bind "$root" "$root"
  cd "$root"
  mount -t proc -o nosuid,nodev,noexec proc proc
  mount -t sysfs -o ro,nosuid,nodev,noexec sysfs sys
  mount -t cgroup2 -o nosuid,nodev,noexec cgroup2 sys/fs/cgroup
  furnish_dev
  mount -t tmpfs -o mode=755,nosuid,nodev tmpfs run
  mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs tmp
  mkdir -p run/host
  echo pillard-target > run/host/container-manager
  seal_proc
  ip link set lo up 2> /dev/null || true
  hostname "$(cat etc/hostname)"
  mkdir -p .oldroot
  pivot_root . .oldroot
  exec chroot . /bin/sh -c 'umount -l /.oldroot && rmdir /.oldroot; exec env -i container=pillard-target \
    PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin setpriv --inh-caps=-all \
    --bounding-set=-sys_module,-sys_rawio,-sys_time,-mknod,-syslog,-wake_alarm,-block_suspend,-mac_admin,-mac_override \
    /lib/systemd/systemd --log-target=journal-or-kmsg --show-status=no'
}

furnish_dev() {
  local device
  mount -t tmpfs -o mode=755,nosuid,size=4m tmpfs dev
  for device in null:3 zero:5 full:7 random:8 urandom:9; do mknod -m 666 "dev/${device%:*}" c 1 "${device#*:}"; done
  mknod -m 666 dev/tty c 5 0
  mkdir dev/pts dev/shm
  mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts dev/pts
  mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs dev/shm
  ln -s pts/ptmx dev/ptmx
  ln -s /proc/self/fd dev/fd
  for device in 0:stdin 1:stdout 2:stderr; do ln -s "/proc/self/fd/${device%:*}" "dev/${device#*:}"; done
  ln -s null dev/console
}

# The host's kernel settings are not the machine's to write, its messages not to read; its boot is one of its own.
seal_proc() {
  local path
  for path in sys sysrq-trigger irq bus fs; do
    [ -e "proc/$path" ] || continue
    mount --bind "proc/$path" "proc/$path"
    mount -o remount,bind,ro "proc/$path"
  done
  cat /proc/sys/kernel/random/uuid > run/host/boot_id
  mount --bind run/host/boot_id proc/sys/kernel/random/boot_id
  mount -o remount,bind,ro proc/sys/kernel/random/boot_id
  for path in kcore kmsg; do [ ! -e "proc/$path" ] || mount --bind dev/null "proc/$path"; done
}

"$1"
