# Finding the machine's processes again. Sourced by target; $run is where they are written down.

# Pids are kept with their start time: a stale file never leads to a stranger's process.
born() { awk '{ sub(/.*\) /, ""); print $20 }' "/proc/$1/stat" 2> /dev/null; }
keep() { echo "$2 $(born "$2")" > "$run/$1.pid"; }
ours() {
  local pid start
  { read -r pid start < "$run/$1.pid"; } 2> /dev/null || return 1
  [ -n "$start" ] && [ "$(born "$pid")" = "$start" ] && echo "$pid"
}

# The machine's PID 1 as seen from here: the systemd below the supervisor that is 1 in a namespace of its own.
find_init() { # supervisor
  local queue=("$1") child
  while [ ${#queue[@]} -gt 0 ]; do
    for child in $(cat "/proc/${queue[0]}"/task/*/children 2> /dev/null); do
      if [ "$(awk '/^NSpid:/ { print $NF, NF }' "/proc/$child/status" 2> /dev/null)" = "1 3" ] &&
        [ "$(cat "/proc/$child/comm" 2> /dev/null)" = systemd ]; then
        echo "$child"
        return 0
      fi
      queue+=("$child")
    done
    queue=("${queue[@]:1}")
  done
  return 1
}

init_pid() { # it is another one after a reboot
  local supervisor pid=''
  ours init && return 0
  [ -e "$run/init.pid" ] && supervisor=$(ours supervisor) || return 1
  for _ in $(seq 40); do
    ! pid=$(find_init "$supervisor") || break
    sleep 0.05
  done
  [ -n "$pid" ] || return 1
  keep init "$pid"
  echo "$pid"
}
alive() { init_pid > /dev/null; }

inside() {
  local pid
  pid=$(init_pid) || die "not running"
  nsenter -t "$pid" -m -u -i -n -p -C -r -w -- env -i HOME=/root TERM=dumb LANG=C.UTF-8 \
    PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@"
}
