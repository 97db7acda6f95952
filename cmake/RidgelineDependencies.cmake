# Dependencies, all from Debian 12 packages. A missing one is named with its package.
# Also included by the installed ridgelineConfig.cmake, where a missing one makes
# find_package(ridgeline) fail instead of the configuration.

macro(ridgeline_require package debian)
  find_package(${package} ${ARGN} QUIET)
  if(NOT ${package}_FOUND)
    set(_ridgeline_missing "${package} was not found. On Debian: apt-get install ${debian}")
    if(CMAKE_FIND_PACKAGE_NAME STREQUAL "ridgeline")
      set(ridgeline_FOUND FALSE)
      set(ridgeline_NOT_FOUND_MESSAGE "${_ridgeline_missing}")
      return()
    endif()
    message(FATAL_ERROR "${_ridgeline_missing}")
  endif()
endmacro()

ridgeline_require(nlohmann_json nlohmann-json3-dev)
ridgeline_require(yaml-cpp libyaml-cpp-dev)
ridgeline_require(TBB libtbb-dev)
ridgeline_require(Boost libboost-program-options-dev COMPONENTS program_options)
ridgeline_require(MPI "libopenmpi-dev openmpi-bin" COMPONENTS CXX)
if(NOT CMAKE_C_COMPILER_LOADED)
  enable_language(C)  # FindHDF5 compiles a C program
endif()
set(HDF5_PREFER_PARALLEL OFF)
ridgeline_require(HDF5 libhdf5-dev COMPONENTS C)
# Protobuf first: ONNX's exported target refers to it.
ridgeline_require(Protobuf "libprotobuf-dev protobuf-compiler")
ridgeline_require(ONNX libonnx-dev)

# Third-party headers are not ours to warn about.
add_library(ridgeline_onnx INTERFACE IMPORTED)
target_link_libraries(ridgeline_onnx INTERFACE onnx)
get_target_property(_onnx_includes onnx INTERFACE_INCLUDE_DIRECTORIES)
if(_onnx_includes)
  target_include_directories(ridgeline_onnx SYSTEM INTERFACE ${_onnx_includes})
endif()
add_library(ridgeline_hdf5 INTERFACE IMPORTED)
target_include_directories(ridgeline_hdf5 SYSTEM INTERFACE ${HDF5_C_INCLUDE_DIRS})
target_link_libraries(ridgeline_hdf5 INTERFACE ${HDF5_C_LIBRARIES})

if(RIDGELINE_TESTS)
  ridgeline_require(GTest "libgtest-dev libgmock-dev")
endif()
if(RIDGELINE_BENCH)
  ridgeline_require(benchmark libbenchmark-dev)
endif()
