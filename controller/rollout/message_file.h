// Messages as files of protobuf-JSON.
#pragma once

#include <absl/status/status.h>
#include <google/protobuf/message.h>

#include <string>

namespace tcpfleet::controller {

inline constexpr size_t kMostMessageFileBytes = size_t{256} << 20;

// The whole file or what was there before.
absl::Status SaveMessage(const google::protobuf::Message& message, const std::string& path);

// InvalidArgument: no JSON of this message, or one with fields unknown here. NotFound: no file.
absl::Status ReadMessage(const std::string& path, google::protobuf::Message& message);

}  // namespace tcpfleet::controller
