# Two programs: `ridgeline`, which people start, without MPI, HDF5, protobuf and TBB, whose loading
# takes longer than mapping a layer; and `ridgeline-full` with everything, which takes its place for
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
find_package(Threads REQUIRED)
add_executable(ridgeline
  engine/start/start.cpp engine/start/before_libraries.cpp engine/start/full_program.cpp
  engine/start/left_out.cpp engine/start/plain_team.cpp)
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
target_link_libraries(ridgeline PRIVATE nlohmann_json::nlohmann_json Threads::Threads)
# The other libraries are linked in where they can be: each that is loaded takes a quarter of a
# millisecond, the C++ library three times as long. Where all of them can, nothing is loaded at all.
set(_start_all_static TRUE)
foreach(_library yaml-cpp Boost::program_options)
  string(REPLACE "Boost::" "boost_" _file "${_library}")
  string(MAKE_C_IDENTIFIER "RIDGELINE_STATIC_${_file}" _place)
  find_library(${_place} NAMES lib${_file}.a)
  mark_as_advanced(${_place})
  if(${_place})
    target_link_libraries(ridgeline PRIVATE "${${_place}}")
  else()
    set(_start_all_static FALSE)
    target_link_libraries(ridgeline PRIVATE ${_library})
  endif()
endforeach()
include(CheckCXXSourceCompiles)
set(CMAKE_REQUIRED_LINK_OPTIONS -static)
check_cxx_source_compiles("#include <iostream>\n#include <thread>\n#include <cmath>\nint main(int n, char**) {
  std::thread([n] { std::cout << std::exp(n); }).join(); }" RIDGELINE_LINKS_STATIC)
unset(CMAKE_REQUIRED_LINK_OPTIONS)
if(_start_all_static AND RIDGELINE_LINKS_STATIC)
  target_link_options(ridgeline PRIVATE -static)
else()
  target_link_options(ridgeline PRIVATE -static-libstdc++ -static-libgcc)
endif()
