#pragma once

#include <absl/functional/function_ref.h>
#include <absl/status/status.h>
#include <absl/strings/string_view.h>

#include <cstdint>
#include <string>
#include <vector>

#include "tcpfleet/v1/kernel.pb.h"

namespace tcpfleet::agent {

// A source that is not there or cannot be understood.
struct Missing {
  std::string source;
  absl::Status status;
  uint64_t network_namespace = 0;  // 0: of the host
};

// The files a snapshot reads, of one network namespace or of the host, and a note of what is
// missing.
class KernelFiles {
 public:
  // `missing` must outlive this. Files below "net" are those of the calling thread.
  KernelFiles(std::string proc_root, uint64_t network_namespace, std::vector<Missing>* missing)
      : proc_root_(std::move(proc_root)),
        network_namespace_(network_namespace),
        missing_(*missing) {}

  // Hands the text of a file such as "net/snmp" to `parse`. An error of either is noted.
  void Read(const std::string& path, absl::FunctionRef<absl::Status(absl::string_view)> parse);
  void Note(std::string source, absl::Status status);

  const std::string& proc_root() const { return proc_root_; }
  uint64_t network_namespace() const { return network_namespace_; }

 private:
  const std::string proc_root_;
  const uint64_t network_namespace_;
  std::vector<Missing>& missing_;
};

}  // namespace tcpfleet::agent
