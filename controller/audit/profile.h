// What kernel parameters ought to be: rules by key, from a profile in YAML or a sysctl.d file.
//
// Errors: InvalidArgument "FILE:LINE: what is wrong, what would be right".
// Bounds: kMostRules rules, kMostProfileBytes of text, kLongestProfileLine bytes in a line,
//         kMostChoices values, elements or labels of a rule.
#pragma once

#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>
#include <absl/types/span.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace tcpfleet::controller {

inline constexpr size_t kMostRules = 4'096;
inline constexpr size_t kMostProfileBytes = size_t{1} << 20;
inline constexpr size_t kLongestProfileLine = 4'096;
inline constexpr size_t kMostChoices = 64;

enum class Severity { kInfo, kWarn, kCrit };
absl::string_view SeverityName(Severity severity);
absl::StatusOr<Severity> ParseSeverity(absl::string_view text);

// Of one number; neither bound: anything.
struct Bounds {
  std::optional<int64_t> least;
  std::optional<int64_t> most;

  bool Hold(int64_t value) const {
    return (!least || value >= *least) && (!most || value <= *most);
  }
};

struct Condition {
  // Kernel versions, "5.4": from `since` on, before `until`.
  std::string since;
  std::string until;
  // Bytes of RAM.
  std::optional<uint64_t> least_ram;
  std::optional<uint64_t> most_ram;
  // Labels of the inventory.
  std::map<std::string, std::string> labels;
  // A kernel module that must be loaded, one of KnownModules().
  std::string module = {};

  bool operator==(const Condition&) const = default;
};

struct Rule {
  std::string key;  // path form, may be a glob pattern
  Severity severity = Severity::kWarn;
  std::string reason;
  std::string reference;
  Condition when;
  uint32_t line = 0;  // of the profile

  // Exactly one of these says what is right.
  std::optional<std::string> equals;  // canonical
  std::vector<std::string> one_of;    // canonical
  std::vector<Bounds> elements;       // one per number of the value
  bool absent = false;                // the kernel must not have it

  // With `equals`: a host whose numbers are higher is right too.
  bool never_lower = false;
  // The numbers must not descend.
  bool ordered = false;

  // The rule corrects a value that is often recommended: the value, canonical, and why.
  std::optional<std::string> original = {};
  std::string correction = {};
};

struct Profile {
  std::string name;
  std::string description;
  std::vector<Rule> rules;
};

// "at least 4096", "one of 1, 2", "- >=131072 >=6291456": what a rule wants, in words.
std::string WantedText(const Rule& rule);

// Profiles that come with tcpfleet: their names, and one of them.
std::vector<std::string> BuiltInProfiles();

// A built-in profile by its name, else a file: a profile (.yaml, .yml) or a sysctl.d file, whose
// values are wanted exactly.
absl::StatusOr<Profile> LoadProfile(const std::string& name_or_path);

absl::StatusOr<Profile> ParseProfile(const std::string& path, absl::string_view yaml);
absl::StatusOr<Profile> ParseSysctlFile(const std::string& path, absl::string_view text);

}  // namespace tcpfleet::controller
