# The libraries this project stands on: Debian 12's packages.

# jet_installed_as(DEPENDENCY TARGETS targets... MODULES modules...): what stands for DEPENDENCY of the build where the
# library is installed: targets that cmake/JetImaConfig.cmake.in finds, and modules of pkg-config.
function(jet_installed_as dependency)
  cmake_parse_arguments(ARG "" "" "TARGETS;MODULES" ${ARGN})
  set(JET_TARGETS_OF_${dependency} ${ARG_TARGETS} PARENT_SCOPE)
  set(JET_MODULES_OF_${dependency} ${ARG_MODULES} PARENT_SCOPE)
endfunction()

find_package(OpenSSL 3.0 REQUIRED)
jet_installed_as(OpenSSL::Crypto TARGETS OpenSSL::Crypto MODULES "libcrypto >= 3.0")
find_package(Threads REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(ATTR REQUIRED IMPORTED_TARGET libattr)
jet_installed_as(PkgConfig::ATTR TARGETS PkgConfig::JetIma_libattr MODULES libattr)
pkg_check_modules(KEYUTILS REQUIRED IMPORTED_TARGET libkeyutils)
jet_installed_as(PkgConfig::KEYUTILS TARGETS PkgConfig::JetIma_libkeyutils MODULES libkeyutils)
# Only the headers: the shared library would be loaded at every start for a file that is mostly not
# there, and it is built with exceptions.
find_path(TOMLPLUSPLUS_INCLUDE_DIR toml++/toml.h REQUIRED)
add_library(jet_tomlplusplus INTERFACE)
target_include_directories(jet_tomlplusplus SYSTEM INTERFACE ${TOMLPLUSPLUS_INCLUDE_DIR})
# For /proc/config.gz only; static for the same reason.
find_path(ZLIB_INCLUDE_DIR zlib.h REQUIRED)
find_library(ZLIB_ARCHIVE libz.a REQUIRED)
add_library(jet_zlib INTERFACE)
target_include_directories(jet_zlib SYSTEM INTERFACE ${ZLIB_INCLUDE_DIR})
target_link_libraries(jet_zlib INTERFACE ${ZLIB_ARCHIVE})
jet_installed_as(jet_zlib TARGETS ZLIB::ZLIB MODULES zlib)
# For fs-verity digests of files on which fs-verity is not enabled; static for the same reason.
find_path(FSVERITY_INCLUDE_DIR libfsverity.h REQUIRED)
find_library(FSVERITY_ARCHIVE libfsverity.a REQUIRED)
add_library(jet_fsverity STATIC IMPORTED)
set_target_properties(jet_fsverity PROPERTIES IMPORTED_LOCATION ${FSVERITY_ARCHIVE}
  INTERFACE_INCLUDE_DIRECTORIES ${FSVERITY_INCLUDE_DIR} INTERFACE_LINK_LIBRARIES OpenSSL::Crypto)
jet_installed_as(jet_fsverity TARGETS PkgConfig::JetIma_libfsverity MODULES libfsverity)
find_path(CLI11_INCLUDE_DIR CLI/CLI.hpp REQUIRED)
add_library(jet_cli11 INTERFACE)
target_include_directories(jet_cli11 SYSTEM INTERFACE ${CLI11_INCLUDE_DIR})

# Abseil is linked statically: it starts a command about 1.4 ms faster than the shared libraries do.
set(JET_ABSL_MODULES absl_status absl_statusor absl_strings absl_time absl_span absl_optional absl_function_ref
  absl_flat_hash_set)
pkg_check_modules(ABSL REQUIRED ${JET_ABSL_MODULES})
set(absl_archives)
foreach(library IN LISTS ABSL_STATIC_LIBRARIES)
  if(library MATCHES "^absl_")
    find_library(ARCHIVE_${library} lib${library}.a REQUIRED)
    list(APPEND absl_archives ${ARCHIVE_${library}})
  endif()
endforeach()
list(REMOVE_DUPLICATES absl_archives)
add_library(jet_absl INTERFACE)
target_include_directories(jet_absl SYSTEM INTERFACE ${ABSL_INCLUDE_DIRS})
string(REPLACE ";" "," absl_archives "${absl_archives}")
target_link_libraries(jet_absl INTERFACE "$<LINK_GROUP:RESCAN,${absl_archives}>" Threads::Threads)
# Whoever uses the installed library links what else of theirs stands on Abseil, which is there once: as they choose.
list(TRANSFORM JET_ABSL_MODULES REPLACE "^absl_" "absl::" OUTPUT_VARIABLE absl_targets)
# Its names change with each release (absl::lts_20220623): another one would not link.
list(TRANSFORM JET_ABSL_MODULES APPEND " = ${ABSL_absl_status_VERSION}" OUTPUT_VARIABLE absl_modules)
jet_installed_as(jet_absl TARGETS ${absl_targets} Threads::Threads MODULES ${absl_modules})

# The line editor is linked statically for the same reason: few commands ask, all would load it.
find_path(LIBEDIT_INCLUDE_DIR histedit.h REQUIRED)
add_library(jet_libedit INTERFACE)
target_include_directories(jet_libedit SYSTEM INTERFACE ${LIBEDIT_INCLUDE_DIR})
foreach(library IN ITEMS edit bsd md tinfo)
  find_library(ARCHIVE_${library} lib${library}.a REQUIRED)
  target_link_libraries(jet_libedit INTERFACE ${ARCHIVE_${library}})
endforeach()

if(JET_BUILD_TESTS)
  find_package(GTest REQUIRED)
  include(GoogleTest)
endif()
