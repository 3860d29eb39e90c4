// A fleet that was never there, second by second: the same connections, rates and troubles each
// time.
//
// web1, web2, ... answer clients on port 443 and ask db1 on port 5432, where those connections'
// other ends are; one agent answers nobody.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "common/sockets/connection_sample.h"
#include "common/sockets/frame_encoder.h"
#include "tcpfleet/v1/recording.pb.h"

namespace tcpfleet::tests {

class FleetStory {
 public:
  struct Options {
    int web_hosts = 2;
    int clients = 8;          // connections of each web host
    int active_percent = 75;  // of them; the others stand still
    bool has_silent_agent = true;
  };
  // 2026-11-20T14:00:00Z
  static constexpr int64_t kBeginUnixNs = 1'795'183'200'000'000'000;

  explicit FleetStory(const Options& options);

  // What arrives within the next second, from second 0 on.
  std::vector<v1::RecordingEntry> NextSecond();

 private:
  struct Connection {
    sockets::ConnectionSample sample;
    int number = 0;  // what its rates follow from
    bool is_active = false;
  };
  struct Host {
    std::string name;
    std::vector<Connection> connections;
    sockets::FrameEncoder encoder;
  };

  void AddWebHost(int number, Host& database);
  void AddConnection(Host& host, uint16_t local_port, const std::string& remote, int number,
                     bool is_server);
  void Move(Connection& connection) const;
  v1::RecordingEntry Up(uint32_t agent) const;
  v1::RecordingEntry Frame(uint32_t agent);

  const Options options_;
  std::vector<Host> hosts_;
  uint64_t next_cookie_ = 4096;
  int second_ = 0;
};

}  // namespace tcpfleet::tests
