// One subscriber to an agent's sockets, as the controller is one.
#pragma once

#include <absl/status/statusor.h>

#include <memory>
#include <string>

#include "common/base/queue.h"
#include "controller/fleet/agent_client.h"
#include "tcpfleet/v1/sockets.pb.h"

namespace tcpfleet::bench {

class Subscriber {
 public:
  static absl::StatusOr<std::unique_ptr<Subscriber>> Start(const std::string& address,
                                                           const v1::WatchRequest& request);
  ~Subscriber();

  // DeadlineExceeded when none comes for 30 s.
  absl::StatusOr<v1::ConnectionFrame> Next();

 private:
  explicit Subscriber(std::unique_ptr<controller::AgentClient> client)
      : client_(std::move(client)) {}

  base::Queue<v1::ConnectionFrame> frames_{64};
  const std::unique_ptr<controller::AgentClient> client_;
  std::unique_ptr<controller::StreamCall> call_;
};

}  // namespace tcpfleet::bench
