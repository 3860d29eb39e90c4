// Everything known of one connection: who it belongs to, what limits it, its rates and RTT over
// time, all fields, and its other end where that is in the fleet.
//
// Threads: not thread-safe.
// Bounds:  kMostPoints points of history, from when it was opened on.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "controller/connections/fleet_table.h"
#include "controller/tui/canvas.h"
#include "controller/tui/connection_list.h"
#include "controller/tui/key.h"
#include "controller/tui/moment.h"

namespace tcpfleet::controller {

class ConnectionDetail {
 public:
  static constexpr size_t kMostPoints = 600;

  explicit ConnectionDetail(const RowKey& key) : key_(key) {}

  // After every entry the table took, and when it was replaced.
  void Observe(const FleetTable& table);
  // Scrolls. False when the key means nothing here.
  bool OnKey(const Key& key);
  void Draw(Canvas& canvas, int begin, int end, const FleetTable& table);

 private:
  struct Text {
    std::string text;
    Look look;
  };
  void Remember(const ConnectionRow& row, int64_t frame_ns);
  void FindPeer(const FleetTable& table);
  std::vector<Text> Description(const FleetTable& table, const ConnectionRow* far) const;
  std::vector<Text> Fields(const FleetTable& table, const ConnectionRow* far, int width) const;
  int DrawPlots(Canvas& canvas, int y, int height) const;

  const RowKey key_;
  std::optional<sockets::ConnectionSample> sample_;  // the last one there was
  ConnectionRow row_;                                // its row; points to `sample_`
  bool ended_ = false;
  int64_t frame_ns_ = 0;
  std::optional<RowKey> peer_;
  int64_t peer_sought_ns_ = 0;

  std::vector<float> send_rate_;
  std::vector<float> receive_rate_;
  std::vector<float> rtt_us_;
  size_t scroll_ = 0;
  size_t most_scroll_ = 0;
};

}  // namespace tcpfleet::controller
