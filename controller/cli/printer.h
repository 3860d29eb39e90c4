// Machine-readable output. Errors: InvalidArgument (text that is no UTF-8).
#pragma once

#include <absl/status/status.h>
#include <absl/types/span.h>
#include <google/protobuf/message.h>

#include <ostream>
#include <string>
#include <vector>

namespace tcpfleet::controller {

// One protobuf-JSON document and a newline. Numbers and lists are there even when 0 or empty;
// absent `optional` fields and messages are not.
absl::Status WriteJson(std::ostream& out, const google::protobuf::Message& message);

// The same on one line.
absl::Status WriteJsonl(std::ostream& out, const google::protobuf::Message& message);

// RFC 4180: CRLF, quotes where needed.
using CsvRow = std::vector<std::string>;
void WriteCsvRow(std::ostream& out, const CsvRow& row);
void WriteCsv(std::ostream& out, const CsvRow& header, absl::Span<const CsvRow> rows);

}  // namespace tcpfleet::controller
