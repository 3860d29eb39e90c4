// Transactions on disk, so that one that is not finished can be reverted after a crash: one
// directory each, with what was found before anything was written, what moved with it, and its
// state.
//
// A transaction exists once its state is there; all that its state speaks of was synced before.
// Threads: not thread-safe; reading needs no lock, one writer at a time (the log's lock).
// Bounds:  keeps kMostTransactions, the oldest goes first; 16 MiB per file.
// Errors:  DataLoss for a file that is not as it was written.
#pragma once

#include <absl/status/statusor.h>
#include <absl/types/span.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/sys/durable_directory.h"
#include "tcpfleet/v1/sysctl.pb.h"

namespace tcpfleet::agent {

inline constexpr size_t kMostTransactions = 256;

// What a transaction found, and what it makes of the agent's file.
struct Found {
  std::map<std::string, std::string> values;
  std::optional<sys::DurableDirectory::File> file;       // absent: there was none
  std::optional<sys::DurableDirectory::File> file_left;  // absent: the file is not touched
  bool operator==(const Found&) const = default;
};

std::string EncodeFound(const Found& found);
absl::StatusOr<Found> DecodeFound(absl::string_view text);

class Journal {
 public:
  // Below `state`; made if it is not there.
  static absl::StatusOr<Journal> Open(const sys::DurableDirectory& state);
  // For reading only; NotFound when there is none.
  static absl::StatusOr<Journal> OpenExisting(const std::string& state_path);

  // Names the transaction and makes it durable. Removes what crashes left and the oldest.
  absl::Status Begin(v1::SysctlTransaction& transaction, const Found& found);
  absl::Status SetState(const v1::SysctlTransaction& transaction) const;
  absl::Status SetEffects(const std::string& id, absl::Span<const v1::SysctlChange> effects) const;

  // Newest first.
  absl::StatusOr<std::vector<std::string>> Ids() const;
  absl::StatusOr<v1::SysctlTransaction> Read(const std::string& id) const;
  absl::StatusOr<Found> ReadFound(const std::string& id) const;
  absl::StatusOr<std::vector<v1::SysctlChange>> ReadEffects(const std::string& id) const;

 private:
  explicit Journal(sys::DurableDirectory directory) : directory_(std::move(directory)) {}
  absl::StatusOr<sys::DurableDirectory> Of(const std::string& id) const;
  absl::Status RemoveOld(absl::Span<const std::string> ids) const;

  sys::DurableDirectory directory_;
};

}  // namespace tcpfleet::agent
