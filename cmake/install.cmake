# find_package(heddle), and pkg-config, after `cmake --install`.
include(CMakePackageConfigHelpers)

install(TARGETS heddle heddle_preemptible heddle_preemptible_loops EXPORT heddle_targets)
foreach(folder IN LISTS HEDDLE_PUBLIC_INCLUDES)
  install(DIRECTORY ${folder}/heddle DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
endforeach()
install(EXPORT heddle_targets NAMESPACE heddle:: FILE heddle_targets.cmake DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/heddle)
file(WRITE ${PROJECT_BINARY_DIR}/heddleConfig.cmake
  "include(CMakeFindDependencyMacro)\nfind_dependency(Threads)\ninclude(\${CMAKE_CURRENT_LIST_DIR}/heddle_targets.cmake)\n")
write_basic_package_version_file(${PROJECT_BINARY_DIR}/heddleConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/heddleConfig.cmake ${PROJECT_BINARY_DIR}/heddleConfigVersion.cmake
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/heddle)

# The folder of heddle.pc tells where the rest is, so what is installed can be moved.
file(RELATIVE_PATH prefix_from_pc /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
# As the target heddle::heddle does it: CMakeLists.txt says why. The linker ignores -Bsymbolic-functions in what is no shared library.
set(definitions "")
set(symbolic " -Wl,-Bsymbolic-functions")
if(BUILD_SHARED_LIBS)
  set(definitions " -DHEDDLE_SHARED")
  set(symbolic "")
endif()
configure_file(cmake/heddle.pc.in ${PROJECT_BINARY_DIR}/heddle.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/heddle.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
