# Functions for the test scripts; see run-script.
# shellcheck shell=bash

readonly GOOD_EXTENSIONS='basicConstraints=critical,CA:FALSE
keyUsage=critical,digitalSignature
subjectKeyIdentifier=hash'

# The search for leaks at the end of a sanitized program cannot be traced itself.
strace() { ASAN_OPTIONS=detect_leaks=0 command strace "$@"; }
export -f strace

# Makes small ELF files of the names given.
elf() {
  local name
  for name in "$@"; do cp /bin/true "$name"; done
}

# Prints security.ima of the files in hexadecimal, or "none".
ima_xattr() {
  local name
  for name in "$@"; do
    getfattr -h --absolute-names --only-values -n security.ima -- "$name" 2>/dev/null | od -An -v -tx1 | tr -d ' \n' |
      grep . || printf 'none\n'
  done
}

# Prints how many of the files have a security.ima.
count_signed() { getfattr -h --absolute-names -n security.ima -- "$@" 2>/dev/null | grep -c '^security.ima='; }

# Makes NAME.key (mode 0600), NAME.pem and NAME.der with openssl.
# usage: certificate NAME KEY-KIND [EXTENSION-LINES]; the kind is what follows -newkey: "rsa:2048", "ed25519", ...
certificate() {
  local name=$1 kind=$2
  printf '[req]\ndistinguished_name=dn\nprompt=no\nx509_extensions=ext\n[dn]\nCN=%s\n[ext]\n%s\n' \
    "$name" "${3-$GOOD_EXTENSIONS}" >"$name.cnf"
  # shellcheck disable=SC2086  # the kind is several words
  openssl req -x509 -config "$name.cnf" -days 400 -nodes -newkey $kind -keyout "$name.key" -out "$name.pem" 2>"$name.log" &&
    openssl x509 -in "$name.pem" -outform DER -out "$name.der" && chmod 600 "$name.key" && rm "$name.cnf" "$name.log"
}

# The kind of key that is made and used fastest.
# shellcheck disable=SC2034  # scripts use it
readonly P256='ec -pkeyopt ec_paramgen_curve:P-256'

# Runs a command as a user who may do nothing special. What it runs must be below the script's folder: see public_jet.
as_nobody() { setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; }

# Copies the program to where every user can start it.
public_jet() {
  cp --remove-destination "$JET_BIN" "$(dirname "$(command -v jet)")/jet"
  hash -r
}

# Runs a command as root without one capability: without sys_admin COMMAND...
without() { setpriv --bounding-set="-$1" --inh-caps="-$1" "${@:2}"; }

# Runs a command while the kernel, for one file, does what strace is told to inject:
# injecting fsetxattr:error=ENOSPC FILE COMMAND... What was asked of it is then in the file "trace".
injecting() {
  strace -f -qq -o trace -P "$(realpath "$2")" -e trace="${1%%:*}" -e inject="$1" "${@:3}"
}

# Waits until a condition holds, at most 20 seconds: wait_for COMMAND...
wait_for() {
  local i
  for ((i = 0; i < 2000; ++i)); do
    "$@" >/dev/null 2>&1 && return 0
    sleep 0.01
  done
  printf 'waited in vain for: %s\n' "$*" >&2
  return 1
}
