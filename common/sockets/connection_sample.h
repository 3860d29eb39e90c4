// One TCP connection at one moment, as every sampler delivers it and every view reads it.
#pragma once

#include <absl/types/span.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "common/base/ip_address.h"
#include "common/sockets/field.h"

namespace tcpfleet::sockets {

// Values by field; a field that is absent was not reported by the kernel, which is not the same as
// 0.
class FieldValues {
 public:
  bool Has(Field field) const { return present_[SlotOf(field)]; }
  // 0 when absent.
  uint64_t Get(Field field) const { return values_[SlotOf(field)]; }
  std::optional<uint64_t> Find(Field field) const {
    return Has(field) ? std::optional<uint64_t>(Get(field)) : std::nullopt;
  }
  void Set(Field field, uint64_t value) {
    present_.set(SlotOf(field));
    values_[SlotOf(field)] = value;
  }
  void Erase(Field field) {
    present_.reset(SlotOf(field));
    values_[SlotOf(field)] = 0;
  }
  const FieldMask& present() const { return present_; }
  // By field number; 0 where absent.
  const std::array<uint64_t, kFieldSlots>& by_slot() const { return values_; }
  bool operator==(const FieldValues&) const = default;

 private:
  FieldMask present_;
  std::array<uint64_t, kFieldSlots> values_{};  // 0 where absent
};

// A program that owns sockets. Shared by all of them.
struct Process {
  uint32_t pid = 0;
  uint64_t start_ticks = 0;  // since boot, in clock ticks: with the pid it names a process for ever
  std::string comm;
  std::string command_line;  // arguments joined by blanks; empty for kernel threads
  bool operator==(const Process&) const = default;
};

// What identifies and describes a connection for its whole life.
struct ConnectionIdentity {
  uint64_t cookie = 0;
  uint64_t network_namespace = 0;
  base::Endpoint local;
  base::Endpoint remote;
  uint32_t interface = 0;
  std::optional<uint32_t> uid;
  uint64_t inode = 0;
  std::shared_ptr<const Process> process;  // null: not looked for, or not found
  std::optional<uint64_t> cgroup_id;
  std::shared_ptr<const std::string> cgroup;  // path below the cgroup2 mount; null: unknown
  std::string congestion_control;

  // Compares what the pointers point to.
  bool operator==(const ConnectionIdentity& other) const;
};

struct ConnectionSample {
  ConnectionIdentity identity;
  FieldValues values;
  // Bytes of tcp_info beyond the fields this version knows.
  std::string tcp_info_tail;

  bool operator==(const ConnectionSample&) const = default;
};

// Reads the fields out of a tcp_info of any kernel: exactly those that lie whole within `raw`.
// Bytes beyond what this version knows go to sample.tcp_info_tail. Times the kernel gives as "ago"
// become moments before `monotonic_ns`. Does not touch kState, which the caller knows better.
void ReadTcpInfoInto(absl::Span<const std::byte> raw, int64_t monotonic_ns,
                     ConnectionSample& sample);

}  // namespace tcpfleet::sockets
