#compdef jet-ima-boot
# Completion for zsh of jet-ima-boot.
local -a commands=(
  'enable:have a policy loaded at every boot, if everything here may still run under it'
  'disable:have no policy loaded from the next boot on'
  'status:say whether one is, and how keystore, keyring and kernel stand'
  'export-certificates:write the certificates of the keystore into a folder'
)
local curcontext=$curcontext state
_arguments -C '(- *)'{-h,--help}'[say how it is called]' '1: :->command' '*:: :->arguments' && return
case $state:$words[1] in
  command:*) _describe -t commands command commands ;;
  arguments:enable)
    _arguments '--policy=[load this policy]:policy:_files' \
      '--stop-boot-on-failure[stop the boot when keys, policy or pin fail]'
    ;;
  arguments:export-certificates) _arguments '1:folder:_files -/' ;;
esac
