// A watched host for tests: connections that change, and the entries its agent would send.
#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "common/sockets/frame_encoder.h"
#include "controller/connections/fleet_table.h"

namespace tcpfleet::controller {

inline sockets::ConnectionSample Connection(uint64_t cookie, const std::string& local,
                                            const std::string& remote) {
  sockets::ConnectionSample sample;
  sample.identity.cookie = cookie;
  sample.identity.network_namespace = 4026531840;
  sample.identity.local = *base::ParseEndpoint(local);
  sample.identity.remote = *base::ParseEndpoint(remote);
  sample.identity.inode = 1000 + cookie;
  sample.values.Set(sockets::Field::kState, 1);
  return sample;
}

class ScriptedHost {
 public:
  explicit ScriptedHost(uint32_t agent, std::string name = "web1")
      : agent_(agent), name_(std::move(name)) {}

  static constexpr int64_t kUnixMinusMonotonicNs = 1'700'000'000'000'000'000;

  v1::RecordingEntry Up(const std::string& boot_id = "boot") const {
    v1::RecordingEntry entry = Entry();
    entry.mutable_up()->set_name(name_);
    entry.mutable_up()->set_address(name_ + ":7117");
    entry.mutable_up()->set_clock_offset_ns(-kUnixMinusMonotonicNs);
    entry.mutable_up()->mutable_host()->set_boot_id(boot_id);
    return entry;
  }
  v1::RecordingEntry Down() const {
    v1::RecordingEntry entry = Entry();
    entry.mutable_down()->set_name(name_);
    entry.mutable_down()->set_kind("died");
    entry.mutable_down()->set_cause("the connection broke");
    return entry;
  }
  // Of `connections`, `after_ms` after the frame before.
  v1::RecordingEntry Frame(int64_t after_ms = 1000) {
    now_ms_ += after_ms;
    sockets::ConnectionPoll poll;
    poll.sequence = ++sequence_;
    poll.monotonic_ns = now_ms_ * 1'000'000;
    poll.live = connections;
    poll.completeness.set_seen(connections.size());
    v1::RecordingEntry entry = Entry();
    *entry.mutable_frame() = encoder_->Encode(poll);
    return entry;
  }
  // The agent forgets what it told: the next frame is a keyframe with other row numbers.
  void Reconnect() {
    encoder_ = std::make_unique<sockets::FrameEncoder>();
    std::reverse(connections.begin(), connections.end());
  }
  sockets::FieldValues& values(uint64_t cookie) {
    return std::find_if(connections.begin(), connections.end(),
                        [&](const auto& sample) { return sample.identity.cookie == cookie; })
        ->values;
  }
  int64_t now_ms() const { return now_ms_; }

  std::vector<sockets::ConnectionSample> connections;

 private:
  v1::RecordingEntry Entry() const {
    v1::RecordingEntry entry;
    entry.set_agent(agent_);
    entry.set_unix_ns(static_cast<uint64_t>(kUnixMinusMonotonicNs + now_ms_ * 1'000'000));
    return entry;
  }

  uint32_t agent_;
  std::string name_;
  std::unique_ptr<sockets::FrameEncoder> encoder_ = std::make_unique<sockets::FrameEncoder>();
  uint64_t sequence_ = 0;
  int64_t now_ms_ = 100'000;
};

}  // namespace tcpfleet::controller
