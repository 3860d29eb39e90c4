// Where notifications go.
#pragma once

#include <absl/status/statusor.h>
#include <absl/types/span.h>

#include <memory>
#include <vector>

#include "common/base/clock.h"
#include "controller/monitor/sink_options.h"
#include "tcpfleet/v1/monitor.pb.h"

namespace tcpfleet::controller {

// Threads: all functions from one thread; they do not wait for others.
class AlertSink {
 public:
  virtual ~AlertSink() = default;
  virtual void Notify(const v1::AlertNotification& notification) = 0;
  // Everything that was told to fire and not to be resolved, each round: for receivers that forget
  // what they are not reminded of.
  virtual void Refresh(absl::Span<const v1::Alert>) {}
  virtual v1::SinkStatus status() const = 0;
};

// What cannot work is an error now: a file that cannot be written, a program that is not there.
absl::StatusOr<std::unique_ptr<AlertSink>> OpenSink(const SinkOptions& options, base::Clock& clock);

// All sinks of a configuration, each told what is bad enough for it.
class Notifier {
 public:
  static absl::StatusOr<Notifier> Open(absl::Span<const SinkOptions> options, base::Clock& clock);

  void Tell(absl::Span<const v1::AlertNotification> notifications,
            absl::Span<const v1::Alert> told);
  std::vector<v1::SinkStatus> statuses() const;

 private:
  struct Entry {
    AlertLevel least;
    std::unique_ptr<AlertSink> sink;
  };
  std::vector<Entry> sinks_;
};

}  // namespace tcpfleet::controller
