# Three programs (engine/start/): `ridgeline`, which people start, without MPI, HDF5, ONNX and TBB,
# whose loading takes longer than mapping a layer; `ridgeline-onnx` with ONNX, which takes its place
# for models; and `ridgeline-full` with everything, for studies.
include(GNUInstallDirs)

add_executable(ridgeline_full engine/main.cpp engine/start/before_libraries.cpp)
target_link_libraries(ridgeline_full PRIVATE ridgeline_engine)
set_target_properties(ridgeline_full PROPERTIES OUTPUT_NAME ridgeline-full)

# engine/start/left_out*.cpp stand in for the functions that need those libraries: the linker takes
# the first definition, drops the others with all that only they reach, and refuses to link where
# something that is left still needs one of the libraries.
set_source_files_properties(
  io/onnx/graph_builder.cpp io/onnx/graph_tensors.cpp io/onnx/onnx_graph.cpp
  io/onnx/onnx_inference.cpp io/onnx/stored_elements.cpp io/results/study_file_read.cpp
  io/results/study_file_write.cpp engine/explore/transport.cpp
  PROPERTIES COMPILE_OPTIONS "-ffunction-sections;-fdata-sections")
find_package(Threads REQUIRED)
file(RELATIVE_PATH _libexec_from_bin
  "/${CMAKE_INSTALL_BINDIR}" "/${CMAKE_INSTALL_LIBEXECDIR}/ridgeline")
set_source_files_properties(engine/start/other_program.cpp PROPERTIES COMPILE_DEFINITIONS
  "RIDGELINE_LIBEXEC_FROM_BIN=\"${_libexec_from_bin}\";RIDGELINE_BUILT_IN=\"$<TARGET_FILE_DIR:ridgeline_full>\"")
# `ridgeline_starter(<target> <name of the program> <sources of what is left out>...)`. The libraries
# that both have are linked in where they can be: each that is loaded takes a quarter of a
# millisecond, the C++ library three times as long.
set(RIDGELINE_ALL_STATIC TRUE)
function(ridgeline_starter target name)
  add_executable(${target}
    engine/start/start.cpp engine/start/before_libraries.cpp engine/start/other_program.cpp
    engine/start/left_out.cpp engine/start/plain_team.cpp ${ARGN})
  set_target_properties(${target} PROPERTIES OUTPUT_NAME ${name})
  target_compile_definitions(${target} PRIVATE "RIDGELINE_PROGRAM=\"${name}\"")
  target_link_options(${target} PRIVATE -Wl,-z,muldefs -Wl,--gc-sections)
  foreach(floor engine io search model)  # as files, so that their libraries do not come along
    target_include_directories(${target} PRIVATE "${CMAKE_BINARY_DIR}/include/${floor}")
    target_link_libraries(${target} PRIVATE "$<TARGET_FILE:ridgeline_${floor}>")
    set_property(TARGET ${target} APPEND PROPERTY LINK_DEPENDS "$<TARGET_FILE:ridgeline_${floor}>")
  endforeach()
  target_link_libraries(${target} PRIVATE nlohmann_json::nlohmann_json Threads::Threads)
  foreach(library yaml-cpp Boost::program_options)
    string(REPLACE "Boost::" "boost_" file "${library}")
    string(MAKE_C_IDENTIFIER "RIDGELINE_STATIC_${file}" place)
    find_library(${place} NAMES lib${file}.a)
    mark_as_advanced(${place})
    if(${place})
      target_link_libraries(${target} PRIVATE "${${place}}")
    else()
      set(RIDGELINE_ALL_STATIC FALSE PARENT_SCOPE)
      target_link_libraries(${target} PRIVATE ${library})
    endif()
  endforeach()
endfunction()

ridgeline_starter(ridgeline_onnx_program ridgeline-onnx)
target_link_libraries(ridgeline_onnx_program PRIVATE ridgeline_onnx)

ridgeline_starter(ridgeline ridgeline engine/start/left_out_models.cpp)
add_dependencies(ridgeline ridgeline_onnx_program ridgeline_full)
include(CheckCXXSourceCompiles)
set(CMAKE_REQUIRED_LINK_OPTIONS -static)
check_cxx_source_compiles("#include <iostream>\n#include <thread>\n#include <cmath>\nint main(int n, char**) {
  std::thread([n] { std::cout << std::exp(n); }).join(); }" RIDGELINE_LINKS_STATIC)
unset(CMAKE_REQUIRED_LINK_OPTIONS)
if(RIDGELINE_ALL_STATIC AND RIDGELINE_LINKS_STATIC)
  target_link_options(ridgeline PRIVATE -static)
else()
  target_link_options(ridgeline PRIVATE -static-libstdc++ -static-libgcc)
endif()
