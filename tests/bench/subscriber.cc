#include "tests/bench/subscriber.h"

#include <optional>
#include <utility>

#include "common/base/clock.h"
#include "common/base/status_macros.h"

namespace tcpfleet::bench {

absl::StatusOr<std::unique_ptr<Subscriber>> Subscriber::Start(const std::string& address,
                                                              const v1::WatchRequest& request) {
  TF_ASSIGN_OR_RETURN(std::unique_ptr<controller::AgentClient> client,
                      controller::NewGrpcAgentClient(address, {}));
  std::unique_ptr<Subscriber> subscriber(new Subscriber(std::move(client)));
  subscriber->call_ = subscriber->client_->Watch(
      request,
      [frames = &subscriber->frames_](v1::WatchResponse response) {
        frames->Push(std::move(*response.mutable_frame()));
      },
      [](const absl::Status&) {});
  return subscriber;
}

Subscriber::~Subscriber() { call_.reset(); }

absl::StatusOr<v1::ConnectionFrame> Subscriber::Next() {
  constexpr int64_t kPatienceNs = 30'000'000'000;
  std::optional<v1::ConnectionFrame> frame = frames_.PopUntil(base::MonotonicNowNs() + kPatienceNs);
  if (!frame) return absl::DeadlineExceededError("the agent sends no frame for 30 s");
  return *std::move(frame);
}

}  // namespace tcpfleet::bench
