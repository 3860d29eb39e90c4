// Options with checked values. A value that cannot be is refused while parsing, in one line:
// "--timeout: 'abc' is not a duration: write for example 500ms, 10s or 1h30m".
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>
#include <absl/time/time.h>

#include <cstdint>
#include <functional>
#include <string>

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace tcpfleet::controller {

// `parse` gets the text and answers InvalidArgument when it is wrong.
CLI::Option* AddParsed(CLI::App& app, const std::string& name, const std::string& value_name,
                       const std::string& help,
                       std::function<absl::Status(absl::string_view text)> parse);

// base::ParseDuration, within [least, most].
CLI::Option* AddDuration(CLI::App& app, const std::string& name, absl::Duration& value,
                         absl::Duration least, absl::Duration most, const std::string& help);

// base::ParseCount ("5000", "100k"), within [least, most].
CLI::Option* AddCount(CLI::App& app, const std::string& name, uint64_t& value, uint64_t least,
                      uint64_t most, const std::string& help);

absl::StatusOr<absl::Duration> ParseDurationWithin(absl::string_view text, absl::Duration least,
                                                   absl::Duration most);
absl::StatusOr<uint64_t> ParseCountWithin(absl::string_view text, uint64_t least, uint64_t most);

}  // namespace tcpfleet::controller
