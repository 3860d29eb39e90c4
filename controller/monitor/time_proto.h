// Times of messages as values. What a file says may be anything: seconds and nanoseconds out of
// range become the nearest time that is in it.
#pragma once

#include <absl/time/time.h>
#include <google/protobuf/timestamp.pb.h>

namespace tcpfleet::controller {

google::protobuf::Timestamp ToTimestamp(absl::Time time);
absl::Time ToTime(const google::protobuf::Timestamp& timestamp);

}  // namespace tcpfleet::controller
