// What a filter can compare besides states, ports and addresses: the names people type, where the
// value comes from, and the literals it is compared with.
#pragma once

#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "common/sockets/field.h"

namespace tcpfleet::filter {

enum class Unit : uint8_t {
  kNumber,
  kMicroseconds,
  kMilliseconds,
  kBytes,
  kBytesPerSecond,
  kShare,  // in units of 0.000001 %, so that what people type is a whole number
};
inline constexpr double kShareUnitsPerOne = 1e8;

// A number of a connection.
struct Quantity {
  enum class Source : uint8_t {
    kField,
    kAgo,    // since the moment in `field`
    kUntil,  // until the moment in `field`
    kAge,
    kIdle,
    kUid,
    kPid,
    kInode,
    kCookie,
    kNamespace,
    kCgroupId,
    // Of sockets::Derived.
    kSendRate,
    kReceiveRate,
    kAckedRate,
    kRetransShare,
    kBusyShare,
    kRwndLimitedShare,
    kSndbufLimitedShare,
  };
  absl::string_view name;  // canonical
  Source source = Source::kField;
  sockets::Field field = sockets::Field::kState;  // of kField, kAgo and kUntil
  Unit unit = Unit::kNumber;
};

enum class TextSource : uint8_t { kProcess, kCommand, kCgroup, kHost, kCongestionControl };
absl::string_view NameOf(TextSource source);

struct LimitSource {};  // sockets::Derived::limited

// What a name stands for, in any spelling it has here or in ss.
using Topic = std::variant<Quantity, TextSource, LimitSource>;
std::optional<Topic> FindTopic(absl::string_view name);
// Every spelling, for suggestions.
std::vector<std::string> TopicNames();

// "20ms" in the unit of the quantity, exactly. InvalidArgument says what is wrong and what would be
// right: "'eth0' is not a time: rtt is compared with one such as 20ms, 300us or 1h30m".
absl::StatusOr<uint64_t> ParseLiteral(const Quantity& quantity, absl::string_view text);
// Parses to the same value again.
std::string FormatLiteral(const Quantity& quantity, uint64_t value);

}  // namespace tcpfleet::filter
