# Two programs: `ridgeline`, which people start, without MPI, HDF5 and protobuf, whose loading takes
# longer than mapping a layer; and `ridgeline-full` with everything, which takes its place for
# studies and ONNX models (engine/start/).
include(GNUInstallDirs)

add_executable(ridgeline_full engine/main.cpp engine/start/before_libraries.cpp)
target_link_libraries(ridgeline_full PRIVATE ridgeline_engine)
set_target_properties(ridgeline_full PROPERTIES OUTPUT_NAME ridgeline-full)

# engine/start/left_out.cpp stands in for the functions that need those libraries: the linker takes
# the first definition, drops the others with all that only they reach, and refuses to link where
# something that is left still needs one of the libraries.
set_source_files_properties(
  io/onnx/graph_builder.cpp io/onnx/graph_tensors.cpp io/onnx/onnx_graph.cpp
  io/onnx/onnx_inference.cpp io/onnx/stored_elements.cpp io/results/study_file_read.cpp
  io/results/study_file_write.cpp engine/explore/transport.cpp
  PROPERTIES COMPILE_OPTIONS "-ffunction-sections;-fdata-sections")
add_executable(ridgeline
  engine/start/start.cpp engine/start/before_libraries.cpp engine/start/full_program.cpp
  engine/start/left_out.cpp)
add_dependencies(ridgeline ridgeline_full)
file(RELATIVE_PATH _libexec_from_bin
  "/${CMAKE_INSTALL_BINDIR}" "/${CMAKE_INSTALL_LIBEXECDIR}/ridgeline")
set_source_files_properties(engine/start/full_program.cpp PROPERTIES COMPILE_DEFINITIONS
  "RIDGELINE_LIBEXEC_FROM_BIN=\"${_libexec_from_bin}\";RIDGELINE_FULL_BUILT=\"$<TARGET_FILE:ridgeline_full>\"")
target_link_options(ridgeline PRIVATE -Wl,-z,muldefs -Wl,--gc-sections)
foreach(_floor engine io search model)  # as files, so that their libraries do not come along
  target_include_directories(ridgeline PRIVATE "${CMAKE_BINARY_DIR}/include/${_floor}")
  target_link_libraries(ridgeline PRIVATE "$<TARGET_FILE:ridgeline_${_floor}>")
  set_property(TARGET ridgeline APPEND PROPERTY LINK_DEPENDS "$<TARGET_FILE:ridgeline_${_floor}>")
endforeach()
target_link_libraries(ridgeline PRIVATE nlohmann_json::nlohmann_json yaml-cpp TBB::tbb
  Boost::program_options)
