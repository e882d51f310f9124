# The machine's network. Sourced by target; leaves host and port, and in $run what must be taken down again.

connect_network() {
  case ${TARGET_NET:-} in
    veth) own_network || { rm -rf "$run"; die "no network of its own to be had here; try TARGET_NET=host"; } ;;
    host) shared_network ;;
    '') own_network || { say "no network of its own to be had here: it shares the caller's"; shared_network; } ;;
    *) die "TARGET_NET is veth or host" ;;
  esac
}

# The link's name is the claim: it exists once a kernel network, while names of network namespaces may exist once a
# mount namespace (two containers on one network see each other's links but not each other's namespaces).
own_network() {
  local n link netns address claimed=''
  for n in $(seq 0 254); do
    link=pillard$n netns=pillard-target-$n
    [ -z "$(ip -4 route show root "10.214.$n.0/30")" ] || continue  # somebody else's
    address=02:00:0a:d6:$(printf %02x "$n"):02
    if ! ip link add "$link" type veth peer name "${link}p" address "$address" 2> /dev/null; then
      ip link show "$link" > /dev/null 2>&1 || return 1
      continue
    fi
    ! ip netns add "$netns" 2> /dev/null || { claimed=yes; break; }
    ip link del "$link"
    [ -e "/run/netns/$netns" ] || return 1
  done
  [ -n "$claimed" ] || return 1
  echo "$link" > "$run/link"
  echo "$netns" > "$run/netns"
  echo veth > "$run/net"
  host=10.214.$n.2 port=22
  if ! { ip link set "${link}p" netns "$netns" name eth0 && ip addr add "10.214.$n.1/30" dev "$link" &&
    ip link set "$link" up && ip -n "$netns" addr add "$host/30" dev eth0 && ip -n "$netns" link set eth0 up &&
    ip -n "$netns" link set lo up &&
    ip neigh replace "$host" lladdr "$address" dev "$link" nud permanent; } 2>> "$run/console.log"; then
    disconnect_network
    return 1
  fi
  rm -f "$root/etc/ssh/sshd_config.d/listen.conf"
}

shared_network() {
  local taken
  host=127.0.0.1
  for port in $(seq 2222 2299); do accepts "$host" "$port" || break; done
  for taken in "$port" 8545 5052 18550; do
    ! accepts "$host" "$taken" || { rm -rf "$run"; die "port $taken is in use on the caller's loopback"; }
  done
  echo "ListenAddress $host:$port" > "$root/etc/ssh/sshd_config.d/listen.conf"
  echo host > "$run/net"
}

disconnect_network() {
  [ ! -s "$run/netns" ] || ip netns del "$(cat "$run/netns")" 2> /dev/null || true
  [ ! -s "$run/link" ] || ip link del "$(cat "$run/link")" 2> /dev/null || true
  rm -f "$run/netns" "$run/link" "$run/net"
}

# Cut at the machine's end, with its address kept at ours: packets vanish without a word, as far away. (Taking our end
# down would send them to the caller's default route instead.)
switch_link() {
  [ -s "$run/link" ] || die "it shares the caller's network: there is no link to cut"
  case ${1:-} in up | down) ip -n "$(cat "$run/netns")" link set eth0 "$1" ;; *) die "link up|down" ;; esac
}
