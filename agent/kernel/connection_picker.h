// The connections that a snapshot sends one by one, picked while sockets are counted.
//
// Of more than it may send it picks those of the smallest hashes, so that every snapshot has the
// same ones; how many are left out is an estimate then.
//
// Threads: not thread-safe. Bounds: twice `most` connections of about 1 KB.
#pragma once

#include <absl/status/statusor.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "agent/sockets/watcher.h"
#include "common/netlink/inet_diag.h"
#include "common/sockets/connection_sample.h"
#include "tcpfleet/v1/kernel.pb.h"

namespace tcpfleet::agent {

class ConnectionPicker {
 public:
  // InvalidArgument names the field.
  static absl::StatusOr<ConnectionPicker> New(const v1::ConnectionPick& pick);

  // What a dump must bring for it.
  netlink::Extensions extensions() const;

  // `true_at_ns`: CLOCK_MONOTONIC when the socket was as it says.
  void Take(const netlink::InetDiagSocket& socket, uint64_t network_namespace, int64_t true_at_ns);

  std::vector<uint32_t> Inodes() const;

  struct Dump {
    int64_t monotonic_ns = 0;
    uint64_t torn = 0;
    bool gap = false;
  };
  // The owner of an inode; null when it was not found. None: nobody looked.
  using ProcessOf = std::function<std::shared_ptr<const sockets::Process>(uint32_t inode)>;
  std::vector<v1::ConnectionFrame> Finish(const Dump& dump, const ProcessOf& process_of);

 private:
  struct Picked {
    uint32_t hash = 0;
    sockets::ConnectionSample sample;
  };

  ConnectionPicker(WatchPlan plan, size_t most) : plan_(std::move(plan)), most_(most) {}
  void Shrink();
  uint64_t LeftOut() const;

  WatchPlan plan_;
  size_t most_;
  std::vector<Picked> picked_;
  // Connections of larger hashes are not looked at: there are enough of smaller ones.
  uint32_t bar_ = UINT32_MAX;
  sockets::ConnectionSample sample_;  // being filled
};

}  // namespace tcpfleet::agent
