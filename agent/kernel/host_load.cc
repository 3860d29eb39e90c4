#include "agent/kernel/host_load.h"

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>
#include <absl/strings/strip.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "agent/kernel/memory.h"
#include "common/base/status_macros.h"

namespace tcpfleet::agent {
namespace {

constexpr uint64_t kUnlimitedFiles = std::numeric_limits<int64_t>::max();

std::vector<absl::string_view> WordsOf(absl::string_view line) {
  return absl::StrSplit(line, absl::ByAnyChar(" \t\n"), absl::SkipEmpty());
}

bool ParseAmount(absl::string_view text, double& amount) {
  return absl::SimpleAtod(text, &amount) && std::isfinite(amount) && amount >= 0;
}

absl::Status NotUnderstood(absl::string_view text) {
  return absl::DataLossError(absl::StrCat("'", text.substr(0, 80), "' is not understood"));
}

// "avg10=1.50", a percentage, as a share.
bool ParseShare(absl::string_view word, absl::string_view name, double& share) {
  if (!absl::ConsumePrefix(&word, name) || !absl::ConsumePrefix(&word, "=") ||
      !ParseAmount(word, share) || share > 100) {
    return false;
  }
  share /= 100;
  return true;
}

bool ParseStall(absl::string_view line, v1::PressureStall& stall) {
  const std::vector<absl::string_view> words = WordsOf(line);
  double shares[3] = {};
  uint64_t total_us = 0;
  absl::string_view total = words.size() == 5 ? words[4] : "";
  if (!absl::ConsumePrefix(&total, "total=") || !absl::SimpleAtoi(total, &total_us) ||
      (words[0] != "some" && words[0] != "full") || !ParseShare(words[1], "avg10", shares[0]) ||
      !ParseShare(words[2], "avg60", shares[1]) || !ParseShare(words[3], "avg300", shares[2])) {
    return false;
  }
  stall.set_full(words[0] == "full");
  stall.set_share_10s(shares[0]);
  stall.set_share_60s(shares[1]);
  stall.set_share_300s(shares[2]);
  stall.set_total_us(total_us);
  return true;
}

}  // namespace

absl::Status ParseLoad(absl::string_view text, v1::HostStatistics& host) {
  const std::vector<absl::string_view> words = WordsOf(text);
  double loads[3] = {};
  uint64_t running = 0;
  uint64_t tasks = 0;
  const std::pair<absl::string_view, absl::string_view> counts =
      absl::StrSplit(words.size() < 4 ? "" : words[3], absl::MaxSplits('/', 1));
  if (words.size() < 4 || !ParseAmount(words[0], loads[0]) || !ParseAmount(words[1], loads[1]) ||
      !ParseAmount(words[2], loads[2]) || !absl::SimpleAtoi(counts.first, &running) ||
      !absl::SimpleAtoi(counts.second, &tasks)) {
    return NotUnderstood(text);
  }
  host.set_load_1m(loads[0]);
  host.set_load_5m(loads[1]);
  host.set_load_15m(loads[2]);
  host.set_tasks_running(running);
  host.set_tasks(tasks);
  return absl::OkStatus();
}

absl::Status ParseMemory(absl::string_view text, v1::HostStatistics& host) {
  TF_ASSIGN_OR_RETURN(const uint64_t total, ParseMeminfo(text, "MemTotal"));
  TF_ASSIGN_OR_RETURN(const uint64_t available, ParseMeminfo(text, "MemAvailable"));
  host.set_memory_bytes(total);
  host.set_available_memory_bytes(available);
  return absl::OkStatus();
}

absl::Status ParseUptime(absl::string_view text, v1::HostStatistics& host) {
  const std::vector<absl::string_view> words = WordsOf(text);
  double seconds = 0;
  if (words.empty() || !ParseAmount(words[0], seconds)) return NotUnderstood(text);
  host.set_uptime_seconds(seconds);
  return absl::OkStatus();
}

absl::Status ParsePressure(absl::string_view resource, absl::string_view text,
                           v1::HostStatistics& host) {
  std::vector<v1::PressureStall> stalls;
  for (const absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    v1::PressureStall& stall = stalls.emplace_back();
    if (stalls.size() > 2 || !ParseStall(line, stall)) return NotUnderstood(line);
    stall.set_resource(std::string(resource));
  }
  if (stalls.empty()) return NotUnderstood(text);
  for (v1::PressureStall& stall : stalls) *host.add_pressure() = std::move(stall);
  return absl::OkStatus();
}

absl::Status ParseFileNumbers(absl::string_view text, v1::HostStatistics& host) {
  const std::vector<absl::string_view> words = WordsOf(text);
  uint64_t allocated = 0;
  uint64_t most = 0;
  if (words.size() != 3 || !absl::SimpleAtoi(words[0], &allocated) ||
      !absl::SimpleAtoi(words[2], &most)) {
    return NotUnderstood(text);
  }
  host.set_open_files(allocated);
  if (most < kUnlimitedFiles) host.set_most_open_files(most);
  return absl::OkStatus();
}

}  // namespace tcpfleet::agent
