// Which connections somebody wants: the filter language of ss(8), and comparisons with everything
// else that is known of a connection. Grammar: README.md.
//
// Threads: immutable; copies are cheap and concurrent use is fine.
// Errors:  InvalidArgument: "filter, column 7: expected a TCP state such as established, found
//          'estab1'".
// Bounds:  kLongestText, kMostConditions, kDeepestNesting, kMostPatterns; a kernel program has at
//          most kMostProgramBytes.
#pragma once

#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>
#include <absl/types/span.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/base/ip_address.h"
#include "common/sockets/connection_sample.h"
#include "common/sockets/derived.h"
#include "common/sockets/state_names.h"

namespace tcpfleet::filter {

inline constexpr size_t kLongestText = 8192;    // also with names resolved
inline constexpr size_t kMostConditions = 512;  // also with names resolved
inline constexpr int kDeepestNesting = 64;
inline constexpr size_t kMostPatterns = 16;  // of `~` with a regular expression
inline constexpr size_t kMostProgramBytes = 8192;

// What a filter is asked about. What is null or empty is unknown, and a comparison with something
// unknown is neither true nor false: the whole filter must be true for a match.
struct Subject {
  const sockets::ConnectionSample* sample;  // not null
  const sockets::Derived* derived = nullptr;
  absl::string_view host = {};  // as the inventory names it
  int64_t now_ns = 0;           // CLOCK_MONOTONIC of the sample's host; 0: unknown
};

// Who knows names where a filter is parsed. Names of a kind nobody knows are refused.
struct Resolver {
  std::function<absl::StatusOr<std::vector<base::IpAddress>>(const std::string& host)> addresses;
  std::function<absl::StatusOr<uint16_t>(const std::string& service)> port;
  std::function<absl::StatusOr<uint32_t>(const std::string& name)> device;  // its index
  // Without `device`: keep names of devices for the parser that gets text(). This filter does not
  // know which sockets they mean.
  bool keep_device_names = false;
  // net.ipv4.ip_local_port_range: what `autobound` means.
  uint16_t first_ephemeral_port = 32768;
  uint16_t last_ephemeral_port = 60999;
};

// A set of address families of sockets.
using FamilyMask = uint8_t;
inline constexpr FamilyMask kIpv4 = 1;
inline constexpr FamilyMask kIpv6 = 2;

struct CompiledFilter;

class Filter {
 public:
  static absl::StatusOr<Filter> Parse(absl::string_view text, const Resolver& resolver = {});

  // A sample without a state matches nothing.
  bool Matches(const Subject& subject) const;
  bool Matches(const sockets::ConnectionSample& sample) const {
    return Matches(Subject{.sample = &sample});
  }

  // The same filter where the host is known: comparisons with the host are decided.
  Filter ForHost(absl::string_view host) const;
  // No connection can match, whatever it is. False says nothing.
  bool NeverMatches() const;

  // States and families a match can be in: what to ask the kernel for.
  sockets::StateMask StateMask() const;
  FamilyMask Families() const;
  // A program for INET_DIAG_REQ_BYTECODE that every match passes, and as little else as the kernel
  // can tell; it does not look at states. Empty: the kernel can tell nothing. Needs no capability,
  // works on every kernel from 4.19.
  std::vector<std::byte> KernelProgram() const;

  // Registered fields without which the filter cannot be judged, also through Subject::derived.
  sockets::FieldMask Fields() const;
  bool NeedsProcess() const;
  bool NeedsCgroup() const;
  bool NeedsDerived() const;
  bool NeedsHost() const;

  // The canonical form: parses to the same filter again, without names to resolve.
  const std::string& text() const;

 private:
  explicit Filter(std::shared_ptr<const CompiledFilter> compiled);
  friend std::vector<std::byte> KernelProgramForAny(absl::Span<const Filter* const> filters);

  std::shared_ptr<const CompiledFilter> compiled_;
};

// A program that passes whatever one of the filters matches: for one dump that serves them all.
// Empty when one of them cannot be judged by the kernel, or they are too many.
std::vector<std::byte> KernelProgramForAny(absl::Span<const Filter* const> filters);

}  // namespace tcpfleet::filter
