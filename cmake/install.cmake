# find_package(heddle) after `cmake --install`.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

install(TARGETS heddle EXPORT heddle_targets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
foreach(folder IN LISTS HEDDLE_PUBLIC_INCLUDES)
  install(DIRECTORY ${folder}/heddle DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
endforeach()
install(EXPORT heddle_targets NAMESPACE heddle:: FILE heddle_targets.cmake DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/heddle)
file(WRITE ${PROJECT_BINARY_DIR}/heddleConfig.cmake
  "include(CMakeFindDependencyMacro)\nfind_dependency(Threads)\ninclude(\${CMAKE_CURRENT_LIST_DIR}/heddle_targets.cmake)\n")
write_basic_package_version_file(${PROJECT_BINARY_DIR}/heddleConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/heddleConfig.cmake ${PROJECT_BINARY_DIR}/heddleConfigVersion.cmake
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/heddle)
