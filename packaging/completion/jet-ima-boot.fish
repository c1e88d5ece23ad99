# Completion for fish of jet-ima-boot.
set -l commands enable disable status export-certificates
complete -c jet-ima-boot -f
complete -c jet-ima-boot -n "not __fish_seen_subcommand_from $commands" -s h -l help -d 'say how it is called'
complete -c jet-ima-boot -n "not __fish_seen_subcommand_from $commands" -a enable \
    -d 'have a policy loaded at every boot, if everything here may still run under it'
complete -c jet-ima-boot -n "not __fish_seen_subcommand_from $commands" -a disable \
    -d 'have no policy loaded from the next boot on'
complete -c jet-ima-boot -n "not __fish_seen_subcommand_from $commands" -a status \
    -d 'say whether one is, and how keystore, keyring and kernel stand'
complete -c jet-ima-boot -n "not __fish_seen_subcommand_from $commands" -a export-certificates \
    -d 'write the certificates of the keystore into a folder'
complete -c jet-ima-boot -n '__fish_seen_subcommand_from enable' -l policy -r -F -d 'load this policy'
complete -c jet-ima-boot -n '__fish_seen_subcommand_from enable' -l stop-boot-on-failure \
    -d 'stop the boot when keys, policy or pin fail'
complete -c jet-ima-boot -n '__fish_seen_subcommand_from export-certificates' -a '(__fish_complete_directories (commandline -ct))'
