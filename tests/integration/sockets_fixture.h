// An agent whose sockets the test watches over gRPC, and crowds of connections to watch.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/queue.h"
#include "common/sockets/frame_decoder.h"
#include "controller/fleet/agent_client.h"
#include "tests/integration/fleet_fixture.h"

namespace tcpfleet::tests {

inline constexpr int64_t kPatienceNs = 30'000'000'000;

struct SocketsSnapshot {
  std::vector<sockets::ConnectionSample> connections;
  v1::Completeness completeness;
  int64_t monotonic_ns = 0;
};

// A Watch call whose frames the test takes one by one.
class WatchReader {
 public:
  WatchReader(controller::AgentClient& client, const v1::WatchRequest& request);

  // Applies the next frame. False after kPatienceNs, after the end of the stream, and when the
  // frame cannot be applied, which fails the test.
  bool Next();
  // Takes frames until `holds` is true of the state behind one.
  bool Until(const std::function<bool(const WatchReader&)>& holds);

  const v1::ConnectionFrame& frame() const { return frame_; }
  const sockets::FrameDecoder& decoder() const { return decoder_; }
  // Everything that ended so far.
  const std::vector<sockets::ClosedConnection>& closed() const { return closed_; }
  // Live connections with this port on the given side.
  std::vector<const sockets::ConnectionSample*> WithLocalPort(uint16_t port) const;
  std::vector<const sockets::ConnectionSample*> WithRemotePort(uint16_t port) const;

 private:
  base::Queue<std::optional<v1::ConnectionFrame>> frames_{10'000};  // nothing: the end
  v1::ConnectionFrame frame_;
  sockets::FrameDecoder decoder_;
  std::vector<sockets::ClosedConnection> closed_;
  std::unique_ptr<controller::StreamCall> call_;  // last: no callback after the others are gone
};

// Two processes that hold the two ends of connections.
struct Crowd {
  RunningProgram server;
  base::Endpoint endpoint;
  std::optional<RunningProgram> client;
};

class SocketsTest : public FleetTest {
 protected:
  // An agent on a host of its own that also listens on a Unix socket.
  TestAgent& AddWatchedAgent(const std::string& name);
  // A client of it, over a connection of its own.
  std::unique_ptr<controller::AgentClient> NewClient(const TestAgent& agent);

  absl::StatusOr<SocketsSnapshot> Snapshot(controller::AgentClient& client,
                                           const v1::SnapshotRequest& request);

  // `client` is what socket_crowd takes around the endpoint, such as {"connect", "e10", "s2"}; the
  // server alone without it.
  Crowd AddCrowd(const Host& host, const base::IpAddress& address,
                 std::vector<std::string> client = {});
  // `count` connections between this host's own sockets, busy all the time.
  RunningProgram AddChatter(const Host& host, int count);
};

// What `filter` selects, every 100 ms.
v1::WatchRequest FastWatch(const std::string& filter);

}  // namespace tcpfleet::tests
