# Completes the lines of standard input in an interactive zsh on a terminal of its own, and prints for each what was
# offered, on one line with tabs between the words. usage: zsh -f completion.zsh SCRIPT
emulate -R zsh
zmodload zsh/zpty
scratch=$(mktemp -d)
trap 'rm -rf $scratch' EXIT
mkdir $scratch/functions
cp $1 $scratch/functions/_jet
export offered=$scratch/offered finished=$scratch/finished

# Waits until the other shell has said that it is done.
await() {
  local i output
  for ((i = 0; i < 600; i++)); do
    while zpty -r -t inner output; do :; done
    [[ -e $finished ]] && { rm $finished; return 0 }
    sleep 0.02
  done
  print -u2 "completion.zsh: zsh does not answer: $output"
  exit 1
}

zpty inner zsh -f -i
zpty -w inner "PS1=; fpath=($scratch/functions \$fpath); autoload -U compinit; compinit -u -D; . $scratch/setup"
cat >$scratch/setup <<'END'
unsetopt beep list_beep auto_list auto_menu
# Notes the words that match and are offered to the user.
compadd() {
  local -a matching
  if [[ ${@[1,(i)(-|--)]} != *-[OAD]\ * ]]; then
    builtin compadd -O matching "$@"
    (( $#matching )) && print -rN -- $matching >>$offered
  fi
  builtin compadd "$@"
}
complete-and-forget() {
  : >$offered
  zle complete-word
  BUFFER=
  : >$finished
}
zle -N complete-and-forget
bindkey '^I' complete-and-forget
: >$finished
END
await
while IFS= read -r line; do
  zpty -w -n inner $line$'\t'
  await
  words=(${(0)"$(<$offered)"})
  print -r -- ${(pj:\t:)${(@)${(u)words}//$'\n'/\\n}}
done
zpty -d inner
