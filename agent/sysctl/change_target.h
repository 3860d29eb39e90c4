// What a transaction writes to: parameters of this network namespace, and the agent's own file.
//
// Threads: not thread-safe. Blocks while the kernel is read: some 10 ms for the whole net tree.
#pragma once

#include <absl/status/statusor.h>
#include <absl/types/span.h>

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "agent/sysctl/parameter_tree.h"
#include "common/sys/durable_directory.h"
#include "tcpfleet/v1/sysctl.pb.h"

namespace tcpfleet::agent {

class ChangeTarget {
 public:
  using File = sys::DurableDirectory::File;
  using Values = std::map<std::string, std::string>;

  // `root`: "/", or where a test keeps its files. `own_file` without it.
  ChangeTarget(std::string root, std::string own_file, sys::BeforeStep before_step)
      : root_(root == "/" ? "" : std::move(root)),
        own_file_(std::move(own_file)),
        before_step_(std::move(before_step)) {}

  const std::string& root() const { return root_; }
  const std::string& own_file() const { return own_file_; }

  absl::StatusOr<std::optional<File>> ReadOwnFile() const;
  // Nothing: removes it.
  absl::Status WriteOwnFile(const std::optional<File>& file) const;

  // What a crash left of writing it.
  absl::Status RemoveUnfinishedFile() const;

  // All below net that can be written to, and `others`.
  ParameterValues ReadValues(absl::Span<const std::string> others) const;
  absl::Status Write(const std::string& key, const std::string& value) const;

  struct Restored {
    std::vector<v1::SysctlChange> changes;  // what was written; new_value is the restored one
    std::vector<std::string> troubles;      // what is still not as `target` has it
  };
  // Writes the values of `target` where others are in force: `order` first, then whatever moved
  // with those, until nothing differs. Parameters that went with their interface are left alone.
  Restored Restore(absl::Span<const std::string> order, const Values& target) const;

 private:
  absl::StatusOr<sys::DurableDirectory> OwnDirectory() const;
  std::string OwnName() const { return own_file_.substr(own_file_.rfind('/') + 1); }
  absl::Status RestoreOne(const std::string& key, const std::string& value,
                          Restored& restored) const;

  const std::string root_;
  const std::string own_file_;
  const sys::BeforeStep before_step_;
};

// Absent or present alike, and then the same bytes.
bool SameBytes(const std::optional<ChangeTarget::File>& a,
               const std::optional<ChangeTarget::File>& b);

}  // namespace tcpfleet::agent
