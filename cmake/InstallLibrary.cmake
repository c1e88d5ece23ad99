# The libraries and headers that are installed for programs of others: component `development`. docs/api/main.md says
# what is promised about them.
include(CMakePackageConfigHelpers)

# The headers include each other as <folder/name.h> here and as <jet-ima/folder/name.h> where they are installed, so that
# they never meet a base/bytes.h of whoever uses them.
set(JET_PUBLIC_INCLUDE_DIR ${PROJECT_BINARY_DIR}/include)
add_library(jet_headers INTERFACE)
set_target_properties(jet_headers PROPERTIES EXPORT_NAME headers)
target_compile_features(jet_headers INTERFACE cxx_std_20)
# struct stat is in a header.
target_compile_definitions(jet_headers INTERFACE _FILE_OFFSET_BITS=64)
target_sources(jet_headers INTERFACE FILE_SET HEADERS BASE_DIRS ${JET_PUBLIC_INCLUDE_DIR})

# jet_install_library(NAME DEPS libraries... HEADERS headers...): installs jet_NAME, which depends on DEPS, and its
# public headers. What they need of other folders is public, too; tests/library checks that.
function(jet_install_library name)
  cmake_parse_arguments(ARG "" "" "DEPS;HEADERS" ${ARGN})
  set_target_properties(jet_${name} PROPERTIES OUTPUT_NAME jet-${name} EXPORT_NAME ${name}
    # It may become part of a shared library: a plugin, a binding to another language.
    POSITION_INDEPENDENT_CODE ON)
  target_link_libraries(jet_${name} PUBLIC $<BUILD_INTERFACE:jet_flags>
    $<INSTALL_INTERFACE:JetIma::headers>)
  foreach(dependency IN LISTS ARG_DEPS)
    if(dependency MATCHES "^jet::")
      target_link_libraries(jet_${name} PUBLIC ${dependency})
    elseif(NOT JET_TARGETS_OF_${dependency})
      message(FATAL_ERROR "cmake/Dependencies.cmake does not say what ${dependency} is installed as")
    else()
      target_link_libraries(jet_${name} PUBLIC $<BUILD_INTERFACE:${dependency}>
        "$<INSTALL_INTERFACE:${JET_TARGETS_OF_${dependency}}>")
      set_property(GLOBAL APPEND PROPERTY JET_PUBLIC_MODULES ${JET_MODULES_OF_${dependency}})
    endif()
  endforeach()
  foreach(header IN LISTS ARG_HEADERS)
    set(installed ${JET_PUBLIC_INCLUDE_DIR}/jet-ima/${name}/${header})
    add_custom_command(OUTPUT ${installed} DEPENDS ${header} VERBATIM
      COMMAND sed -E "s|^#include \"([a-z]+/[a-z0-9_]+\\.h)\"|#include <jet-ima/\\1>|"
        ${CMAKE_CURRENT_SOURCE_DIR}/${header} > ${installed})
    list(APPEND all_installed ${installed})
  endforeach()
  file(MAKE_DIRECTORY ${JET_PUBLIC_INCLUDE_DIR}/jet-ima/${name})
  add_custom_target(jet_${name}_headers ALL DEPENDS ${all_installed})
  target_sources(jet_headers INTERFACE FILE_SET HEADERS FILES ${all_installed})
  set_property(GLOBAL APPEND PROPERTY JET_PUBLIC_LIBRARIES ${name})
endfunction()

# Writes jet-ima.pc, of what the libraries depend on.
function(jet_write_pkg_config libraries)
  get_property(modules GLOBAL PROPERTY JET_PUBLIC_MODULES)
  list(REMOVE_DUPLICATES modules)
  list(JOIN modules ", " JET_PKG_CONFIG_REQUIRES)
  list(TRANSFORM libraries PREPEND "-ljet-")
  # A static library comes before those that it needs.
  list(REVERSE libraries)
  list(JOIN libraries " " JET_PKG_CONFIG_LIBS)
  # Its own place tells the prefix: the tree may be moved.
  cmake_path(RELATIVE_PATH CMAKE_INSTALL_FULL_INCLUDEDIR BASE_DIRECTORY ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig
    OUTPUT_VARIABLE JET_PKG_CONFIG_INCLUDE)
  configure_file(${PROJECT_SOURCE_DIR}/cmake/jet-ima.pc.in ${PROJECT_BINARY_DIR}/jet-ima.pc @ONLY)
endfunction()

# Installs all of it, once every library is declared.
function(jet_install_library_package)
  get_property(libraries GLOBAL PROPERTY JET_PUBLIC_LIBRARIES)
  jet_write_pkg_config("${libraries}")
  install(FILES ${PROJECT_BINARY_DIR}/jet-ima.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig
    COMPONENT development)

  set(package ${CMAKE_INSTALL_LIBDIR}/cmake/JetIma)
  list(TRANSFORM libraries PREPEND jet_)
  install(TARGETS jet_headers ${libraries} EXPORT JetIma
    ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT development
    FILE_SET HEADERS DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT development)
  install(EXPORT JetIma NAMESPACE JetIma:: FILE JetImaTargets.cmake DESTINATION ${package}
    COMPONENT development)
  configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/JetImaConfig.cmake.in
    ${PROJECT_BINARY_DIR}/JetImaConfig.cmake INSTALL_DESTINATION ${package} NO_SET_AND_CHECK_MACRO)
  # Before 1.0 a new minor version may break programs.
  write_basic_package_version_file(${PROJECT_BINARY_DIR}/JetImaConfigVersion.cmake
    COMPATIBILITY SameMinorVersion)
  install(FILES ${PROJECT_BINARY_DIR}/JetImaConfig.cmake ${PROJECT_BINARY_DIR}/JetImaConfigVersion.cmake
    DESTINATION ${package} COMPONENT development)
endfunction()
