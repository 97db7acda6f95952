# `cmake --install build` and, for others, `find_package(ridgeline)`, which gives the targets
# ridgeline::model, ridgeline::search, ridgeline::io and ridgeline::engine.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(_ridgeline_cmake_dir "${CMAKE_INSTALL_LIBDIR}/cmake/ridgeline")

install(TARGETS ridgeline RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}")
install(TARGETS ridgeline_model ridgeline_search ridgeline_io ridgeline_engine
  EXPORT ridgelineTargets ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}")
foreach(folder model search io engine)
  install(DIRECTORY "${PROJECT_SOURCE_DIR}/${folder}"
    DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}/ridgeline" FILES_MATCHING PATTERN "*.hpp")
endforeach()
install(DIRECTORY "${PROJECT_SOURCE_DIR}/examples"
  DESTINATION "${CMAKE_INSTALL_DATADIR}/ridgeline" PATTERN "results" EXCLUDE)
install(FILES "${PROJECT_SOURCE_DIR}/LICENSE" DESTINATION "${CMAKE_INSTALL_DOCDIR}")

install(EXPORT ridgelineTargets NAMESPACE ridgeline:: DESTINATION "${_ridgeline_cmake_dir}")
write_basic_package_version_file("${PROJECT_BINARY_DIR}/ridgelineConfigVersion.cmake"
  COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_SOURCE_DIR}/cmake/ridgelineConfig.cmake"
  "${PROJECT_SOURCE_DIR}/cmake/RidgelineDependencies.cmake"
  "${PROJECT_BINARY_DIR}/ridgelineConfigVersion.cmake"
  DESTINATION "${_ridgeline_cmake_dir}")
