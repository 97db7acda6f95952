# find_package(ridgeline): the target ridgeline::ridgeline, which needs nothing else. The floors,
# ridgeline::{model,search,io,engine}, where what they are built on is found; find_package(ridgeline
# COMPONENTS floors) fails where it is not.
include("${CMAKE_CURRENT_LIST_DIR}/ridgelineTargets.cmake")

if(NOT TARGET ridgeline_onnx)
  # A file of its own returns from here where something is missing.
  include("${CMAKE_CURRENT_LIST_DIR}/RidgelineDependencies.cmake")
endif()
if(NOT DEFINED ridgeline_NOT_FOUND_MESSAGE)
  include("${CMAKE_CURRENT_LIST_DIR}/ridgelineFloors.cmake")
elseif(NOT "floors" IN_LIST ridgeline_FIND_COMPONENTS)
  set(ridgeline_FOUND TRUE)
  unset(ridgeline_NOT_FOUND_MESSAGE)
endif()
