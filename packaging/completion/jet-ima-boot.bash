# Completion for bash of jet-ima-boot.
_jet_ima_boot() {
  local words=''
  COMPREPLY=()
  case $COMP_CWORD:${COMP_WORDS[1]}:$3:$2 in
    1:*:*:-*) words=--help ;;
    1:*) words='enable disable status export-certificates' ;;
    *:enable:--policy:* | *:enable:=:*) compopt -o default ;;
    *:enable:*) words='--policy --stop-boot-on-failure' ;;
    2:export-certificates:*) compopt -o dirnames ;;
  esac
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$2")
}

complete -F _jet_ima_boot jet-ima-boot
