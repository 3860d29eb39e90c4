// Answers ReadSysctlsRequest.
//
// Threads: one at a time. Blocks while the kernel is read: some 10 ms for the whole net tree.
// Bounds:  kMostKeys parameters in one answer; the rest is counted as dropped.
// Errors:  InvalidArgument for a pattern that names nothing below /proc/sys.
#pragma once

#include <absl/container/flat_hash_map.h>
#include <absl/status/status.h>

#include <functional>
#include <optional>
#include <string>

#include "tcpfleet/v1/sysctl.pb.h"

namespace tcpfleet::agent {

class SysctlReader {
 public:
  static constexpr size_t kMostKeys = 32'768;
  static constexpr size_t kMostPatterns = 1'024;
  static constexpr int kKeysPerMessage = 1'000;

  // `root`: "/", or where a test keeps its files.
  explicit SysctlReader(std::string root) : root_(std::move(root)) {}

  using Sink = std::function<void(v1::ReadSysctlsResponse)>;
  absl::Status Read(const v1::ReadSysctlsRequest& request, const Sink& sink);

 private:
  v1::Sysctl::Scope ScopeOf(const std::string& key, bool writable);
  void FindScopes();

  const std::string root_;
  // Of the keys below net, in a network namespace that is not the first: true where it can be
  // written to. Absent while nobody asked, empty when this host does not allow to look.
  std::optional<absl::flat_hash_map<std::string, bool>> in_child_;
};

}  // namespace tcpfleet::agent
