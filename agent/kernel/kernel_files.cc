#include "agent/kernel/kernel_files.h"

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>

#include <utility>

#include "common/sys/file.h"

namespace tcpfleet::agent {
namespace {

constexpr size_t kLargestFile = size_t{4} << 20;  // softnet_stat of 8192 CPUs

}  // namespace

void KernelFiles::Read(const std::string& path,
                       absl::FunctionRef<absl::Status(absl::string_view)> parse) {
  const bool is_of_thread = absl::StartsWith(path, "net/");
  const std::string file = absl::StrCat(proc_root_, is_of_thread ? "/thread-self/" : "/", path);
  const absl::StatusOr<std::string> text = sys::ReadFile(file, kLargestFile);
  absl::Status status = text.status();
  if (text.ok()) status = parse(*text);
  if (status.ok()) return;
  // The source says where; what is left is why.
  const absl::string_view message = status.message();
  const size_t at = message.find(file);
  if (at != absl::string_view::npos) {
    const absl::string_view why = message.substr(at + file.size());
    status = absl::Status(status.code(), absl::StartsWith(why, ": ") ? why.substr(2) : message);
  }
  Note(absl::StrCat("/proc/", path), std::move(status));
}

void KernelFiles::Note(std::string source, absl::Status status) {
  missing_.push_back({std::move(source), std::move(status), network_namespace_});
}

}  // namespace tcpfleet::agent
