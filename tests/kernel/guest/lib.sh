# What a script of the lab can call, read in before it.

# Loads the base policy, plus the lines given as arguments before the two appraise rules. The stock kernel takes one
# policy only, in one write. Pseudo file systems come first, or init itself would be refused and the kernel would panic.
load_policy() {
  {
    for magic in 0x858458f6 0x01021994 0x9fa0 0x62656572 0x64626720 0x73636673; do
      echo "dont_appraise fsmagic=$magic"
    done
    for rule in "$@"; do
      echo "$rule"
    done
    echo 'appraise func=BPRM_CHECK appraise_type=imasig'
    echo 'appraise func=MMAP_CHECK mask=MAY_EXEC appraise_type=imasig'
  } >/tmp/policy
  # dd, because the shell would write line by line.
  if dd if=/tmp/policy of=/sys/kernel/security/ima/policy bs=64k 2>/tmp/policy.err; then
    echo 'policy loaded'
  else
    echo 'policy refused'
    cat /tmp/policy.err
    return 1
  fi
}

# try NAME COMMAND...: runs the command and prints its output as "out NAME TEXT" lines, then "row NAME STATUS".
# The kernel log gets a mark, for the reader's sake: audit records may be printed a little later than they are made.
try() {
  row=$1
  shift
  echo "lab: try $row" >/dev/kmsg
  "$@" >/tmp/out 2>&1 </dev/null
  row_status=$?
  sed "s|^|out $row |" /tmp/out
  echo "row $row $row_status"
  return 0
}

# as UID COMMAND...: runs the command as that user, who has no session keyring of his own yet.
as() {
  uid=$1
  shift
  /lab/bin/setpriv --reuid "$uid" --regid "$uid" --clear-groups "$@"
}

# ring: prints the serial number of the caller's _ima.
ring() {
  keyctl search @u keyring _ima
}
