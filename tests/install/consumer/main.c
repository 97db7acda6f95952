/* The C interface as another project's C compiler sees it. */
#include <ridgeline/ridgeline.h>
#include <stdio.h>
#include <string.h>

int main(void) {
  ridgeline_result *result = ridgeline_evaluate("{\"workload\": \"none.onnx\"}", NULL);
  const ridgeline_problem *problem = ridgeline_error(result);
  int right = ridgeline_abi() == RIDGELINE_ABI && strlen(ridgeline_version()) > 0 &&
              ridgeline_status(result) == RIDGELINE_USAGE && problem != NULL &&
              strstr(problem->message, "accelerator") != NULL && ridgeline_text(result) == NULL;
  ridgeline_free(result);
  puts(right ? "right" : "wrong");
  return right ? 0 : 1;
}
