// Which connections somebody wants: a subset of the filter language of ss(8).
//
// Threads: immutable; copies and concurrent use are fine.
#pragma once

#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>

#include <cstdint>
#include <string>

#include "common/filter/expression.h"
#include "common/sockets/connection_sample.h"
#include "common/sockets/derived.h"

namespace tcpfleet::filter {

// What a filter is asked about. What is null or empty is unknown, and a comparison with something
// unknown is neither true nor false: the whole filter must be true for a match.
struct Subject {
  const sockets::ConnectionSample* sample;  // not null
  const sockets::Derived* derived = nullptr;
  absl::string_view host = {};  // as the inventory names it
  int64_t now_ns = 0;           // CLOCK_MONOTONIC of the sample's host; 0: unknown
};

class Filter {
 public:
  // InvalidArgument: "filter, column 7: expected a TCP state such as established, found 'estab1'".
  static absl::StatusOr<Filter> Parse(absl::string_view text);

  // A sample without a state matches nothing.
  bool Matches(const Subject& subject) const;
  bool Matches(const sockets::ConnectionSample& sample) const {
    return Matches({.sample = &sample});
  }
  // States a match can be in: what to ask the kernel for.
  sockets::StateMask StateMask() const { return expression_.states; }
  const std::string& text() const { return text_; }

 private:
  Filter(std::string text, Expression expression);

  std::string text_;
  Expression expression_;
};

}  // namespace tcpfleet::filter
