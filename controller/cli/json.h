#pragma once

#include <absl/status/status.h>
#include <google/protobuf/message.h>

#include <string>

namespace tcpfleet::controller {

// Reads what WriteJson (printer.h) printed; fields of newer versions are skipped. InvalidArgument
// says in one line what is wrong, and where.
absl::Status ParseJson(const std::string& json, google::protobuf::Message& message);

}  // namespace tcpfleet::controller
