# One function per kind of target. Every direct dependency is listed at the target: CMake does not
# check that, the layering test (tests/layering) does.

# Flags that every target of the project is built with.
add_library(jet_flags INTERFACE)
target_compile_features(jet_flags INTERFACE cxx_std_20)
target_compile_options(jet_flags INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion
  -Wnon-virtual-dtor -Woverloaded-virtual -fstack-protector-strong)
# g++ 12 sees uninitialised strings in StatusOr's moves that are none; clang's analyser (the tidy
# preset) and the sanitizers look for real ones.
target_compile_options(jet_flags INTERFACE $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
target_compile_definitions(jet_flags INTERFACE _FILE_OFFSET_BITS=64
  $<$<NOT:$<CONFIG:Debug>>:_FORTIFY_SOURCE=2>)
target_include_directories(jet_flags INTERFACE ${PROJECT_SOURCE_DIR})
if(JET_WARNINGS_AS_ERRORS)
  target_compile_options(jet_flags INTERFACE -Werror)
endif()
if(JET_SANITIZE)
  target_compile_options(jet_flags INTERFACE -fsanitize=${JET_SANITIZE} -fno-sanitize-recover=all
    -fno-omit-frame-pointer)
  target_link_options(jet_flags INTERFACE -fsanitize=${JET_SANITIZE})
endif()
target_link_options(jet_flags INTERFACE -Wl,-z,relro,-z,now -Wl,--as-needed)

# Headers that nearly every source includes are parsed once, where JET_PRECOMPILE_HEADERS says so. A
# source that forgets to include one of them compiles all the same: a build without the option finds it.
#   jet_precompiled            for the libraries and the programs
#   jet_precompiled_installed  for the libraries that are installed, which are position-independent
#   jet_precompiled_test       for the tests
function(jet_precompiled_headers name)
  if(JET_PRECOMPILE_HEADERS)
    cmake_parse_arguments(ARG "" "" "HEADERS;DEPS" ${ARGN})
    add_library(${name} STATIC ${PROJECT_SOURCE_DIR}/cmake/precompiled.cc)
    target_link_libraries(${name} PRIVATE jet_flags ${ARG_DEPS})
    target_precompile_headers(${name} PRIVATE ${ARG_HEADERS})
  endif()
endfunction()

set(jet_precompiled_headers <algorithm> <filesystem> <functional> <map> <memory> <mutex> <string>
  <thread> <vector> <absl/functional/function_ref.h> <absl/status/statusor.h> <absl/strings/match.h>
  <absl/strings/str_cat.h> <absl/strings/str_join.h> <absl/strings/str_split.h>
  <absl/time/time.h> <absl/types/optional.h> <absl/types/span.h>)
jet_precompiled_headers(jet_precompiled HEADERS ${jet_precompiled_headers} DEPS jet_absl)
jet_precompiled_headers(jet_precompiled_installed HEADERS ${jet_precompiled_headers} DEPS jet_absl)
if(JET_PRECOMPILE_HEADERS)
  set_target_properties(jet_precompiled_installed PROPERTIES POSITION_INDEPENDENT_CODE ON)
endif()
if(JET_BUILD_TESTS)
  jet_precompiled_headers(jet_precompiled_test
    HEADERS ${jet_precompiled_headers} <gmock/gmock.h> <gtest/gtest.h> DEPS jet_absl GTest::gmock)
endif()

function(jet_precompile target headers)
  if(JET_PRECOMPILE_HEADERS)
    target_precompile_headers(${target} REUSE_FROM ${headers})
  endif()
endfunction()

# jet_library(NAME sources... DEPS libraries... [PUBLIC_HEADERS headers...]): a static library, one per folder.
# With PUBLIC_HEADERS it is installed, and they are (cmake/InstallLibrary.cmake).
function(jet_library name)
  cmake_parse_arguments(ARG "" "" "DEPS;PUBLIC_HEADERS" ${ARGN})
  add_library(jet_${name} STATIC ${ARG_UNPARSED_ARGUMENTS})
  add_library(jet::${name} ALIAS jet_${name})
  if(ARG_PUBLIC_HEADERS)
    jet_install_library(${name} DEPS ${ARG_DEPS} HEADERS ${ARG_PUBLIC_HEADERS})
    jet_precompile(jet_${name} jet_precompiled_installed)
  else()
    target_link_libraries(jet_${name} PUBLIC jet_flags ${ARG_DEPS})
    jet_precompile(jet_${name} jet_precompiled)
  endif()
endfunction()

# jet_executable(NAME sources... DEPS libraries...)
function(jet_executable name)
  cmake_parse_arguments(ARG "" "" "DEPS" ${ARGN})
  add_executable(${name} ${ARG_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PRIVATE jet_flags ${ARG_DEPS})
  jet_precompile(${name} jet_precompiled)
endfunction()

# jet_timeout(VARIABLE SECONDS): the seconds that a test may take where it takes this many without a sanitizer.
function(jet_timeout variable seconds)
  if(JET_SANITIZE)
    math(EXPR seconds "${seconds} * 5")
  endif()
  set(${variable} ${seconds} PARENT_SCOPE)
endfunction()

# jet_gtest(NAME sources... DEPS libraries... [LABELS labels...] [TIMEOUT seconds] [SERIAL] [WHOLE]
#           [PROGRAM])
# A GoogleTest program. ctest runs each test of it by itself, or, with WHOLE, all in one process.
# PROGRAM: it runs the program, which is then built first.
# SERIAL: changes what the whole machine shares (keyrings), so nothing else runs beside it.
function(jet_gtest name)
  cmake_parse_arguments(ARG "SERIAL;WHOLE;PROGRAM" "TIMEOUT" "DEPS;LABELS" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  add_executable(${name} ${ARG_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PRIVATE jet_flags ${ARG_DEPS} GTest::gmock GTest::gtest_main)
  jet_precompile(${name} jet_precompiled_test)
  target_compile_definitions(${name} PRIVATE
    JET_BINARY="$<TARGET_FILE:jet>" JET_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  if(ARG_PROGRAM)
    add_dependencies(${name} jet)
  endif()
  jet_timeout(timeout ${ARG_TIMEOUT})
  set(properties TIMEOUT ${timeout})
  if(ARG_LABELS)
    list(APPEND properties LABELS "${ARG_LABELS}")
  endif()
  if(ARG_SERIAL)
    list(APPEND properties RUN_SERIAL TRUE)
  endif()
  if(ARG_WHOLE)
    add_test(NAME ${name} COMMAND ${name})
    set_tests_properties(${name} PROPERTIES ${properties})
  else()
    gtest_discover_tests(${name} TEST_PREFIX ${name}. DISCOVERY_TIMEOUT 60 PROPERTIES ${properties})
  endif()
endfunction()

# jet_text_scripts(LABEL): registers every *.txt of the folder as a test LABEL.NAME, run by
# tests/cli/run-script with the program that was built. Sets `jet_script_tests` to their names.
function(jet_text_scripts label)
  file(GLOB scripts CONFIGURE_DEPENDS RELATIVE ${CMAKE_CURRENT_SOURCE_DIR} *.txt)
  list(REMOVE_ITEM scripts CMakeLists.txt)
  set(names)
  foreach(script IN LISTS scripts)
    cmake_path(GET script STEM name)
    add_test(NAME ${label}.${name} COMMAND
      ${PROJECT_SOURCE_DIR}/tests/cli/run-script ${CMAKE_CURRENT_SOURCE_DIR}/${script})
    list(APPEND names ${label}.${name})
  endforeach()
  jet_timeout(timeout 120)
  set_tests_properties(${names} PROPERTIES TIMEOUT ${timeout} LABELS ${label}
    ENVIRONMENT "JET_BIN=$<TARGET_FILE:jet>;JET_SOURCE_DIR=${PROJECT_SOURCE_DIR}")
  set(jet_script_tests ${names} PARENT_SCOPE)
endfunction()
