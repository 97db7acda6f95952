// What a launcher's environment says, without MPI.
#include <cstdlib>

#include "engine/explore/transport.hpp"

namespace ridgeline::engine {
namespace {

// Names under which launchers (Open MPI, PMI of MPICH and Slurm) give size and rank.
constexpr const char* kSizes[] = {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "MPI_LOCALNRANKS"};
constexpr const char* kRanks[] = {"OMPI_COMM_WORLD_RANK", "PMI_RANK", "PMIX_RANK", "SLURM_PROCID"};

}  // namespace

bool launched_with_others() {
  for (const char* name : kSizes)
    if (const char* value = std::getenv(name)) return std::atoi(value) > 1;
  // PMIx gives no size: Slurm's number of tasks of the step does.
  if (std::getenv("PMIX_RANK") != nullptr)
    if (const char* value = std::getenv("SLURM_STEP_NUM_TASKS")) return std::atoi(value) > 1;
  return false;
}

int launched_rank() {
  if (!launched_with_others()) return 0;
  for (const char* name : kRanks)
    if (const char* value = std::getenv(name)) return std::atoi(value);
  return 0;
}

}  // namespace ridgeline::engine
