#include "engine/explore/transport.hpp"

#include <mpi.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <deque>
#include <iostream>
#include <list>
#include <memory>
#include <thread>

#include "engine/commands/exit_code.hpp"

namespace ridgeline::engine {
namespace {

// Names under which launchers (Open MPI, PMI of MPICH and Slurm) give size and rank.
constexpr const char* kSizes[] = {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "MPI_LOCALNRANKS"};
constexpr const char* kRanks[] = {"OMPI_COMM_WORLD_RANK", "PMI_RANK", "PMIX_RANK", "SLURM_PROCID"};

// Ends the process where something that cannot be interrupted takes too long.
class Deadline {
 public:
  Deadline(double seconds, int code, std::string what)
      : over_(std::make_shared<std::atomic<bool>>()) {
    std::thread([over = over_, seconds, code, what = std::move(what)] {
      for (int tenths = 0; tenths < static_cast<int>(10 * seconds); ++tenths) {
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
        if (*over) return;
      }
      if (!what.empty()) std::cerr << "ridgeline: " << what << std::endl;
      _exit(code);
    }).detach();
  }
  ~Deadline() { *over_ = true; }

 private:
  std::shared_ptr<std::atomic<bool>> over_;
};

class LoneTransport final : public Transport {
 public:
  int rank() const override { return 0; }
  int size() const override { return 1; }
  void send(int, MessageKind, std::string) override {}
  std::optional<Message> receive() override { return std::nullopt; }
  bool drained() override { return true; }
};

class Mpi final : public Transport {
 public:
  Mpi() {
    // Ranks wait for each other in there, and some may have died on the way.
    const Deadline deadline(60, kStoppedEarly, "the ranks did not find each other");
    int provided = 0;
    MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &provided);
    // What a dead peer makes fail is found out by its silence, not by an abort.
    MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank_);
    MPI_Comm_size(MPI_COMM_WORLD, &size_);
  }

  int rank() const override { return rank_; }
  int size() const override { return size_; }

  void send(int rank, MessageKind kind, std::string bytes) override {
    outbox_.push_back({std::move(bytes), MPI_REQUEST_NULL});
    Outgoing& message = outbox_.back();
    if (MPI_Isend(message.bytes.data(), static_cast<int>(message.bytes.size()), MPI_BYTE, rank,
                  static_cast<int>(kind), MPI_COMM_WORLD, &message.request) != MPI_SUCCESS)
      outbox_.pop_back();
    else
      drained();
  }

  std::optional<Message> receive() override {
    int there = 0;
    MPI_Message handle = MPI_MESSAGE_NULL;
    MPI_Status status;
    if (MPI_Improbe(MPI_ANY_SOURCE, MPI_ANY_TAG, MPI_COMM_WORLD, &there, &handle, &status) !=
            MPI_SUCCESS ||
        there == 0)
      return std::nullopt;
    int length = 0;
    MPI_Get_count(&status, MPI_BYTE, &length);
    Message message;
    message.rank = status.MPI_SOURCE;
    message.kind = static_cast<MessageKind>(status.MPI_TAG);
    message.bytes.resize(static_cast<std::size_t>(length));
    if (MPI_Mrecv(message.bytes.data(), length, MPI_BYTE, &handle, &status) != MPI_SUCCESS)
      return std::nullopt;
    return message;
  }

  bool drained() override {
    std::erase_if(outbox_, [](Outgoing& message) {
      int done = 0;
      return MPI_Test(&message.request, &done, MPI_STATUS_IGNORE) != MPI_SUCCESS || done != 0;
    });
    return outbox_.empty();
  }

 private:
  struct Outgoing {
    std::string bytes;
    MPI_Request request;
  };
  int rank_ = 0;
  int size_ = 1;
  std::list<Outgoing> outbox_;  // a list: the library keeps the address of what it sends
};

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

std::unique_ptr<Transport> lone_transport() {
  return std::make_unique<LoneTransport>();
}

std::unique_ptr<Transport> mpi_transport() {
  return std::make_unique<Mpi>();
}

void finalise(Transport& transport, double patience, int code, bool stopped) {
  if (transport.size() == 1) return;
  using Clock = std::chrono::steady_clock;
  const auto until = Clock::now() + std::chrono::seconds(1);
  while (!transport.drained() && Clock::now() < until)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  // Finalising waits for all ranks, and some may be dead without anybody's knowing.
  const Deadline deadline(patience, code, "");
  const int rank = transport.rank();
  MPI_Finalize();
  if (!stopped) return;
  // Open MPI's mpirun takes a code other than 0 for a failure: it serves nobody from then on and
  // sleeps for two seconds, a second less for each process that ends meanwhile. So rank 0 leaves
  // when all have finalised, and the others, which it need not end, one after the other.
  std::this_thread::sleep_for(std::chrono::milliseconds(rank == 0 ? 30 : 100 + 50 * (rank % 4)));
}

}  // namespace ridgeline::engine
