// The identities of connections that appear, turned into columns.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <tuple>

#include "common/sockets/connection_sample.h"

namespace tcpfleet::sockets {

class OpenedColumns {
 public:
  void Clear();
  // Rows come in ascending order.
  void Add(uint32_t row, const ConnectionIdentity& identity);

  bool empty() const { return row_deltas_.empty(); }
  // Appends a serialized OpenedRows.
  void AppendTo(std::string& out);
  // Of what that takes, never less.
  size_t EstimatedBytes() const { return bytes_; }

 private:
  enum Number : uint8_t {
    kCookie,
    kNetworkNamespace,
    kLocalAddress,
    kLocalPort,
    kRemoteAddress,
    kRemotePort,
    kInterface,
    kUid,
    kInode,
    kProcess,
    kCgroup,
    kCongestionControl,
    kNumbers
  };
  // The differences of one list; empty while all values are 0.
  struct List {
    std::string deltas;
    uint64_t last = 0;
    size_t zeros = 0;  // at the end, not written yet
  };
  void Put(Number number, uint64_t value);
  uint64_t IndexOf(const base::IpAddress& address);
  uint64_t IndexOf(const std::shared_ptr<const Process>& process);
  uint64_t IndexOf(const std::optional<uint64_t>& cgroup_id,
                   const std::shared_ptr<const std::string>& cgroup);
  uint64_t IndexOf(const std::string& congestion_control);

  std::array<List, kNumbers> lists_;
  std::string row_deltas_;
  uint32_t last_row_ = 0;
  // Entries of the dictionaries, serialized as fields of OpenedRows, and where they are.
  std::string entries_;
  absl::flat_hash_map<std::string, uint64_t> addresses_;
  absl::flat_hash_map<const Process*, uint64_t> processes_;
  absl::flat_hash_map<std::tuple<bool, uint64_t, const std::string*>, uint64_t> cgroups_;
  absl::flat_hash_map<std::string, uint64_t> congestion_controls_;
  std::string scratch_;
  size_t bytes_ = 0;
};

}  // namespace tcpfleet::sockets
