# What a plugin's CMakeLists.txt calls. The same file serves pillard's own tree and the installed SDK.

# pillard_add_plugin(NAME source...)
#   A loadable plugin NAME.so: hidden by default, without unique symbols (g++ would otherwise keep old code mapped when
#   a file is replaced), every symbol resolved at link time. It carries no path: the daemon that maps it has the SDK's
#   library already, so what was built can be shipped as it is.
function(pillard_add_plugin name)
  if(NOT name MATCHES "^[a-z0-9-]+$")
    message(FATAL_ERROR "pillard_add_plugin: \"${name}\": a plugin's name has characters from a-z, 0-9 and '-'")
  endif()
  add_library(${name} MODULE ${ARGN})
  target_link_libraries(${name} PRIVATE pillard::sdk)
  target_compile_options(${name} PRIVATE -fno-gnu-unique)
  set_target_properties(${name} PROPERTIES PREFIX "" CXX_STANDARD 20 CXX_STANDARD_REQUIRED ON CXX_EXTENSIONS OFF
                                           POSITION_INDEPENDENT_CODE ON CXX_VISIBILITY_PRESET hidden
                                           VISIBILITY_INLINES_HIDDEN ON SKIP_BUILD_RPATH ON)
  if(NOT PILLARD_SANITIZE)
    target_link_options(${name} PRIVATE -Wl,-z,defs)
  endif()
  if(PILLARD_PLUGIN_DIRECTORY)
    set_target_properties(${name} PROPERTIES LIBRARY_OUTPUT_DIRECTORY "${PILLARD_PLUGIN_DIRECTORY}")
  endif()
endfunction()

# pillard_add_plugin_test(NAME source...)
#   A GoogleTest executable NAME-test of what NAME.so was made of (nothing is compiled twice), FakeHost and these
#   sources, and a CTest entry of that name. With an installed daemon there is a second entry, NAME-loads: the loader's
#   own checks of NAME.so, with sample.ini if there is one.
function(pillard_add_plugin_test name)
  if(DEFINED PILLARD_TESTS AND NOT PILLARD_TESTS)
    return()
  endif()
  if(NOT TARGET ${name})
    message(FATAL_ERROR "pillard_add_plugin_test: ${name}: call pillard_add_plugin(${name} ...) before")
  endif()
  find_package(GTest REQUIRED)
  add_executable(${name}-test ${ARGN} $<TARGET_OBJECTS:${name}>)
  target_link_libraries(${name}-test PRIVATE $<TARGET_PROPERTY:${name},LINK_LIBRARIES> pillard::testing GTest::gmock
                                             GTest::gtest_main)
  target_include_directories(${name}-test PRIVATE "${CMAKE_CURRENT_SOURCE_DIR}/src"
                                                  $<TARGET_PROPERTY:${name},INCLUDE_DIRECTORIES>)
  target_compile_definitions(${name}-test PRIVATE PILLARD_PLUGIN_FOLDER="${CMAKE_CURRENT_SOURCE_DIR}")
  set_target_properties(${name}-test PROPERTIES CXX_STANDARD 20 CXX_STANDARD_REQUIRED ON CXX_EXTENSIONS OFF)
  add_test(NAME ${name}-test COMMAND ${name}-test)
  set_tests_properties(${name}-test PROPERTIES LABELS unit TIMEOUT 120)
  if(PILLARD_EXECUTABLE)
    set(sample "${CMAKE_CURRENT_SOURCE_DIR}/sample.ini")
    if(EXISTS "${sample}")
      set(sample --config "${sample}")
    else()
      set(sample "")
    endif()
    add_test(NAME ${name}-loads COMMAND "${PILLARD_EXECUTABLE}" --check-plugin $<TARGET_FILE:${name}> ${sample})
    set_tests_properties(${name}-loads PROPERTIES TIMEOUT 60)
  endif()
endfunction()
