#include "controller/connections/filter_words.h"

#include <absl/strings/str_join.h>

#include "common/sys/resolve.h"

namespace tcpfleet::controller {

absl::StatusOr<filter::Filter> ParseFilterWords(absl::Span<const std::string> words) {
  filter::Resolver resolver;
  resolver.addresses = &sys::ResolveHost;
  resolver.port = &sys::ResolveService;
  return filter::Filter::Parse(absl::StrJoin(words, " "), resolver);
}

}  // namespace tcpfleet::controller
