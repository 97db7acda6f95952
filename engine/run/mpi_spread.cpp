#include <mpi.h>

#include <chrono>
#include <thread>
#include <utility>

#include "engine/explore/transport.hpp"
#include "engine/run/spread.hpp"

namespace ridgeline::engine {
namespace {

class MpiSpread final : public Spread {
 public:
  explicit MpiSpread(std::unique_ptr<Transport> transport) : transport_(std::move(transport)) {}

  int rank() const override { return transport_->rank(); }
  int size() const override { return transport_->size(); }

  bool exchange(std::vector<SpreadFigures>& batch, bool stop) override {
    const auto ranks = static_cast<std::size_t>(size());
    // Behind its figures, each process says whether it has to stop: one message for both.
    std::vector<SpreadFigures> own;
    for (std::size_t i = static_cast<std::size_t>(rank()); i < batch.size(); i += ranks)
      own.push_back(batch[i]);
    own.emplace_back().mappings = stop ? 1 : 0;
    std::vector<int> bytes(ranks);
    std::vector<int> begin(ranks);
    int total = 0;
    for (std::size_t r = 0; r < ranks; ++r) {
      const std::size_t count = batch.size() / ranks + (r < batch.size() % ranks ? 1 : 0) + 1;
      bytes[r] = static_cast<int>(count * sizeof(SpreadFigures));
      begin[r] = total;
      total += bytes[r];
    }
    std::vector<SpreadFigures> all(batch.size() + ranks);
    MPI_Request gather = MPI_REQUEST_NULL;
    MPI_Iallgatherv(own.data(), bytes[static_cast<std::size_t>(rank())], MPI_BYTE, all.data(),
                    bytes.data(), begin.data(), MPI_BYTE, MPI_COMM_WORLD, &gather);
    wait(gather);
    std::size_t next = 0;
    bool anywhere = false;
    for (std::size_t r = 0; r < ranks; ++r) {
      for (std::size_t i = r; i < batch.size(); i += ranks) batch[i] = all[next++];
      anywhere = anywhere || all[next++].mappings != 0;
    }
    return anywhere;
  }

  void finish(int code) override { finalise(*transport_, kFinalisePatience, code, code != 0); }

 private:
  // Without keeping a processor busy, which another process of this node may need.
  static void wait(MPI_Request& request) {
    for (int looks = 0;; ++looks) {
      int done = 0;
      MPI_Test(&request, &done, MPI_STATUS_IGNORE);
      if (done != 0) return;
      if (looks > 1000) std::this_thread::sleep_for(std::chrono::microseconds(50));
    }
  }

  std::unique_ptr<Transport> transport_;
};

}  // namespace

std::unique_ptr<Spread> launched_spread() {
  if (!launched_with_others()) return nullptr;
  return std::make_unique<MpiSpread>(mpi_transport());
}

}  // namespace ridgeline::engine
