# find_package(ridgeline): the targets ridgeline::{model,search,io,engine}.
if(NOT TARGET ridgeline_onnx)
  include("${CMAKE_CURRENT_LIST_DIR}/RidgelineDependencies.cmake")
endif()
if(NOT DEFINED ridgeline_NOT_FOUND_MESSAGE)
  include("${CMAKE_CURRENT_LIST_DIR}/ridgelineTargets.cmake")
endif()
