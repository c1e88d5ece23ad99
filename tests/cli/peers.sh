# Functions for the test scripts about two Routing Engines: a real sshd on a loopback port, with its
# own host key and users' keys, in front of the keystore "far"; the keystore "near" is re0.
# shellcheck shell=bash

readonly far=$work/far near=$work/near

# A command of re0.
re0() { jet-keystore --config "$work/re0.toml" --keystore "$near" "$@"; }

# A command given on re1 itself.
re1() { jet-keystore --keystore "$far" "$@"; }

# Lets re0 reach re1 as `peers --authorize` says, with the options given.
authorize() {
  # What the kernel's keyring of this machine holds is no matter here.
  re1 peers --authorize "$work/re0-key.pub" "$@" | sed 's/receive/receive --keyring none/' >"$work/authorized_keys"
}

# Lets re0 run a shell command on re1 instead. In it, "$RECEIVE" is what re1 runs otherwise.
authorize_as() {
  printf '#!/bin/bash\ncd %s\nRECEIVE="jet-keystore receive --keyring none --keystore %s --accept-delete"\n%s\n' \
    "$work" "$far" "$1" >"$work/forced"
  chmod 755 "$work/forced"
  printf 'restrict,command="%s" %s\n' "$work/forced" "$(cat "$work/re0-key.pub")" >"$work/authorized_keys"
}

new_ssh_key() { ssh-keygen -q -t ed25519 -N '' -C '' -f "$1"; }

listening() { (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null; }

# Starts sshd with the host key NAME. SHLVL: bash, which runs what is asked for, reads ~/.bashrc only at the first level,
# and what that does is no part of the tests.
start_sshd() {
  cat >"$work/sshd_config" <<END
ListenAddress 127.0.0.1:$port
HostKey $work/$1
PidFile $work/sshd.pid
AuthorizedKeysFile $work/authorized_keys
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin yes
MaxStartups 100
SetEnv PATH=$PATH SHLVL=2
LogLevel ERROR
END
  # Where sshd keeps its privileges apart.
  mkdir -p /run/sshd
  /usr/sbin/sshd -D -e -f "$work/sshd_config" 2>>"$work/sshd.log" &
  wait_for listening
  wait_for test -s "$work/sshd.pid"
}

stop_sshd() {
  local pid
  pid=$(cat "$work/sshd.pid")
  kill "$pid"
  wait "$pid" 2>/dev/null
  rm -f "$work/sshd.pid"
}

# Makes both sides. Neither keystore exists yet.
make_peers() {
  new_ssh_key host-key
  new_ssh_key other-host-key
  new_ssh_key re0-key
  port=$((20000 + RANDOM % 12000))
  while listening; do port=$((20000 + RANDOM % 12000)); done
  printf '[127.0.0.1]:%s %s\n' "$port" "$(cat host-key.pub)" >known_hosts
  cat >ssh_config <<END
Host re1
  HostName 127.0.0.1
  Port $port
  User root
  IdentityFile $work/re0-key
  IdentitiesOnly yes
  UserKnownHostsFile $work/known_hosts
  GlobalKnownHostsFile /dev/null
END
  cat >re0.toml <<END
keyring = "none"
[[peers]]
name = "re0"
[[peers]]
name = "re1"
destination = "re1"
ssh-config = "$work/ssh_config"
END
  start_sshd host-key
}

# Prints the keys of both sides by name.
both() {
  # shellcheck disable=SC2046,SC2005  # names on one line
  echo "re0:" $(ls "$near/keys" 2>/dev/null)
  # shellcheck disable=SC2046,SC2005
  echo "re1:" $(ls "$far/keys" 2>/dev/null)
}

# Prints the names of all files with pending work, but not of what a killed writer left half written.
pending() { (cd "$near/pending" 2>/dev/null && find . -type f ! -name .new | sort); }
