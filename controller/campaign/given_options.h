// Options of a load run as they were given: from the command line, a run file, a saved run or one
// side of --ab, all in one form: those of StressArgumentTable(), the workload, and those that make
// several runs of one (repeat, find-max, ab). One entry per option, in the order of the tables.
//
// Errors: InvalidArgument, one line that names the option and what would be right.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>

#include <string>
#include <vector>

#include "controller/stress/arguments.h"
#include "tcpfleet/v1/report.pb.h"

namespace tcpfleet::controller {

inline constexpr absl::string_view kWorkloadOption = "workload";
inline constexpr absl::string_view kRepeatOption = "repeat";
inline constexpr absl::string_view kFindMaxOption = "find-max";
inline constexpr absl::string_view kAbOption = "ab";

class GivenOptions {
 public:
  GivenOptions() = default;

  // Values of a flag are "true" or "false"; only a repeatable option takes more than one.
  absl::Status Set(absl::string_view name, std::vector<std::string> values);

  // One option's values; empty when it is not there.
  std::vector<std::string> Get(absl::string_view name) const;
  bool Has(absl::string_view name) const { return !Get(name).empty(); }

  // Options of `stronger` replace those of the same name.
  void ReplaceBy(const GivenOptions& stronger);
  // The same, but repeatable options are added to those that are there.
  void ExtendBy(const GivenOptions& stronger);

  // Without those that make several runs of one.
  GivenOptions OfOneRun() const;
  StressArguments ToArguments() const;

  const std::vector<v1::SavedOption>& list() const { return list_; }
  static absl::StatusOr<GivenOptions> FromSaved(
      const google::protobuf::RepeatedPtrField<v1::SavedOption>& saved);

 private:
  v1::SavedOption& Slot(absl::string_view name);

  std::vector<v1::SavedOption> list_;
};

// "--socket-option congestion=bbr --rate 5k": words between blanks; 'single' and "double" quotes
// keep them together. Options of one run only.
absl::StatusOr<GivenOptions> ParseOptionLine(absl::string_view line);

// Of all options, the workload first.
std::vector<std::string> OptionNames();
bool IsRepeatable(absl::string_view name);
bool IsFlag(absl::string_view name);

// Options that are not given alike, with their dashes.
std::vector<v1::Difference> OptionDifferences(const GivenOptions& a, const GivenOptions& b);

}  // namespace tcpfleet::controller
