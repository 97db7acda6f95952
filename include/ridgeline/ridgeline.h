/* Ridgeline's C interface: what the commands do, as functions.
 *
 * Requests are JSON objects whose keys are the commands' long options ("search_seconds" and
 * "search-seconds" alike; `ridgeline COMMAND --help` lists them). Documents are given as paths or
 * as JSON in their place:
 *
 *     ridgeline_result *r = ridgeline_evaluate(
 *         "{\"workload\": \"resnet18.onnx\", \"accelerator\": \"tpu_like.yaml\","
 *         " \"mapping\": \"tpu_like_mapping.yaml\", \"objective\": \"energy\"}", NULL);
 *     if (ridgeline_status(r) == RIDGELINE_OK) puts(ridgeline_text(r));
 *     else fprintf(stderr, "%s\n", ridgeline_error(r)->message);
 *     ridgeline_free(r);
 *
 * What is promised:
 *  - Threads. Every function may be called from any thread, several at once, but for one object: a
 *    handle or result is used by one thread at a time, unless its function says otherwise. A call
 *    spreads its work over "threads" threads of its own (default: the processors of the process)
 *    and returns when they are done. Calls that touch study files wait for each other.
 *  - Errors are values: no function throws, exits, prints, or sets a signal handler.
 *  - Ownership. Results and handles belong to the caller, who frees them; every text is owned by
 *    the object it comes from and lives as long. Nothing that a caller passes in is kept after the
 *    call returns.
 *  - Stability. Within one RIDGELINE_ABI functions, enumerators and fields are only added; symbols
 *    are versioned. JSON results carry their `schema`.
 *
 * Energies are pJ, latencies clock cycles, sizes bits, areas in the accelerator document's unit.
 */
#ifndef RIDGELINE_RIDGELINE_H
#define RIDGELINE_RIDGELINE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define RIDGELINE_ABI 1

#if defined(__GNUC__)
#define RIDGELINE_API __attribute__((visibility("default")))
#else
#define RIDGELINE_API
#endif

/* The exit codes of the program. */
enum {
  RIDGELINE_OK = 0,
  RIDGELINE_BUG = 1,           /* in Ridgeline itself */
  RIDGELINE_USAGE = 2,         /* a request that cannot be understood */
  RIDGELINE_INVALID_INPUT = 3, /* a document or model that is not right */
  RIDGELINE_INFEASIBLE = 4,    /* valid input, but something is not feasible */
  RIDGELINE_IO_FAILED = 74,    /* disk full, not writable, out of memory */
  RIDGELINE_STOPPED = 75       /* cancelled, or a limit was reached */
};

/* What went wrong, where, and what would be right; "" and 0 where it is not known. */
typedef struct ridgeline_problem {
  const char* file;    /* path; "(text)" for JSON text */
  const char* place;   /* JSON pointer into it */
  int32_t line;        /* from 1 */
  int32_t column;      /* from 1 */
  const char* message; /* what is wrong */
  const char* remedy;  /* what would be right */
} ridgeline_problem;

/* How a caller follows a call and ends it. Zero what is not wanted; set `size` to the structure's
 * size. The functions are called from the call's own threads, one at a time. */
typedef struct ridgeline_hooks {
  size_t size;
  void* context; /* handed to the functions */
  /* `detail`: 0 for what one should know, 1 for what one may want to know. */
  void (*note)(void* context, int detail, const char* text);
  /* `done` of `all` layers, schedules or candidates; at most some twenty times a second. */
  void (*progress)(void* context, double done, double all);
  int (*cancel)(void* context);      /* polled; not 0 ends the call */
  const volatile int32_t* cancelled; /* the same as a number that another thread sets */
} ridgeline_hooks;

RIDGELINE_API int ridgeline_abi(void);             /* RIDGELINE_ABI of the library */
RIDGELINE_API const char* ridgeline_version(void); /* "0.1.0" */

/* --- Calls. */

typedef struct ridgeline_result ridgeline_result;

/* `ridgeline evaluate`: "workload", "accelerator", "mapping" and options; schema
 * ridgeline.evaluation/1. RIDGELINE_INFEASIBLE where a layer has no feasible mapping: the text says
 * which, and what the others cost. */
RIDGELINE_API ridgeline_result* ridgeline_evaluate(const char* request,
                                                   const ridgeline_hooks* hooks);
/* `ridgeline schedule`: "workload", "accelerator", "mapping" and options; ridgeline.schedule/1. */
RIDGELINE_API ridgeline_result* ridgeline_schedule(const char* request,
                                                   const ridgeline_hooks* hooks);
/* `ridgeline explore` in this process: "study", "output" and options: {"output",
 * "already_complete"}. RIDGELINE_STOPPED leaves a study that "resume" continues. */
RIDGELINE_API ridgeline_result* ridgeline_explore(const char* request,
                                                  const ridgeline_hooks* hooks);
/* `ridgeline report`: "file", "top"; ridgeline.report/1. */
RIDGELINE_API ridgeline_result* ridgeline_report(const char* request, const ridgeline_hooks* hooks);
/* `ridgeline check`: "file" (path or document), "dim": {"file", "ok", "found" or "error"}. */
RIDGELINE_API ridgeline_result* ridgeline_check(const char* request, const ridgeline_hooks* hooks);

RIDGELINE_API int ridgeline_status(const ridgeline_result* result);
/* The result as JSON text; NULL where there is none. */
RIDGELINE_API const char* ridgeline_text(const ridgeline_result* result);
/* Another form of it: "text" for people; of a schedule also "trace" for Perfetto and "full", the
 * JSON with what a checker needs; of a report also "csv". NULL where there is no such form. Worked
 * out when first asked for. */
RIDGELINE_API const char* ridgeline_form(ridgeline_result* result, const char* form);
/* NULL where the status is RIDGELINE_OK. */
RIDGELINE_API const ridgeline_problem* ridgeline_error(const ridgeline_result* result);
RIDGELINE_API void ridgeline_free(ridgeline_result* result); /* NULL is fine */

/* --- Handles: compiled once, asked often. An open function returns NULL where it fails, and then
 * sets `*failure` to a result that tells why; the caller frees it. `failure` may be NULL. */

/* One layer on one core under one spatial mapping. The request is that of ridgeline_evaluate; with
 * "layer" where the workload has several. The spatial mapping is "spatial", e.g.
 * {"D1": {"K": 32}}, else the first that the mapping document gives or the search generates. */
typedef struct ridgeline_mapping ridgeline_mapping;
RIDGELINE_API ridgeline_mapping* ridgeline_mapping_open(const char* request,
                                                        ridgeline_result** failure);
/* {"dims": [["K", 64], ...], "temporal": [["K", 2], ...], "spatial": {...}}: all loop dimensions of
 * the layer with their sizes, and the size of each that is left to temporal loops. */
RIDGELINE_API const char* ridgeline_mapping_text(const ridgeline_mapping* mapping);
/* Costs `count` orderings of `loops` temporal loops each. `dims` and `sizes` hold count x loops
 * numbers, row after row, innermost loop first: the place of the loop's dimension in "dims", and
 * its size; a size of 1 is skipped. Writes pJ and cycles, NaN where the ordering fits into no
 * memory or its loops do not multiply to what is temporal. Spread over `threads` threads. Several
 * threads may cost with one handle at once. Returns RIDGELINE_OK, or RIDGELINE_USAGE for a
 * dimension that is not there, a size below 1, or more than 56 loops. */
RIDGELINE_API int ridgeline_mapping_cost(const ridgeline_mapping* mapping, int64_t count,
                                         int32_t loops, const int32_t* dims, const int64_t* sizes,
                                         double* energy, double* latency, int32_t threads);
RIDGELINE_API void ridgeline_mapping_close(ridgeline_mapping* mapping);

/* One network on one multi-core system under one tiling. The request is that of
 * ridgeline_schedule; "granularity" is not for handles. */
typedef struct ridgeline_allocations ridgeline_allocations;
RIDGELINE_API ridgeline_allocations* ridgeline_allocations_open(const char* request,
                                                                const ridgeline_hooks* hooks,
                                                                ridgeline_result** failure);
/* {"slots": [{"layer": "conv1", "id": 0, "group": 0, "cores": [0, 1]}, ...]}: the places of an
 * allocation in order, with the cores that can run all nodes of each. */
RIDGELINE_API const char* ridgeline_allocations_text(const ridgeline_allocations* allocations);
/* Schedules `count` allocations: `cores` holds count x slots numbers of cores, row after row.
 * Writes cycles, pJ and the largest number of bits that a memory holds; NaN, NaN, -1 where it is
 * not feasible. Spread over `threads` threads. Several threads may ask one handle at once. Returns
 * RIDGELINE_OK, or RIDGELINE_USAGE for a core that is not one of the slot's. */
RIDGELINE_API int ridgeline_allocations_schedule(const ridgeline_allocations* allocations,
                                                 int64_t count, const int32_t* cores,
                                                 double* latency, double* energy,
                                                 int64_t* peak_bits, int32_t threads);
RIDGELINE_API void ridgeline_allocations_close(ridgeline_allocations* allocations);

/* The designs of a study, for an optimiser of one's own. "study": path or document. */
typedef struct ridgeline_space ridgeline_space;
RIDGELINE_API ridgeline_space* ridgeline_space_open(const char* request,
                                                    ridgeline_result** failure);
/* {"name", "combinations", "parameters": [{"name", "labels": [], "values": []}],
 *  "objectives": [{"name", "unit", "maximised"}]} */
RIDGELINE_API const char* ridgeline_space_text(const ridgeline_space* space);
/* Evaluates `count` points on `threads` threads. `values` holds count x parameters places in the
 * parameters' values, row after row. The text has one entry a point, in their order: {"id",
 * "status": "ok" | "infeasible" | "error", "message", "metrics": {name: number}}. */
RIDGELINE_API ridgeline_result* ridgeline_space_evaluate(ridgeline_space* space, int64_t count,
                                                         const int32_t* values, int32_t threads,
                                                         const ridgeline_hooks* hooks);
/* The documents of a design: {"accelerator": ..., "mapping": ..., "schedule": ...}. */
RIDGELINE_API ridgeline_result* ridgeline_space_design(ridgeline_space* space, uint64_t id,
                                                       const ridgeline_hooks* hooks);
RIDGELINE_API void ridgeline_space_close(ridgeline_space* space);

#ifdef __cplusplus
}
#endif

#endif
