#!/bin/sh
# Fills the IMA keyring before the root file system is there.
sh /usr/share/jet/boot/load-certificates
