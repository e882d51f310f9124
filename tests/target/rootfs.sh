# The machine's files. Sourced by target create.
base=${PILLARD_TARGET_CACHE:-$here/../../build/target/base}
packages=systemd,systemd-sysv,dbus,libpam-systemd,openssh-server,sudo,procps,iproute2,curl

# The base is what the distribution gives, the same for every machine; base/recipe says that it is whole, and of what.
build_base() {
  local recipe="${TARGET_SUITE:-bookworm} $packages" builder=''
  mkdir -p "$base"
  base=$(cd "$base" && pwd)
  exec 9> "$base/lock"
  flock 9
  if [ "$(cat "$base/recipe" 2> /dev/null)" != "$recipe" ]; then
    need debootstrap unshare
    say "building the base system once (about a minute)"
    rm -rf "$base/rootfs" "$base/recipe"
    # In namespaces of its own: an interrupted build leaves neither mounts nor processes.
    trap '[ -z "$builder" ] || kill -KILL "$builder" 2> /dev/null; exit 130' INT TERM
    unshare --mount --propagation private --pid --fork --kill-child --mount-proc \
      debootstrap --variant=minbase --include="$packages" "${TARGET_SUITE:-bookworm}" "$base/rootfs" \
      ${TARGET_MIRROR:+"$TARGET_MIRROR"} > "$base/debootstrap.log" 2>&1 9>&- &
    builder=$!
    wait $builder || { tail -n 5 "$base/debootstrap.log" >&2; die "debootstrap failed: $base/debootstrap.log"; }
    trap - INT TERM
    rm -rf "$base"/rootfs/var/cache/apt/archives/*.deb "$base"/rootfs/var/lib/apt/lists/* "$base/rootfs/debootstrap"
    echo "$recipe" > "$base/recipe"
  fi
  exec 9>&-
}

copy_base() {
  rm -rf "$root"
  cp -a --reflink=auto "$base/rootfs" "$root"
}

customize() {
  local name=node-$(basename "$dir" | tr -cd 'a-zA-Z0-9-') unit
  tr -d - < /proc/sys/kernel/random/uuid > "$root/etc/machine-id"  # without one systemd takes it for a first boot
  echo "$name" > "$root/etc/hostname"
  printf '127.0.0.1 localhost\n127.0.1.1 %s\n' "$name" > "$root/etc/hosts"
  : > "$root/etc/fstab"
  add_users
  configure_sshd
  mkdir -p "$root/etc/systemd/journald.conf.d" "$root/etc/pillard-target"
  printf '[Journal]\nStorage=persistent\nSystemMaxUse=200M\nRateLimitIntervalSec=0\n' \
    > "$root/etc/systemd/journald.conf.d/target.conf"
  install -m 755 "$here/ethereum-client.pl" "$root/usr/local/bin/ethereum-client"
  for unit in "${units[@]}"; do add_unit "$unit"; done
  mask_units
}

add_users() {
  local user password=${TARGET_PASSWORD:-$(tr -d - < /proc/sys/kernel/random/uuid)}
  for user in "${units[@]}"; do chroot "$root" useradd -r -s /usr/sbin/nologin "$user"; done
  (umask 077 && echo "$password" > "$dir/password")
  rm -f "$dir/id_ed25519" "$dir/id_ed25519.pub"
  ssh-keygen -q -t ed25519 -N '' -C pillard-target -f "$dir/id_ed25519"
  for user in ethnode reader plain; do
    chroot "$root" useradd -m -s /bin/bash "$user"
    echo "$user:$password" | chroot "$root" chpasswd
    install -d -m 700 "$root/home/$user/.ssh"
    install -m 600 "$dir/id_ed25519.pub" "$root/home/$user/.ssh/authorized_keys"
    chroot "$root" chown -R "$user:$user" "/home/$user/.ssh"
  done
  chroot "$root" usermod -aG systemd-journal reader
  echo 'ethnode ALL=(root) NOPASSWD: /usr/bin/journalctl, /usr/bin/systemctl' > "$root/etc/sudoers.d/ethnode"
  chmod 440 "$root/etc/sudoers.d/ethnode"
}

configure_sshd() {
  rm -f "$root"/etc/ssh/ssh_host_*
  ssh-keygen -q -A -f "$root" > /dev/null
  mkdir -p "$root/etc/ssh/sshd_config.d"
  printf 'PasswordAuthentication yes\nPermitRootLogin no\nUseDNS no\n' > "$root/etc/ssh/sshd_config.d/target.conf"
}

add_unit() { # name
  local client=lighthouse wants=$root/etc/systemd/system/multi-user.target.wants
  case $1 in execution) client=geth ;; mevboost) client=mev-boost ;; esac
  printf 'RATE=%s\nFLAVOR=%s\n' "${TARGET_RATE:-2}" "$client" > "$root/etc/pillard-target/$1.conf"
  cat > "$root/etc/systemd/system/$1.service" << UNIT
[Unit]
Description=$client $1 client service for MAINNET
Wants=network-online.target
After=network-online.target

[Service]
Type=simple
User=$1
ExecStart=/usr/local/bin/ethereum-client $1
Restart=on-failure
RestartSec=3
KillSignal=SIGINT
TimeoutStopSec=900
SyslogIdentifier=$1

[Install]
WantedBy=multi-user.target
UNIT
  mkdir -p "$wants"
  ln -sf "/etc/systemd/system/$1.service" "$wants/$1.service"
}

# What has no place in a container, or would look at the host's kernel.
mask_units() {
  local unit
  for unit in dev-hugepages.mount sys-kernel-debug.mount sys-kernel-tracing.mount sys-fs-fuse-connections.mount \
    proc-sys-fs-binfmt_misc.automount systemd-modules-load.service systemd-sysctl.service \
    systemd-remount-fs.service systemd-journald-audit.socket getty@.service console-getty.service \
    systemd-networkd-wait-online.service apt-daily.timer apt-daily-upgrade.timer e2scrub_all.timer \
    e2scrub_reap.service fstrim.timer dpkg-db-backup.timer; do
    ln -sf /dev/null "$root/etc/systemd/system/$unit"
  done
  ln -sf /lib/systemd/system/multi-user.target "$root/etc/systemd/system/default.target"
}
