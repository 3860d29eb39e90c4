// Which connections somebody wants: a subset of the filter language of ss(8).
//
// Threads: immutable; copies and concurrent use are fine.
#pragma once

#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>

#include <string>

#include "common/filter/expression.h"
#include "common/sockets/connection_sample.h"

namespace tcpfleet::filter {

class Filter {
 public:
  // InvalidArgument: "filter, column 7: expected a TCP state such as established, found 'estab1'".
  static absl::StatusOr<Filter> Parse(absl::string_view text);

  // A sample without a state matches nothing.
  bool Matches(const sockets::ConnectionSample& sample) const;
  // States a match can be in: what to ask the kernel for.
  sockets::StateMask StateMask() const { return expression_.states; }
  const std::string& text() const { return text_; }

 private:
  Filter(std::string text, Expression expression);

  std::string text_;
  Expression expression_;
};

}  // namespace tcpfleet::filter
