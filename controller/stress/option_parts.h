// The parts of ParseStressOptions, and how their values are read. Each sets its fields of the spec,
// whose workload is set, and refuses options that do not apply to it.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>
#include <absl/time/time.h>

#include <cstdint>
#include <initializer_list>
#include <string>
#include <vector>

#include "controller/stress/options.h"

namespace tcpfleet::controller {

inline constexpr absl::Duration kLongestStressTime = absl::Hours(24);

absl::Status ParseRoles(const StressArguments& arguments, StressOptions& options);
absl::Status ParseLoad(const StressArguments& arguments, v1::StressSpec& spec);
absl::Status ParseConnectionLife(const StressArguments& arguments, v1::StressSpec& spec);
absl::Status ParseMessages(const StressArguments& arguments, v1::StressSpec& spec);
absl::Status ParseSockets(const StressArguments& arguments, v1::StressSpec& spec);
// `own_server`: the servers are agents.
absl::Status ParseServerSide(const StressArguments& arguments, bool own_server,
                             v1::StressSpec& spec);

absl::StatusOr<uint32_t> ParseBoundedCount(absl::string_view option, absl::string_view text,
                                           uint64_t least, uint64_t most);
absl::StatusOr<uint64_t> ParseBoundedMs(absl::string_view option, absl::string_view text,
                                        absl::Duration least, absl::Duration most);
// Operations per second; 0 too.
absl::StatusOr<double> ParseRate(absl::string_view option, absl::string_view text);

// Index of `text` in `choices`. InvalidArgument lists them, with a suggestion.
absl::StatusOr<size_t> ParseChoice(absl::string_view option, absl::string_view text,
                                   const std::vector<std::string>& choices);

// OK when `text` is empty or the workload is one of `workloads`, else "OPTION: hold has no ...".
absl::Status OnlyFor(absl::string_view option, absl::string_view text, const v1::StressSpec& spec,
                     std::initializer_list<v1::StressSpec::Workload> workloads);

}  // namespace tcpfleet::controller
