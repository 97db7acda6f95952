#include "engine/explore/transport.hpp"

#include <mpi.h>
#include <sys/time.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <list>
#include <memory>
#include <thread>
#include <utility>

#include "engine/commands/exit_code.hpp"
#include "engine/explore/message_parts.hpp"
#include "engine/run/failure.hpp"

namespace ridgeline::engine {
namespace {

// Ends the process where something that cannot be interrupted takes too long. A timer's signal
// and no thread, which might not be had; it counts its ticks, so that time during which the
// process was suspended does not pass.
class Deadline {
 public:
  Deadline(double seconds, int code, const char* what) {
    left = static_cast<int>(kTicks * seconds);
    code_then = code;
    what_then = what;
    struct sigaction action {};
    action.sa_handler = [](int) {
      if (left > 1) {
        left = left - 1;
        return;
      }
      // There is nobody to tell if it fails.
      [[maybe_unused]] const auto written =
          ::write(STDERR_FILENO, what_then, std::strlen(what_then));
      _exit(code_then);
    };
    sigemptyset(&action.sa_mask);
    action.sa_flags = SA_RESTART;
    ::sigaction(SIGALRM, &action, &before_);
    set_timer(1000000 / kTicks);
  }
  ~Deadline() {
    set_timer(0);
    ::sigaction(SIGALRM, &before_, nullptr);
  }
  Deadline(const Deadline&) = delete;
  Deadline& operator=(const Deadline&) = delete;

 private:
  static constexpr int kTicks = 10;  // a second
  static void set_timer(int microseconds) {
    itimerval timer{};
    timer.it_interval.tv_usec = timer.it_value.tv_usec = microseconds;
    ::setitimer(ITIMER_REAL, &timer, nullptr);
  }
  static inline volatile std::sig_atomic_t left = 0;
  static inline volatile std::sig_atomic_t code_then = 0;
  static inline const char* volatile what_then = "";
  struct sigaction before_ {};
};

class LoneTransport final : public Transport {
 public:
  int rank() const override { return 0; }
  int size() const override { return 1; }
  void send(int, MessageKind, std::string) override {}
  std::optional<Message> receive() override { return std::nullopt; }
  bool drained() override { return true; }
  std::vector<SendFailure> take_failures() override { return {}; }
};

class Mpi final : public Transport {
 public:
  Mpi() {
    // Ranks wait for each other in there, and some may have died on the way.
    const Deadline deadline(60, kStoppedEarly, "ridgeline: the ranks did not find each other\n");
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
    if (bytes.size() <= kLongestPart)
      return send_part(rank, static_cast<int>(kind), std::move(bytes));
    const std::vector<std::string_view> parts = parts_of(bytes, kLongestPart);
    for (std::size_t i = 0; i < parts.size(); ++i)
      send_part(rank, static_cast<int>(kind) | (i + 1 < parts.size() ? kMoreFollows : 0),
                std::string(parts[i]));
  }

  std::optional<Message> receive() override {
    for (;;) {
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
      message.kind = static_cast<MessageKind>(status.MPI_TAG & ~kMoreFollows);
      message.bytes.resize(static_cast<std::size_t>(length));
      const int received = MPI_Mrecv(message.bytes.data(), length, MPI_BYTE, &handle, &status);
      if (received != MPI_SUCCESS)
        throw MachineError("a message of rank " + std::to_string(message.rank) +
                           " cannot be received: " + text_of(received));
      if (joiner_.add(message.rank, (status.MPI_TAG & kMoreFollows) != 0, message.bytes))
        return message;
    }
  }

  bool drained() override {
    std::erase_if(outbox_, [this](Outgoing& message) {
      int done = 0;
      const int result = MPI_Test(&message.request, &done, MPI_STATUS_IGNORE);
      if (result != MPI_SUCCESS) failures_.push_back({message.rank, text_of(result)});
      return result != MPI_SUCCESS || done != 0;
    });
    return outbox_.empty();
  }

  std::vector<SendFailure> take_failures() override { return std::exchange(failures_, {}); }

 private:
  // Beside the kind in a message's tag. MPI promises tags up to 32,767.
  static constexpr int kMoreFollows = 1 << 14;

  struct Outgoing {
    int rank = 0;
    std::string bytes;
    MPI_Request request = MPI_REQUEST_NULL;
  };

  static std::string text_of(int error) {
    std::string text(MPI_MAX_ERROR_STRING, '\0');
    int length = 0;
    MPI_Error_string(error, text.data(), &length);
    text.resize(static_cast<std::size_t>(length));
    return text;
  }

  void send_part(int rank, int tag, std::string bytes) {
    outbox_.push_back({rank, std::move(bytes)});
    Outgoing& message = outbox_.back();
    const int sent = MPI_Isend(message.bytes.data(), static_cast<int>(message.bytes.size()),
                               MPI_BYTE, rank, tag, MPI_COMM_WORLD, &message.request);
    if (sent == MPI_SUCCESS) {
      drained();
      return;
    }
    outbox_.pop_back();
    failures_.push_back({rank, text_of(sent)});
  }

  int rank_ = 0;
  int size_ = 1;
  std::list<Outgoing> outbox_;  // a list: the library keeps the address of what it sends
  std::vector<SendFailure> failures_;
  PartsJoiner joiner_;
};

}  // namespace

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
