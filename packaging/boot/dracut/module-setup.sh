#!/bin/bash
# Puts the keystore's certificates into the initramfs, and what loads them there; never a private key.

check() {
  require_binaries jet jet-ima-boot || return 1
}

install() {
  # shellcheck disable=SC2154  # dracut sets it
  local certificates=$initdir/etc/jet/certificates message status=0
  # Nothing of it without certificates: the program and its libraries are some megabytes.
  message=$(jet-ima-boot export-certificates "$certificates" 2>&1) || status=$?
  if [ $status -ne 0 ]; then
    rm -rf "$certificates"
    [ $status -eq 1 ] || dwarn "jet-ima: no certificates in the initramfs: $message"
    return 0
  fi
  inst_multiple mount umount tr
  inst "$(realpath "$(command -v jet)")" /usr/bin/jet
  inst_simple /usr/share/jet/boot/load-certificates
  # shellcheck disable=SC2154
  inst_hook pre-mount 50 "$moddir/load-certificates.sh"
}
