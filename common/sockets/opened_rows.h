// Reads what OpenedColumns wrote, for input nobody vouches for.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/sockets/connection_sample.h"
#include "tcpfleet/v1/sockets.pb.h"

namespace tcpfleet::sockets {

// Packed deltas of ascending rows below kMostRows.
absl::StatusOr<std::vector<uint32_t>> ReadRowDeltas(absl::string_view bytes);

// The rows of a serialized OpenedRows, checked as a whole before the first is taken: a keyframe has
// too many to keep their identities beside the table. Views point into those bytes.
class OpenedRows {
 public:
  OpenedRows() = default;  // none
  // DataLoss as FrameDecoder describes it.
  static absl::StatusOr<OpenedRows> Read(absl::string_view bytes);

  const std::vector<uint32_t>& rows() const { return rows_; }  // ascending
  // Of the next of rows().
  void TakeIdentity(ConnectionIdentity& identity);

 private:
  struct Cgroup {
    std::optional<uint64_t> id;
    std::shared_ptr<const std::string> path;
  };
  struct List {
    absl::string_view deltas;
    bool is_zero = true;
    uint64_t value = 0;
    uint64_t Next();
  };
  static constexpr size_t kLists = v1::OpenedRows::kCongestionControlDeltasFieldNumber + 1;

  absl::Status TakeFields(absl::string_view bytes);
  absl::Status AddAddress(absl::string_view bytes);
  absl::Status AddProcess(absl::string_view bytes);
  absl::Status AddCgroup(absl::string_view bytes);
  absl::Status Check() const;
  template <class MakeError>
  absl::Status CheckList(int list, uint64_t most, const MakeError& bad) const;
  absl::Status CheckNumbers(int list, absl::string_view what, uint64_t most) const;
  absl::Status CheckAddresses(int list) const;
  absl::Status CheckEntries(int list, size_t entries) const;
  uint64_t Next(int list) { return lists_[static_cast<size_t>(list)].Next(); }

  absl::string_view row_deltas_;
  std::vector<uint32_t> rows_;
  std::array<List, kLists> lists_;
  // Entry 0 of what a row may do without is "none".
  std::vector<base::IpAddress> addresses_;
  std::vector<std::shared_ptr<const Process>> processes_{nullptr};
  std::vector<Cgroup> cgroups_{{}};
  std::vector<std::string> congestion_controls_{{}};
};

}  // namespace tcpfleet::sockets
