#pragma once

#include <memory>
#include <string>

#include "common/sys/file.h"
#include "controller/monitor/sink.h"
#include "controller/monitor/sink_worker.h"

namespace tcpfleet::controller {

// Runs a program for each notification, one at a time, in order: JSON of AlertNotification on
// stdin, nothing on stdout, the first line of stderr becomes the error. After its timeout it and
// its process group are killed. One that fails is not run again. Threads: as AlertSink.
class CommandSink final : public AlertSink {
 public:
  static absl::StatusOr<std::unique_ptr<CommandSink>> Open(CommandSinkOptions options,
                                                           base::Clock& clock);

  void Notify(const v1::AlertNotification& notification) override { worker_.Push(notification); }
  v1::SinkStatus status() const override { return worker_.status(); }

 private:
  CommandSink(CommandSinkOptions options, sys::TemporaryDirectory directory, base::Clock& clock);
  absl::Status Run(const v1::AlertNotification& notification, int64_t deadline_ns) const;

  const CommandSinkOptions options_;
  // Of the file that becomes stdin: a program that does not read blocks nobody.
  const sys::TemporaryDirectory directory_;
  base::Clock& clock_;
  SinkWorker worker_;  // last: its thread uses the rest
};

}  // namespace tcpfleet::controller
