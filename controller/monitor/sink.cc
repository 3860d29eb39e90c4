#include "controller/monitor/sink.h"

#include <algorithm>
#include <utility>

#include "common/base/status_macros.h"
#include "controller/monitor/command_sink.h"
#include "controller/monitor/jsonl_sink.h"
#include "controller/monitor/webhook_sink.h"

namespace tcpfleet::controller {
namespace {

AlertLevel WorstOf(const v1::AlertNotification& notification) {
  const auto level = [](const std::string& name) {
    return ParseAlertLevel(name).value_or(AlertLevel::kNone);
  };
  return std::max(level(notification.previous_severity()), level(notification.alert().severity()));
}

}  // namespace

absl::StatusOr<std::unique_ptr<AlertSink>> OpenSink(const SinkOptions& options,
                                                    base::Clock& clock) {
  if (const auto* jsonl = std::get_if<JsonlSinkOptions>(&options.kind)) {
    return JsonlSink::Open(jsonl->path);
  }
  if (const auto* command = std::get_if<CommandSinkOptions>(&options.kind)) {
    return CommandSink::Open(*command, clock);
  }
  return std::make_unique<WebhookSink>(std::get<WebhookSinkOptions>(options.kind), clock);
}

absl::StatusOr<Notifier> Notifier::Open(absl::Span<const SinkOptions> options, base::Clock& clock) {
  Notifier notifier;
  for (const SinkOptions& one : options) {
    TF_ASSIGN_OR_RETURN(std::unique_ptr<AlertSink> sink, OpenSink(one, clock));
    notifier.sinks_.push_back({one.least, std::move(sink)});
  }
  return notifier;
}

void Notifier::Tell(absl::Span<const v1::AlertNotification> notifications,
                    absl::Span<const v1::Alert> told) {
  for (const Entry& entry : sinks_) {
    for (const v1::AlertNotification& notification : notifications) {
      if (WorstOf(notification) >= entry.least) entry.sink->Notify(notification);
    }
    std::vector<v1::Alert> bad_enough;
    for (const v1::Alert& alert : told) {
      if (ParseAlertLevel(alert.notified_severity()) >= entry.least) bad_enough.push_back(alert);
    }
    entry.sink->Refresh(bad_enough);
  }
}

std::vector<v1::SinkStatus> Notifier::statuses() const {
  std::vector<v1::SinkStatus> statuses;
  for (const Entry& entry : sinks_) statuses.push_back(entry.sink->status());
  return statuses;
}

}  // namespace tcpfleet::controller
