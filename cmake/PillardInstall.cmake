# cmake --install build/release --prefix PREFIX [--component runtime|sdk]
#   runtime: the daemon, its library, its plugins, their configuration, the systemd unit, the documentation
#   sdk:     what plugins outside of this tree are built with
# Places below PREFIX are fixed, for the daemon finds its library, its plugins and its configuration from where it lies
# itself: a tree that was installed can be moved.
include(CMakePackageConfigHelpers)

set(PILLARD_INSTALL_ETC "etc/pillard" CACHE STRING
    "Where the configuration is installed, below the prefix or absolute (packages: /etc/pillard)")
set(package lib/cmake/pillard-sdk)

# --- runtime ---------------------------------------------------------------------------------------------------------
set_target_properties(pillard PROPERTIES INSTALL_RPATH "$ORIGIN/../lib")
install(TARGETS pillard RUNTIME DESTINATION bin COMPONENT runtime)
install(TARGETS pillard-sdk EXPORT pillard-sdk-targets
        LIBRARY DESTINATION lib COMPONENT runtime NAMELINK_COMPONENT sdk
        INCLUDES DESTINATION include)
get_property(shipped GLOBAL PROPERTY PILLARD_SHIPPED_PLUGINS)
install(TARGETS ${shipped} LIBRARY DESTINATION lib/pillard/plugins COMPONENT runtime)

# Its known_hosts is a source tree's; an installed daemon has the default.
set(here "known_hosts = ../build/known_hosts")
set(remark " This value suits a source tree.")
file(READ "${CMAKE_SOURCE_DIR}/etc/pillard.ini" ini)
foreach(text IN ITEMS "${here}" "${remark}")
  string(FIND "${ini}" "${text}" found)
  if(found EQUAL -1)
    message(FATAL_ERROR "etc/pillard.ini does not say \"${text}\", which is replaced where it is installed")
  endif()
endforeach()
string(REPLACE "${here}" "# known_hosts = /var/lib/pillard/known_hosts" ini "${ini}")
string(REPLACE "${remark}" "" ini "${ini}")
file(CONFIGURE OUTPUT "${CMAKE_BINARY_DIR}/etc/pillard.ini" CONTENT "${ini}" @ONLY)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/etc/pillard.ini")

install(CODE "
  set(pillard_source \"${CMAKE_SOURCE_DIR}\")
  set(pillard_build \"${CMAKE_BINARY_DIR}\")
  set(pillard_etc \"${PILLARD_INSTALL_ETC}\")" COMPONENT runtime)
install(SCRIPT "${CMAKE_SOURCE_DIR}/cmake/InstallConfiguration.cmake" COMPONENT runtime)
install(FILES README.md CHANGELOG.md LICENSE DESTINATION share/doc/pillard COMPONENT runtime)
install(DIRECTORY docs DESTINATION share/doc/pillard COMPONENT runtime)

# --- sdk -------------------------------------------------------------------------------------------------------------
install(TARGETS pillard-testing EXPORT pillard-sdk-targets ARCHIVE DESTINATION lib COMPONENT sdk
        INCLUDES DESTINATION include)
install(DIRECTORY sdk/cpp/include/pillard sdk/cpp/testing/include/pillard DESTINATION include COMPONENT sdk
        FILES_MATCHING PATTERN "*.h")
install(DIRECTORY sdk/cpp/template DESTINATION share/pillard COMPONENT sdk)
install(DIRECTORY sdk/js/types DESTINATION share/pillard/js COMPONENT sdk)
install(EXPORT pillard-sdk-targets NAMESPACE pillard:: DESTINATION ${package} COMPONENT sdk)
set(PILLARD_INSTALLED_DAEMON bin/pillard)
configure_package_config_file(sdk/cpp/cmake/pillard-sdk-config.cmake.in "${CMAKE_BINARY_DIR}/pillard-sdk-config.cmake"
                              INSTALL_DESTINATION ${package} PATH_VARS PILLARD_INSTALLED_DAEMON)
# The same minor version has the same sources; the stamp decides what is loaded.
write_basic_package_version_file("${CMAKE_BINARY_DIR}/pillard-sdk-config-version.cmake" COMPATIBILITY SameMinorVersion)
install(FILES "${CMAKE_BINARY_DIR}/pillard-sdk-config.cmake" "${CMAKE_BINARY_DIR}/pillard-sdk-config-version.cmake"
              sdk/cpp/cmake/PillardPlugin.cmake
        DESTINATION ${package} COMPONENT sdk)

# `pillard new-plugin` of a build tree finds the template where that of an installed one does.
file(MAKE_DIRECTORY "${CMAKE_BINARY_DIR}/share/pillard")
file(CREATE_LINK "${CMAKE_SOURCE_DIR}/sdk/cpp/template" "${CMAKE_BINARY_DIR}/share/pillard/template" SYMBOLIC)
