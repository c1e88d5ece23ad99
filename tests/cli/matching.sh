# shellcheck shell=bash
# What tests/cli/run-script and tests/docs/run-page compare with. "..." stands for any text within a line; a line of
# nothing else, for any number of lines.

# Turns a file of expected lines into an extended regular expression.
expression() {
  local line c all=
  while IFS= read -r line; do
    if [ "$line" = ... ]; then
      all+=$'([^\n]*\n)*'
      continue
    fi
    line=${line//.../$'\001'}
    # shellcheck disable=SC1003  # a backslash
    for c in '\' '.' '[' ']' '(' ')' '{' '}' '*' '+' '?' '^' '$' '|'; do line=${line//"$c"/"\\$c"}; done
    all+=${line//$'\001'/$'[^\n]*'}$'\n'
  done <"$1"
  printf '%s' "^$all\$"
}

# True when the file of actual lines is what the file of expected lines asks for. usage: matches EXPECTED ACTUAL
matches() {
  local actual
  IFS= read -r -d '' actual <"$2"
  [ -z "$actual" ] || actual=${actual%$'\n'}$'\n'
  [[ $actual =~ $(expression "$1") ]]
}
