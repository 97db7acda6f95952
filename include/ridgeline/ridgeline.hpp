// Ridgeline's C++ interface: the C interface (ridgeline.h, whose promises hold here) with results
// and handles that free themselves, and errors as exceptions. Header only; needs C++17.
//
//     const auto r = ridgeline::evaluate(R"({"workload": "net.onnx", "accelerator": "core.yaml",
//                                            "mapping": "mapping.yaml"})");
//     std::cout << r.text();        // JSON, schema ridgeline.evaluation/1
//
// Threads: every function may be called from several threads at once; one object is used by one
// thread at a time, but for the `const` functions of Mapping and Allocations.
// Errors: all functions that call the library throw ridgeline::Error, or std::bad_alloc.
#ifndef RIDGELINE_RIDGELINE_HPP
#define RIDGELINE_RIDGELINE_HPP

#include <cstdint>
#include <functional>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "ridgeline/ridgeline.h"

namespace ridgeline {

// What went wrong, where, and what would be right.
class Error : public std::runtime_error {
 public:
  Error(int code, const ridgeline_problem& problem)
      : std::runtime_error(text(problem)),
        status(code),
        file(problem.file),
        place(problem.place),
        line(problem.line),
        message(problem.message),
        remedy(problem.remedy) {}

  int status;           // RIDGELINE_INVALID_INPUT etc.
  std::string file;     // "" where it is not known, as below
  std::string place;    // JSON pointer
  int line;             // from 1; 0: not known
  std::string message;  // what is wrong
  std::string remedy;   // what would be right

 private:
  static std::string text(const ridgeline_problem& problem) {
    std::string all;
    for (const char* part : {problem.file, problem.place}) {
      if (*part != 0) all += std::string(part) + ": ";
    }
    all += problem.message;
    return *problem.remedy == 0 ? all : all + " (" + problem.remedy + ")";
  }
};

// How a caller follows a call and ends it. The functions are called from the call's own threads,
// one at a time, and must not throw.
struct Callbacks {
  std::function<void(bool detail, const char* text)> note;
  std::function<void(double done, double all)> progress;
  std::function<bool()> cancel;  // true ends the call
};

class Result {
 public:
  // Takes over the result; throws what it tells went wrong, but for layers that are infeasible
  // beside others.
  explicit Result(ridgeline_result* taken) : result_(taken) {
    if (!result_) throw std::bad_alloc();
    const int code = ridgeline_status(result_.get());
    if (code != RIDGELINE_OK && ridgeline_text(result_.get()) == nullptr) {
      throw Error(code, *ridgeline_error(result_.get()));
    }
  }
  // JSON.
  std::string text() const { return ridgeline_text(result_.get()); }
  // "text", of schedules "trace" and "full", of reports "csv"; "" where there is no such form.
  std::string form(const std::string& name) {
    const char* found = ridgeline_form(result_.get(), name.c_str());
    return found == nullptr ? std::string() : found;
  }
  // False where some layers have no feasible mapping.
  bool feasible() const { return ridgeline_status(result_.get()) == RIDGELINE_OK; }

 private:
  struct Free {
    void operator()(ridgeline_result* result) const { ridgeline_free(result); }
  };
  std::unique_ptr<ridgeline_result, Free> result_;
};

namespace detail {

// The callbacks as the C interface takes them; as long as a call lasts.
class Hooks {
 public:
  explicit Hooks(const Callbacks& callbacks) : callbacks_(callbacks) {
    hooks_.size = sizeof hooks_;
    hooks_.context = this;
    if (callbacks.note) {
      hooks_.note = [](void* self, int more, const char* text) {
        static_cast<Hooks*>(self)->callbacks_.note(more != 0, text);
      };
    }
    if (callbacks.progress) {
      hooks_.progress = [](void* self, double done, double all) {
        static_cast<Hooks*>(self)->callbacks_.progress(done, all);
      };
    }
    if (callbacks.cancel) {
      hooks_.cancel = [](void* self) {
        return static_cast<Hooks*>(self)->callbacks_.cancel() ? 1 : 0;
      };
    }
  }
  Hooks(const Hooks&) = delete;
  Hooks& operator=(const Hooks&) = delete;
  const ridgeline_hooks* get() const { return &hooks_; }

 private:
  const Callbacks& callbacks_;
  ridgeline_hooks hooks_{};
};

template <class Handle>
Handle* opened(Handle* handle, ridgeline_result* failure) {
  if (handle != nullptr) return handle;
  Result throws(failure);
  throw std::bad_alloc();
}

}  // namespace detail

inline Result evaluate(const std::string& request, const Callbacks& callbacks = {}) {
  return Result(ridgeline_evaluate(request.c_str(), detail::Hooks(callbacks).get()));
}
inline Result schedule(const std::string& request, const Callbacks& callbacks = {}) {
  return Result(ridgeline_schedule(request.c_str(), detail::Hooks(callbacks).get()));
}
inline Result explore(const std::string& request, const Callbacks& callbacks = {}) {
  return Result(ridgeline_explore(request.c_str(), detail::Hooks(callbacks).get()));
}
inline Result report(const std::string& request) {
  return Result(ridgeline_report(request.c_str(), nullptr));
}
inline Result check(const std::string& request) {
  return Result(ridgeline_check(request.c_str(), nullptr));
}

// One layer on one core under one spatial mapping (ridgeline_mapping_open).
class Mapping {
 public:
  explicit Mapping(const std::string& request) {
    ridgeline_result* failure = nullptr;
    handle_.reset(detail::opened(ridgeline_mapping_open(request.c_str(), &failure), failure));
  }
  // JSON: dims, temporal, spatial.
  std::string text() const { return ridgeline_mapping_text(handle_.get()); }

  struct Costs {
    std::vector<double> energy;   // pJ
    std::vector<double> latency;  // cycles
  };
  // Of orderings of `loops` loops each, row after row, innermost first: places of dimensions, and
  // sizes (ridgeline_mapping_cost).
  Costs cost(int loops, const std::vector<std::int32_t>& dims,
             const std::vector<std::int64_t>& sizes, int threads = 1) const {
    if (loops < 1 || dims.size() != sizes.size() || dims.size() % loops != 0) {
      throw std::invalid_argument("dims and sizes hold a number for every loop of every ordering");
    }
    const std::size_t count = dims.size() / static_cast<std::size_t>(loops);
    Costs costs{std::vector<double>(count), std::vector<double>(count)};
    if (ridgeline_mapping_cost(handle_.get(), static_cast<std::int64_t>(count), loops, dims.data(),
                               sizes.data(), costs.energy.data(), costs.latency.data(),
                               threads) != RIDGELINE_OK) {
      throw std::invalid_argument("a dimension that is not there, or a size below 1");
    }
    return costs;
  }

 private:
  struct Close {
    void operator()(ridgeline_mapping* mapping) const { ridgeline_mapping_close(mapping); }
  };
  std::unique_ptr<ridgeline_mapping, Close> handle_;
};

// One network on one system under one tiling (ridgeline_allocations_open).
class Allocations {
 public:
  explicit Allocations(const std::string& request, const Callbacks& callbacks = {}) {
    ridgeline_result* failure = nullptr;
    const detail::Hooks hooks(callbacks);
    handle_.reset(detail::opened(ridgeline_allocations_open(request.c_str(), hooks.get(), &failure),
                                 failure));
  }
  // JSON: slots.
  std::string text() const { return ridgeline_allocations_text(handle_.get()); }

  struct Figures {
    std::vector<double> latency;          // cycles
    std::vector<double> energy;           // pJ
    std::vector<std::int64_t> peak_bits;  // -1: not feasible
  };
  // Of `count` allocations, row after row: the core of each slot.
  Figures schedule(std::size_t count, const std::vector<std::int32_t>& cores,
                   int threads = 1) const {
    Figures figures{std::vector<double>(count), std::vector<double>(count),
                    std::vector<std::int64_t>(count)};
    if (ridgeline_allocations_schedule(handle_.get(), static_cast<std::int64_t>(count),
                                       cores.data(), figures.latency.data(), figures.energy.data(),
                                       figures.peak_bits.data(), threads) != RIDGELINE_OK) {
      throw std::invalid_argument("a core that is none of its slot's");
    }
    return figures;
  }

 private:
  struct Close {
    void operator()(ridgeline_allocations* a) const { ridgeline_allocations_close(a); }
  };
  std::unique_ptr<ridgeline_allocations, Close> handle_;
};

}  // namespace ridgeline

#endif
