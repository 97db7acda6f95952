// Messages between the ranks of a study: point to point, never waiting for a peer that may be
// dead. All functions are called by one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace ridgeline::engine {

enum class MessageKind : std::uint8_t {
  // from the master
  open,        // the study is open: what a worker needs to begin
  refuse,      // there is nothing to do, and this is the exit code
  chunk,       // work
  front,       // what came to the front
  ping,        // the master lives
  checkpoint,  // make everything durable
  stop,        // stop evaluating, make everything durable, say `stopped`
  finish,      // everything is done: say `bye`
  // from a worker
  ready,  // to be given work
  results,
  beat,       // the worker lives
  signalled,  // the worker got a signal that concerns all
  failed,     // the worker cannot go on
  stopped,
  bye,
};

struct Message {
  int rank = 0;  // of the sender
  MessageKind kind = MessageKind::ping;
  std::string bytes;
};

struct SendFailure {
  int rank = 0;  // that it was for
  std::string why;
};

class Transport {
 public:
  virtual ~Transport() = default;
  virtual int rank() const = 0;
  virtual int size() const = 0;
  // Of any length. What does not get away is told by take_failures.
  virtual void send(int rank, MessageKind kind, std::string bytes) = 0;
  // Throws MachineError where something came that cannot be received.
  virtual std::optional<Message> receive() = 0;
  // Whether everything sent has left.
  virtual bool drained() = 0;
  // Messages that did not get away since the last call.
  virtual std::vector<SendFailure> take_failures() = 0;
};

// Whether a launcher started this process as one of several.
bool launched_with_others();
// Rank that the launcher gave this process, as its environment says; 0 without a launcher.
int launched_rank();

// One process.
std::unique_ptr<Transport> lone_transport();

// Initialises MPI; this thread alone may call it from then on.
std::unique_ptr<Transport> mpi_transport();
// Finalises MPI, for which ranks wait for each other; ends the process with `code` where that
// takes longer than `patience`, in seconds. `stopped`: rank 0 will end with a code other than 0.
inline constexpr double kFinalisePatience = 10;
void finalise(Transport& transport, double patience, int code, bool stopped = false);

}  // namespace ridgeline::engine
