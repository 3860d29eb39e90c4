#include "controller/monitor/time_proto.h"

#include <algorithm>
#include <cstdint>

namespace tcpfleet::controller {
namespace {

// 0001-01-01 to 9999-12-31: what a Timestamp can be in JSON.
constexpr int64_t kFirstSecond = -62'135'596'800;
constexpr int64_t kLastSecond = 253'402'300'799;

}  // namespace

google::protobuf::Timestamp ToTimestamp(absl::Time time) {
  google::protobuf::Timestamp timestamp;
  const int64_t seconds = std::clamp(absl::ToUnixSeconds(time), kFirstSecond, kLastSecond);
  const absl::Duration rest = time - absl::FromUnixSeconds(seconds);
  timestamp.set_seconds(seconds);
  timestamp.set_nanos(
      static_cast<int32_t>(std::clamp<int64_t>(absl::ToInt64Nanoseconds(rest), 0, 999'999'999)));
  return timestamp;
}

absl::Time ToTime(const google::protobuf::Timestamp& timestamp) {
  return absl::FromUnixSeconds(std::clamp(timestamp.seconds(), kFirstSecond, kLastSecond)) +
         absl::Nanoseconds(std::clamp(timestamp.nanos(), 0, 999'999'999));
}

}  // namespace tcpfleet::controller
