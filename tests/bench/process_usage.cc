#include "tests/bench/process_usage.h"

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>
#include <sys/resource.h>
#include <unistd.h>

#include <ctime>
#include <filesystem>
#include <iterator>
#include <string>
#include <system_error>
#include <vector>

#include "common/base/status_macros.h"
#include "common/sys/file.h"

namespace tcpfleet::bench {
namespace {

std::string PathOf(pid_t pid, absl::string_view file) {
  return absl::StrCat("/proc/", pid, "/", file);
}

absl::StatusOr<double> ToNumber(absl::string_view text, absl::string_view path) {
  double number = 0;
  if (absl::SimpleAtod(text, &number)) return number;
  return absl::DataLossError(absl::StrCat(path, ": '", text, "' is not a number"));
}

// The value of "KEY:   123 kB", in bytes.
absl::StatusOr<double> KilobyteLine(const std::string& path, absl::string_view key) {
  TF_ASSIGN_OR_RETURN(const std::string content, sys::ReadFile(path));
  for (absl::string_view line : absl::StrSplit(content, '\n')) {
    const std::vector<absl::string_view> parts =
        absl::StrSplit(line, absl::ByAnyChar(": \t"), absl::SkipEmpty());
    if (parts.size() != 3 || parts[0] != key) continue;
    TF_ASSIGN_OR_RETURN(const double kilobytes, ToNumber(parts[1], path));
    return kilobytes * 1024;
  }
  return absl::DataLossError(absl::StrCat(path, ": no line ", key));
}

}  // namespace

double ThreadCpuNs() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

double EndedChildrenCpuSeconds() {
  rusage usage{};
  ::getrusage(RUSAGE_CHILDREN, &usage);
  return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
}

absl::StatusOr<double> CpuTicks(pid_t pid) {
  const std::string path = PathOf(pid, "stat");
  TF_ASSIGN_OR_RETURN(const std::string content, sys::ReadFile(path));
  // The second field is the name in parentheses and may hold anything; utime and stime are the
  // fields 14 and 15.
  const std::vector<absl::string_view> fields =
      absl::StrSplit(absl::string_view(content).substr(content.rfind(')') + 1), ' ');
  constexpr size_t kUserTime = 12;
  if (fields.size() < kUserTime + 2) return absl::DataLossError(absl::StrCat(path, ": too short"));
  TF_ASSIGN_OR_RETURN(const double user, ToNumber(fields[kUserTime], path));
  TF_ASSIGN_OR_RETURN(const double system, ToNumber(fields[kUserTime + 1], path));
  return user + system;
}

double TicksPerSecond() { return static_cast<double>(::sysconf(_SC_CLK_TCK)); }

absl::StatusOr<double> LiveThreadsCpuMicroseconds(pid_t pid) {
  double nanoseconds = 0;
  std::error_code error;
  for (const auto& thread : std::filesystem::directory_iterator(PathOf(pid, "task"), error)) {
    const std::string path = thread.path() / "schedstat";
    TF_ASSIGN_OR_RETURN(const std::string content, sys::ReadFile(path));
    const std::vector<absl::string_view> fields = absl::StrSplit(content, ' ');
    TF_ASSIGN_OR_RETURN(const double on_cpu, ToNumber(fields[0], path));
    nanoseconds += on_cpu;
  }
  if (error) return absl::NotFoundError(absl::StrCat(PathOf(pid, "task"), ": ", error.message()));
  return nanoseconds / 1e3;
}

absl::StatusOr<double> Threads(pid_t pid) {
  std::error_code error;
  const std::filesystem::directory_iterator threads(PathOf(pid, "task"), error);
  if (error) return absl::NotFoundError(absl::StrCat(PathOf(pid, "task"), ": ", error.message()));
  return static_cast<double>(std::distance(begin(threads), end(threads)));
}

absl::StatusOr<double> PeakResidentBytes(pid_t pid) {
  return KilobyteLine(PathOf(pid, "status"), "VmHWM");
}

absl::StatusOr<double> ResidentBytes(pid_t pid) {
  return KilobyteLine(PathOf(pid, "status"), "VmRSS");
}

absl::StatusOr<double> PrivateDirtyBytes(pid_t pid) {
  return KilobyteLine(PathOf(pid, "smaps_rollup"), "Private_Dirty");
}

}  // namespace tcpfleet::bench
