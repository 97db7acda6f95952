#include "engine/explore/progress.hpp"

#include <unistd.h>

#include <cmath>
#include <cstdio>
#include <iostream>
#include <limits>
#include <optional>

#include "engine/explore/study_folder.hpp"
#include "io/document/printable.hpp"
#include "search/fronts/hypervolume.hpp"

namespace ridgeline::engine {
namespace {

std::string duration(double seconds) {
  const auto all = static_cast<long long>(seconds + 0.5);
  char text[64];
  if (all >= 86400)
    std::snprintf(text, sizeof(text), "%lldd%02lldh", all / 86400, all / 3600 % 24);
  else if (all >= 3600)
    std::snprintf(text, sizeof(text), "%lldh%02lldm", all / 3600, all / 60 % 60);
  else if (all >= 60)
    std::snprintf(text, sizeof(text), "%lldm%02llds", all / 60, all % 60);
  else
    std::snprintf(text, sizeof(text), "%llds", all);
  return text;
}

// NaN where there are too many points.
double volume_of(const std::vector<std::vector<double>>& points,
                 const std::vector<double>& reference) {
  // The exact volume takes n log n steps for up to three objectives, else n^(d-2) of them.
  const std::size_t limit = reference.size() <= 3 ? 100'000 : reference.size() == 4 ? 1000 : 100;
  if (reference.empty() || points.size() > limit) return std::numeric_limits<double>::quiet_NaN();
  return search::hypervolume(points, reference);
}

}  // namespace

double hypervolume_of(const Ledger& ledger) {
  return volume_of(ledger.front().vectors(), ledger.reference());
}

double gap_of(const Ledger& ledger) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  std::optional<std::vector<std::vector<double>>> points = ledger.at_best();
  if (!points || ledger.reference().empty()) return nan;
  const std::vector<std::vector<double>> found = ledger.front().vectors();
  for (const std::vector<double>& point : *points)
    for (const double value : point)
      if (!std::isfinite(value)) return nan;
  points->insert(points->end(), found.begin(), found.end());
  const double most = volume_of(*points, ledger.reference());
  const double volume = volume_of(found, ledger.reference());
  // What rounding leaves of sums in another order is no gap.
  constexpr double kNothing = 1e-12;
  const double gap = most > 0 ? (most - volume) / most : 0;
  return gap <= kNothing ? 0 : gap;
}

Progress::Progress(bool quiet, bool verbose, const Hooks* hooks)
    : hooks_(hooks),
      quiet_(quiet),
      verbose_(verbose),
      terminal_(hooks == nullptr && ::isatty(STDERR_FILENO) == 1) {}

void Progress::say(const std::string& text) {
  if (quiet_) return;
  if (hooks_ != nullptr) return hooks_->note(text);
  finish();
  std::cerr << (terminal_ ? "" : utc_now() + " ") << io::printable(text) << std::endl;
}

void Progress::detail(const std::string& text) {
  if (hooks_ != nullptr) return hooks_->details({text});
  if (verbose_) say(text);
}

void Progress::show(const Ledger& ledger, double seconds, bool now) {
  const std::uint64_t known = ledger.done();
  if (hooks_ != nullptr) {
    if (hooks_->progress) {
      hooks_->progress(static_cast<double>(known),
                       static_cast<double>(std::max(ledger.expected(), known)));
    }
    return;
  }
  if (!begun_) {
    begun_ = true;
    recent_.emplace_back(seconds, known);
    next_ = seconds + (terminal_ ? 0.5 : 60);
  }
  if (quiet_ || (seconds < next_ && !now)) return;
  next_ = seconds + (terminal_ ? 0.5 : 60);
  recent_.emplace_back(seconds, known);
  while (recent_.size() > 2 && recent_.front().first < seconds - 120) recent_.pop_front();
  const double elapsed = seconds - recent_.front().first;
  const double rate =
      elapsed > 0 ? static_cast<double>(known - recent_.front().second) / elapsed : 0;
  const std::uint64_t expected = std::max(ledger.expected(), known);
  char text[256];
  std::snprintf(
      text, sizeof(text), "%llu/%llu (%.1f %%)  %.3g/s  pruned %llu  front %zu",
      static_cast<unsigned long long>(known), static_cast<unsigned long long>(expected),
      expected > 0 ? 100.0 * static_cast<double>(known) / static_cast<double>(expected) : 0, rate,
      static_cast<unsigned long long>(ledger.known().count(CandidateStatus::pruned)),
      ledger.front().size());
  std::string line = text;
  const double volume = hypervolume_of(ledger);
  if (!std::isnan(volume)) {
    std::snprintf(text, sizeof(text), "  hypervolume %.5g", volume);
    line += text;
  }
  const double gap = gap_of(ledger);
  if (!std::isnan(gap)) {
    std::snprintf(text, sizeof(text), "  gap %.2g %%", 100 * gap);
    line += text;
  }
  if (rate > 0) line += "  left " + duration(static_cast<double>(expected - known) / rate);
  if (terminal_) {
    std::cerr << '\r' << line << "\x1b[K" << std::flush;
    line_open_ = true;
  } else {
    std::cerr << utc_now() << ' ' << line << std::endl;
  }
}

void Progress::finish() {
  if (line_open_) std::cerr << '\n';
  line_open_ = false;
}

}  // namespace ridgeline::engine
