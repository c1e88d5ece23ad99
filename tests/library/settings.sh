# Sourced by the tests of the installed library. The environment is set by CMakeLists.txt.
# shellcheck shell=bash disable=SC2034  # used where it is sourced
set -u -o pipefail

readonly source_dir=${JET_SOURCE_DIR:?} build_dir=${JET_BUILD_DIR:?} scratch=${JET_LIBRARY_SCRATCH:?}
readonly prefix=$scratch/prefix examples=$scratch/examples
readonly compiler=${CXX:-g++}
export PKG_CONFIG_PATH=$prefix/${JET_LIBRARY_FOLDER:?}/pkgconfig
sanitize=()
[ -z "${JET_SANITIZE:-}" ] || sanitize=("-fsanitize=$JET_SANITIZE")
failures=0

fail() {
  printf 'FAILED: %s\n' "$*" >&2
  failures=$((failures + 1))
}

# Ends the test and says what it found: finish WHAT
finish() {
  [ "$failures" -eq 0 ] || exit 1
  printf '%s\n' "$1"
}

# Configures a project against the installed library: configure SOURCE-FOLDER BUILD-FOLDER
configure() {
  cmake -S "$1" -B "$2" -G Ninja -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_BUILD_TYPE=None \
    -DCMAKE_CXX_COMPILER="$compiler" -DCMAKE_CXX_FLAGS="-Wall -Wextra -Werror ${sanitize[*]}"
}
