#pragma once

#include <memory>
#include <string>
#include <utility>

#include "common/sys/append_file.h"
#include "controller/monitor/sink.h"

namespace tcpfleet::controller {

// One line of JSON, an AlertNotification, at the end of a file, written before Notify returns. The
// file is this one's alone while it is open. Bounds: kMostJsonlBytes; what would go beyond is
// counted as failed.
inline constexpr uint64_t kMostJsonlBytes = uint64_t{1} << 30;

class JsonlSink final : public AlertSink {
 public:
  // A line that a dying writer left half done is closed: it alone is broken then.
  static absl::StatusOr<std::unique_ptr<JsonlSink>> Open(const std::string& path);

  void Notify(const v1::AlertNotification& notification) override;
  v1::SinkStatus status() const override { return status_; }

 private:
  JsonlSink(const std::string& path, sys::AppendFile file);
  absl::Status Append(const v1::AlertNotification& notification);

  sys::AppendFile file_;
  v1::SinkStatus status_;
};

}  // namespace tcpfleet::controller
