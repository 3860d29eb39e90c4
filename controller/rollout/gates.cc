#include "controller/rollout/gates.h"

#include <absl/status/status.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <absl/strings/str_join.h>
#include <absl/strings/string_view.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>

#include "controller/fleet/host_list.h"

namespace tcpfleet::controller {
namespace {

struct Gate {
  absl::string_view name;
  const char* counter;
  const char* without;  // taken off; null: nothing
  const char* per;      // null: per second
  uint64_t least_per;   // of which there must be so many
  double tolerance;     // absolute
};

// Retransmits of SYNs are failed connects (AttemptFails); OutSegs does not count retransmits.
constexpr Gate kGates[] = {
    {"TcpExt.ListenOverflows", "TcpExt.ListenOverflows", nullptr, nullptr, 0, 0.1},
    {"TcpExt.ListenDrops beyond overflows", "TcpExt.ListenDrops", "TcpExt.ListenOverflows", nullptr,
     0, 0.1},
    {"TcpExt.TCPTimeouts", "TcpExt.TCPTimeouts", nullptr, nullptr, 0, 0.5},
    {"retransmitted share", "Tcp.RetransSegs", "TcpExt.TCPSynRetrans", "Tcp.OutSegs", 1'000, 0.01},
    {"Tcp.EstabResets", "Tcp.EstabResets", nullptr, nullptr, 0, 1},
    {"Tcp.OutRsts", "Tcp.OutRsts", nullptr, nullptr, 0, 5},
    {"Tcp.AttemptFails", "Tcp.AttemptFails", nullptr, nullptr, 0, 1},
    {"TcpExt.TCPAbortOnMemory", "TcpExt.TCPAbortOnMemory", nullptr, nullptr, 0, 0},
};
// A host may get worse by this share of what it did before, on top.
constexpr double kRelativeTolerance = 0.5;

absl::StatusOr<double> Difference(const char* counter, const v1::NamespaceStatistics& from,
                                  const v1::NamespaceStatistics& to) {
  const auto before = from.counters().find(counter);
  const auto after = to.counters().find(counter);
  if (before == from.counters().end() || after == to.counters().end()) {
    return absl::NotFoundError(absl::StrCat("does not count ", counter));
  }
  if (after->second < before->second) {
    return absl::DataLossError(absl::StrCat(counter, " was reset"));
  }
  return static_cast<double>(after->second - before->second);
}

absl::StatusOr<double> PerSecond(double difference, const v1::KernelSnapshot& from,
                                 const v1::KernelSnapshot& to) {
  const double seconds =
      (static_cast<double>(to.monotonic_ns()) - static_cast<double>(from.monotonic_ns())) / 1e9;
  if (seconds <= 0) return absl::DataLossError("no time passed");
  return difference / seconds;
}

absl::StatusOr<double> Measure(const Gate& gate, const KernelReading& from,
                               const KernelReading& to) {
  for (const KernelReading* reading : {&from, &to}) {
    if (!reading->ok()) {
      return absl::UnavailableError(absl::StrCat("no counters: ", reading->status().message()));
    }
    if ((*reading)->namespaces().empty()) return absl::NotFoundError("no counters");
  }
  const v1::NamespaceStatistics& before = from->namespaces(0);
  const v1::NamespaceStatistics& after = to->namespaces(0);
  if (from->boot_id() != to->boot_id()) return absl::DataLossError("was restarted");
  if (before.network_namespace() != after.network_namespace()) {
    return absl::DataLossError("its agent is in another network namespace now");
  }
  absl::StatusOr<double> difference = Difference(gate.counter, before, after);
  if (difference.ok() && gate.without != nullptr) {
    const absl::StatusOr<double> without = Difference(gate.without, before, after);
    if (!without.ok()) return without;
    difference = std::max(0.0, *difference - *without);
  }
  if (!difference.ok()) return difference;
  if (gate.per == nullptr) return PerSecond(*difference, *from, *to);
  const absl::StatusOr<double> per = Difference(gate.per, before, after);
  if (!per.ok()) return per;
  if (*per < static_cast<double>(gate.least_per)) {
    return absl::FailedPreconditionError(
        absl::StrCat("too little traffic: ", *per, " of ", gate.least_per, " ", gate.per));
  }
  return *difference / *per;
}

struct Rates {
  double before = 0;
  double after = 0;
};

absl::StatusOr<Rates> RatesOf(const Gate& gate, const GateHost& host) {
  const absl::StatusOr<double> before = Measure(gate, *host.first, *host.second);
  if (!before.ok()) return before.status();
  const absl::StatusOr<double> after = Measure(gate, *host.second, *host.third);
  if (!after.ok()) return after.status();
  return Rates{*before, *after};
}

double Median(std::vector<double> values) {
  const size_t middle = values.size() / 2;
  std::nth_element(values.begin(), values.begin() + static_cast<ptrdiff_t>(middle), values.end());
  return values[middle];
}

std::optional<Rates> MedianOf(const Gate& gate, absl::Span<const GateHost> others) {
  std::vector<double> before;
  std::vector<double> after;
  for (const GateHost& host : others) {
    const absl::StatusOr<Rates> rates = RatesOf(gate, host);
    if (!rates.ok()) continue;
    before.push_back(rates->before);
    after.push_back(rates->after);
  }
  if (before.empty()) return std::nullopt;
  return Rates{Median(std::move(before)), Median(std::move(after))};
}

// "a1: does not count X; a[2-3] (2): was restarted"
std::string Folded(const std::map<std::string, std::vector<std::string>>& names_by_why) {
  return absl::StrJoin(names_by_why, "; ", [](std::string* out, const auto& entry) {
    absl::StrAppend(out, FoldNames(entry.second), ": ", entry.first);
  });
}

v1::GateResult Judge(const Gate& gate, absl::Span<const GateHost> changed,
                     absl::Span<const GateHost> others) {
  v1::GateResult result;
  result.set_name(std::string(gate.name));
  result.set_tolerance(gate.tolerance);
  const std::optional<Rates> elsewhere = MedianOf(gate, others);
  if (elsewhere) {
    result.set_others_before(elsewhere->before);
    result.set_others_after(elsewhere->after);
  }
  const double excused = elsewhere ? std::max(0.0, elsewhere->after - elsewhere->before) : 0;
  std::map<std::string, std::vector<std::string>> not_judged;
  double worst = -std::numeric_limits<double>::infinity();
  std::string worst_name;
  for (const GateHost& host : changed) {
    const absl::StatusOr<Rates> rates = RatesOf(gate, host);
    if (!rates.ok()) {
      not_judged[std::string(rates.status().message())].push_back(host.name);
      continue;
    }
    const double tolerance = gate.tolerance + kRelativeTolerance * rates->before;
    const double excess = rates->after - rates->before - excused - tolerance;
    if (excess <= worst) continue;
    worst = excess;
    worst_name = host.name;
    result.set_changed_before(rates->before);
    result.set_changed_after(rates->after);
    result.set_tolerance(tolerance);
  }
  if (worst > 0) {
    result.set_state("failed");
    result.set_why(absl::StrFormat("%s: %.4g, %.4g before", worst_name, result.changed_after(),
                                   result.changed_before()));
  } else if (!not_judged.empty() || changed.empty()) {
    result.set_state("not-judged");
    result.set_why(changed.empty() ? "no host was changed" : Folded(not_judged));
  } else {
    result.set_state("passed");
  }
  return result;
}

// An answer without counters is one, too.
bool IsSilent(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status);
}

v1::GateResult JudgeAnswers(absl::Span<const GateHost> changed) {
  v1::GateResult result;
  result.set_name("answers");
  std::map<std::string, std::vector<std::string>> silent;
  for (const GateHost& host : changed) {
    const absl::Status& status = host.third->status();
    if (IsSilent(status)) {
      silent[absl::StrCat("no answer: ", status.message())].push_back(host.name);
    }
  }
  result.set_state(silent.empty() ? "passed" : "failed");
  result.set_why(Folded(silent));
  return result;
}

}  // namespace

std::vector<v1::GateResult> JudgeGates(absl::Span<const GateHost> changed,
                                       absl::Span<const GateHost> others) {
  std::vector<v1::GateResult> results = {JudgeAnswers(changed)};
  for (const Gate& gate : kGates) results.push_back(Judge(gate, changed, others));
  return results;
}

}  // namespace tcpfleet::controller
