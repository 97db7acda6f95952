# `cmake --install build` and, for others, `find_package(ridgeline)`, which gives
#   ridgeline::ridgeline   the library with the stable interface (ridgeline/ridgeline.h, .hpp)
#   ridgeline::model, ridgeline::search, ridgeline::io, ridgeline::engine
#                          the floors, whose headers promise nothing from one version to the next;
#                          only where their dependencies are found
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(_ridgeline_cmake_dir "${CMAKE_INSTALL_LIBDIR}/cmake/ridgeline")

install(TARGETS ridgeline RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}")
install(TARGETS ridgeline_shared EXPORT ridgelineTargets
  LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}")
install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/ridgeline"
  DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
if(TARGET ridgeline_full)
  install(TARGETS ridgeline_onnx_program ridgeline_full
    RUNTIME DESTINATION "${CMAKE_INSTALL_LIBEXECDIR}/ridgeline")
endif()
install(TARGETS ridgeline_model ridgeline_search ridgeline_io ridgeline_engine
  EXPORT ridgelineFloors ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}")
foreach(folder model search io engine)
  install(DIRECTORY "${PROJECT_SOURCE_DIR}/${folder}"
    DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}/ridgeline" FILES_MATCHING PATTERN "*.hpp")
endforeach()
# Everything lies under include/ridgeline, and headers name each other so: whoever has a
# model/layer.hpp of their own gets no other's.
install(CODE "
  file(GLOB_RECURSE headers
    \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_INCLUDEDIR}/ridgeline/*.hpp\")
  foreach(header IN LISTS headers)
    file(READ \"\${header}\" text)
    string(REGEX REPLACE \"#include \\\"(model|search|io|engine)/\" \"#include \\\"ridgeline/\\\\1/\"
      text \"\${text}\")
    file(WRITE \"\${header}\" \"\${text}\")
  endforeach()")
install(DIRECTORY "${PROJECT_SOURCE_DIR}/examples"
  DESTINATION "${CMAKE_INSTALL_DATADIR}/ridgeline" PATTERN "results" EXCLUDE)
install(FILES "${PROJECT_SOURCE_DIR}/LICENSE" DESTINATION "${CMAKE_INSTALL_DOCDIR}")

install(EXPORT ridgelineTargets NAMESPACE ridgeline:: DESTINATION "${_ridgeline_cmake_dir}")
install(EXPORT ridgelineFloors NAMESPACE ridgeline:: DESTINATION "${_ridgeline_cmake_dir}")
write_basic_package_version_file("${PROJECT_BINARY_DIR}/ridgelineConfigVersion.cmake"
  COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_SOURCE_DIR}/cmake/ridgelineConfig.cmake"
  "${PROJECT_SOURCE_DIR}/cmake/RidgelineDependencies.cmake"
  "${PROJECT_BINARY_DIR}/ridgelineConfigVersion.cmake"
  DESTINATION "${_ridgeline_cmake_dir}")
