# Runs while pillard is installed. A configuration that is there already is an operator's: it stays as it is, and where
# the new one differs it is laid beside it as NAME.new.
set(etc "${pillard_etc}")
cmake_path(ABSOLUTE_PATH etc BASE_DIRECTORY "${CMAKE_INSTALL_PREFIX}" NORMALIZE)

function(pillard_install_ini folder source)
  cmake_path(GET source FILENAME name)
  set(standing "$ENV{DESTDIR}${folder}/${name}")
  if(EXISTS "${standing}")
    file(SHA256 "${standing}" old)
    file(SHA256 "${source}" new)
    if(old STREQUAL new)
      return()
    endif()
    set(name "${name}.new")
    message(STATUS "Kept: ${standing}")
  endif()
  file(INSTALL DESTINATION "${folder}" TYPE FILE RENAME "${name}" FILES "${source}")
endfunction()

pillard_install_ini("${etc}" "${pillard_build}/etc/pillard.ini")
file(GLOB plugins "${pillard_source}/etc/conf.d/*.ini")
foreach(plugin IN LISTS plugins)
  pillard_install_ini("${etc}/conf.d" "${plugin}")
endforeach()

# The unit names where it was installed to.
file(READ "${pillard_source}/etc/pillard.service" unit)
string(REPLACE "/usr/bin/pillard" "${CMAKE_INSTALL_PREFIX}/bin/pillard" unit "${unit}")
string(REPLACE "/etc/pillard/pillard.ini" "${etc}/pillard.ini" unit "${unit}")
set(unit_file "${CMAKE_INSTALL_PREFIX}/lib/systemd/system/pillard.service")
file(WRITE "$ENV{DESTDIR}${unit_file}" "${unit}")
list(APPEND CMAKE_INSTALL_MANIFEST_FILES "${unit_file}")
message(STATUS "Installing: $ENV{DESTDIR}${unit_file}")
