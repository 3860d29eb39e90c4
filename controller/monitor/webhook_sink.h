#pragma once

#include <optional>
#include <vector>

#include "common/base/mutex.h"
#include "controller/monitor/sink.h"
#include "controller/monitor/sink_worker.h"

namespace tcpfleet::controller {

// Posts to Alertmanager, or whatever has its API: what is told at once, and all that fires every
// resend_interval. Threads: as AlertSink; posting has a thread of its own.
class WebhookSink final : public AlertSink {
 public:
  WebhookSink(WebhookSinkOptions options, base::Clock& clock);

  void Notify(const v1::AlertNotification& notification) override;
  void Refresh(absl::Span<const v1::Alert> told) override;
  v1::SinkStatus status() const override { return worker_.status(); }

 private:
  absl::Status Deliver(absl::Span<const v1::AlertNotification> notifications, int64_t deadline_ns);

  absl::Status Post(absl::Span<const v1::Alert> told,
                    absl::Span<const v1::AlertNotification> notifications,
                    int64_t deadline_ns) const;

  const WebhookSinkOptions options_;
  base::Clock& clock_;
  int64_t refreshed_ns_ = 0;
  base::Mutex mutex_;
  // Waits to be posted; newer ones take its place.
  std::optional<std::vector<v1::Alert>> told_ ABSL_GUARDED_BY(mutex_);
  SinkWorker worker_;  // last: its thread uses the rest
};

}  // namespace tcpfleet::controller
