#include "tests/synthetic/synthetic_evaluator.hpp"

#include <chrono>
#include <cmath>
#include <cstdlib>
#include <new>
#include <set>
#include <sstream>
#include <stdexcept>
#include <thread>

namespace ridgeline::engine {
namespace {

std::uint64_t scramble(std::uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

class SyntheticEvaluator final : public Evaluator {
 public:
  SyntheticEvaluator(const io::Study& study, const std::string& options) : study_(study) {
    std::istringstream list(options);
    std::string entry;
    while (std::getline(list, entry, ',')) {
      const auto equals = entry.find('=');
      const std::string name = entry.substr(0, equals);
      const double value =
          equals == std::string::npos ? 1 : std::strtod(entry.c_str() + equals + 1, nullptr);
      if (name == "seconds") seconds_ = value;
      if (name == "spread") spread_ = value;
      if (name == "busy") busy_ = true;
      if (name == "throw") throws_.insert(static_cast<std::uint64_t>(value));
      if (name == "abort") aborts_.insert(static_cast<std::uint64_t>(value));
      if (name == "overflow") overflows_.insert(static_cast<std::uint64_t>(value));
      if (name == "memory") memory_.insert(static_cast<std::uint64_t>(value));
      if (name == "infeasible") infeasible_ = static_cast<std::uint64_t>(value);
    }
  }

  Candidate evaluate(std::uint64_t id, const GiveUp& give_up, const StopCheck& stop) override {
    Candidate candidate;
    candidate.id = id;
    const std::vector<int> values = study_.values_of(id);
    double speed = 1;
    double cost = 1;
    for (std::size_t i = 0; i < values.size(); ++i) {
      const double v = values[i];
      speed += v * (1.0 + static_cast<double>(i));
      cost += v * std::sqrt(v) / (1.0 + static_cast<double>(i));
    }
    // Latency falls and area rises with the values; a share of noise makes a front of it.
    const std::uint64_t noise = scramble(id + 1);
    Metrics bound{};
    bound[at(io::Metric::latency)] = 1000 / speed;
    bound[at(io::Metric::energy)] = 10 + cost + 100 / speed;
    bound[at(io::Metric::edp)] = 0;
    bound[at(io::Metric::area)] = cost;
    bound[at(io::Metric::utilization)] = 1;
    if (infeasible_ != 0 && id % infeasible_ == infeasible_ - 1) {
      candidate.status = CandidateStatus::infeasible;
      candidate.message = "every so manieth design does not fit";
      return candidate;
    }
    if (give_up(bound, Bound::ideal)) {
      candidate.status = CandidateStatus::pruned;
      return candidate;
    }
    if (throws_.contains(id)) throw std::runtime_error("this design throws");
    if (aborts_.contains(id)) std::abort();
    if (overflows_.contains(id)) recurse(1);
    if (memory_.contains(id)) throw std::bad_alloc();
    work(noise, stop);
    const double latency = bound[0] * (1 + static_cast<double>(noise % 1000) / 10000);
    const double energy = bound[1] + static_cast<double>(noise / 1000 % 1000) / 500;
    candidate.metrics[at(io::Metric::latency)] = latency;
    candidate.metrics[at(io::Metric::energy)] = energy;
    candidate.metrics[at(io::Metric::edp)] = latency * energy;
    candidate.metrics[at(io::Metric::area)] = cost;
    candidate.metrics[at(io::Metric::utilization)] = bound[0] / latency;
    candidate.metrics[at(io::Metric::peak_memory)] = static_cast<double>(noise % 4096);
    return candidate;
  }

  DesignRecord describe(std::uint64_t id, const StopCheck&) override {
    return {id, {{"accelerator", "{\"id\": " + std::to_string(id) + "}"}, {"mapping", "[]"}}};
  }

 private:
  static std::size_t at(io::Metric metric) { return static_cast<std::size_t>(metric); }

  static int recurse(int depth) {
    volatile char block[4096] = {};
    block[depth % 4096] = 1;
    return recurse(depth + 1) + block[0];
  }

  void work(std::uint64_t noise, const StopCheck& stop) const {
    if (seconds_ <= 0) return;
    // Exponential in the noise, so that a few take far longer than most.
    const double u = static_cast<double>(noise >> 11) * 0x1p-53;
    const double factor = spread_ > 1 ? std::pow(spread_, 2 * u - 1) : 1;
    using Clock = std::chrono::steady_clock;
    const auto end = Clock::now() + std::chrono::duration_cast<Clock::duration>(
                                        std::chrono::duration<double>(seconds_ * factor));
    volatile double sink = 0;
    while (Clock::now() < end) {
      if (stop()) throw Stopped{};
      if (busy_)
        for (int i = 0; i < 2000; ++i) sink = sink + std::sqrt(static_cast<double>(i));
      else
        std::this_thread::sleep_for(std::min<Clock::duration>(
            std::chrono::milliseconds(20), std::max(end - Clock::now(), Clock::duration::zero())));
    }
  }

  const io::Study& study_;
  double seconds_ = 0;
  double spread_ = 1;
  bool busy_ = false;
  std::set<std::uint64_t> throws_;
  std::set<std::uint64_t> aborts_;
  std::set<std::uint64_t> overflows_;
  std::set<std::uint64_t> memory_;
  std::uint64_t infeasible_ = 0;
};

}  // namespace

std::unique_ptr<Evaluator> synthetic_evaluator(const io::Study& study, const std::string& options) {
  return std::make_unique<SyntheticEvaluator>(study, options);
}

}  // namespace ridgeline::engine
