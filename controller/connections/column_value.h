// What stands in a column, for comparing.
#pragma once

#include <absl/strings/string_view.h>
#include <absl/time/time.h>
#include <absl/types/span.h>

#include <cstdint>
#include <optional>

#include "common/base/ip_address.h"
#include "controller/connections/row_query.h"

namespace tcpfleet::controller {

enum class ColumnOrder : uint8_t {
  kNumber,    // NumberIn
  kText,      // TextIn
  kEndpoint,  // EndpointIn
};
ColumnOrder OrderOf(const Column& column);

// Numbers that are ordered like the values. Moments count by how long ago they were; absent when
// unknown.
std::optional<uint64_t> NumberIn(const Column& column, const ConnectionRow& row,
                                 const HostView& host);
// Empty when unknown.
absl::string_view TextIn(const Column& column, const ConnectionRow& row);
// The port is 0 where the column has none; IPv4-mapped addresses count as IPv4.
base::Endpoint EndpointIn(const Column& column, const ConnectionRow& row);

// How long the connection has been there, as far as is known.
struct Age {
  absl::Duration at_least;
  bool exact = false;  // its opening was seen
};
std::optional<Age> AgeOf(const sockets::FieldValues& values, const HostView& host);

}  // namespace tcpfleet::controller
